"""Definitions that work and that are refused, and names and types that are odd."""

from __future__ import annotations

import json
import pathlib

import deltalake
import pyarrow as pa
import pytest

import raw_delta
from e2e.shop import append, create, sync
from emulators.postgres import Database
from oracle import postgres
from program import Program


@pytest.mark.parametrize(
    "flags, error_class, code",
    [
        (("--mode", "incremental", "--primary-key", "id"), "NOT_YET_SUPPORTED", 2),
        (("--mode", "continuous", "--primary-key", "id"), "NOT_YET_SUPPORTED", 2),
        (
            (
                "--mode",
                "fulll",
            ),
            ("INVALID_ARGUMENT", "INVALID_DEFINITION"),
            2,
        ),
        (("--deletes", "soft"), "NOT_YET_SUPPORTED", 2),
        (("--max-rejected", "5"), "INVALID_DEFINITION", 2),
        (("--primary-key", "nothing"), ("COLUMN_NOT_FOUND", "INVALID_DEFINITION"), 2),
        (("--primary-key", "id,id"), ("INVALID_DEFINITION", "INVALID_ARGUMENT"), 2),
        (
            ("--columns", "name", "--primary-key", "id"),
            ("INVALID_DEFINITION", "COLUMN_NOT_FOUND"),
            2,
        ),
        (("--where", "id >"), "INVALID_PREDICATE", 2),
        (("--batch-rows", "0"), ("INVALID_DEFINITION", "INVALID_ARGUMENT"), 2),
        (("--connections", "-1"), ("INVALID_DEFINITION", "INVALID_ARGUMENT"), 2),
    ],
    ids=str,
)
def test_wrong_definition(
    shop_15: Program,
    database_15: Database,
    lake: pathlib.Path,
    flags: tuple[str, ...],
    error_class: str | tuple[str, ...],
    code: int,
) -> None:
    shop_15.fails(
        "synced-table",
        "create",
        "shop.public.t",
        "--from",
        lake,
        *flags,
        error_class=error_class,
        codes=(code, 1),
    )
    assert database_15.query("SELECT to_regclass('public.t'), to_regnamespace('spillway')") == [
        (None, None)
    ]
    assert shop_15.json("synced-table", "list") == []


def test_the_same_name_twice(shop_15: Program, lake: pathlib.Path) -> None:
    create(shop_15, lake, "--primary-key", "id")
    mend = shop_15.fails(
        "synced-table", "create", "shop.public.t", "--from", lake, error_class="ALREADY_EXISTS"
    ).mend
    assert "spillway sync shop.public.t" in mend and "synced-table alter shop.public.t" in mend


def test_unknown_target_names_the_nearest(shop_15: Program, lake: pathlib.Path) -> None:
    failure = shop_15.fails(
        "synced-table", "create", "shpo.public.t", "--from", lake, error_class="TARGET_NOT_FOUND"
    )
    assert (
        "shop" in failure.message + failure.mend and "target add" in failure.message + failure.mend
    )


def test_unknown_source_folder(shop_15: Program, tmp_path: pathlib.Path) -> None:
    shop_15.fails(
        "synced-table",
        "create",
        "shop.public.t",
        "--from",
        tmp_path / "nowhere",
        error_class=("SOURCE_NOT_FOUND", "DELTA_LOG_MISSING"),
    )


def test_schema_of_the_target_is_made(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    shop_15.done("synced-table", "create", "shop.sales.t", "--from", lake)
    assert database_15.query("SELECT count(*) FROM sales.t") == [(3,)]


NAMES = [
    "Id",
    "select",
    'a"b',
    "semi;--",
    "Ünï☃",
    "$1",
    "with space",
    "tab\there",
    "x" * 63,
    "über" * 12,
]


def test_odd_names(shop: Program, database: Database, tmp_path: pathlib.Path) -> None:
    """Column and table names are quoted everywhere: case, quotes, blanks, unicode, 63 bytes."""
    path = raw_delta.simple(
        tmp_path / "lake" / "odd",
        pa.table({name: pa.array([i, -i]) for i, name in enumerate(NAMES, 1)}),
    )
    table = 'My "odd" ; table'
    quoted = '"' + table.replace('"', '""') + '"'
    shop.done(
        "synced-table", "create", f"shop.public.{quoted}", "--from", path, "--primary-key", "Id"
    )
    with database.connect() as connection:
        assert list(postgres.column_types(connection, "public", table)) == NAMES
    assert database.query(f'SELECT "Id" FROM public.{quoted} ORDER BY 1'.replace("%", "%%")) == [
        (-1,),
        (1,),
    ]


@pytest.mark.parametrize(
    "names",
    [["x" * 64], ["y" * 63 + "a", "y" * 63 + "b"], ["ctid", "id"], ["xmin", "id"]],
    ids=["64 bytes", "collision", "ctid", "xmin"],
)
def test_names_that_the_server_cannot_hold(
    shop_15: Program, database_15: Database, tmp_path: pathlib.Path, names: list[str]
) -> None:
    path = raw_delta.simple(
        tmp_path / "lake" / "odd", pa.table({name: pa.array([1]) for name in names})
    )
    shop_15.fails(
        "synced-table",
        "create",
        "shop.public.t",
        "--from",
        path,
        error_class="IDENTIFIER_COLLISION",
    )
    assert database_15.query("SELECT to_regclass('public.t')") == [(None,)]


@pytest.mark.parametrize(
    "override, kind, want",
    [
        ("name=varchar(5)", "character varying(5)", ["a", None, "c"]),
        ("name=varchar", "character varying", ["a", None, "c"]),
    ],
    ids=str,
)
def test_type_override(
    shop: Program,
    database: Database,
    lake: pathlib.Path,
    override: str,
    kind: str,
    want: list[str | None],
) -> None:
    create(shop, lake, "--primary-key", "id", "--type-overrides", override)
    with database.connect() as connection:
        assert postgres.column_types(connection, "public", "t")["name"] == kind
    assert [r[0] for r in database.query("SELECT name FROM public.t ORDER BY id")] == want


def test_a_value_that_does_not_fit_the_override(
    shop_15: Program, database_15: Database, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "lake" / "long"
    deltalake.write_deltalake(str(path), pa.table({"id": [1, 77], "name": ["ok", "too long"]}))
    failure = shop_15.fails(
        "synced-table",
        "create",
        "shop.public.t",
        "--from",
        path,
        "--primary-key",
        "id",
        "--type-overrides",
        "name=varchar(3)",
        error_class="VALUE_OUT_OF_RANGE",
        codes=(1,),
    )
    said = failure.message + json.dumps(failure.details)
    assert "name" in said and "77" in said


def test_uuid_and_text_array_overrides(
    shop: Program, database: Database, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "lake" / "u"
    deltalake.write_deltalake(
        str(path),
        pa.table(
            {
                "id": ["6F9619FF-8B86-D011-B42D-00C04FC964FF"],
                "tags": [["a", None, 'q"\\,{}']],
                "doc": ['{"b": 1.50, "a": []}'],
            }
        ),
    )
    create(
        shop,
        path,
        "--primary-key",
        "id",
        "--type-overrides",
        "id=uuid",
        "--type-overrides",
        "tags=text[]",
        "--type-overrides",
        "doc=jsonb",
    )
    assert database.query("SELECT id::text, tags, doc::text FROM public.t") == [
        ("6f9619ff-8b86-d011-b42d-00c04fc964ff", ["a", None, 'q"\\,{}'], '{"a": [], "b": 1.50}')
    ]


def test_secondary_indexes(shop: Program, database: Database, lake: pathlib.Path) -> None:
    create(shop, lake, "--primary-key", "id", "--indexes", "(name)")
    append(lake, 4)
    sync(shop)
    found = [r[0] for r in database.query("SELECT indexdef FROM pg_indexes WHERE tablename = 't'")]
    assert len(found) == 2 and any("(name)" in definition for definition in found)
