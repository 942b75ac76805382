"""The first sync and those after it, through the real program, into PostgreSQL 15 and 18."""

from __future__ import annotations

import json
import math
import pathlib
import re
import struct
from collections.abc import Callable
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import raw_delta
from e2e.bad_values import BAD_VALUES
from e2e.shop import append, create, ids, sync, with_target
from emulators.postgres import Database
from oracle import compare, golden, postgres
from program import Program
from scenarios.runner import stages

Tables = Callable[[str], pathlib.Path]


# Every table, exactly


@pytest.mark.parametrize("name", golden.NAMES)
def test_table(shop: Program, database: Database, tables: Tables, name: str) -> None:
    want = golden.rows(name)
    flags = ["--primary-key", ",".join(golden.keys(name))]
    create(shop, tables(name), *flags)
    with database.connect() as connection:
        got = postgres.table(connection, "public", "t", want)
    compare.assert_equal(got, postgres.as_jsonb(want), golden.keys(name))
    key = database.query(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'public.t'::regclass"
        " AND contype = 'p'"
    )
    assert key == [(f"PRIMARY KEY ({', '.join(golden.keys(name))})",)]
    assert sync(shop) == "nothing" and not stages(database)


@pytest.mark.parametrize("name", ["dv", "cdf", "part"])
def test_keyless(shop_15: Program, database_15: Database, tables: Tables, name: str) -> None:
    want = golden.rows(name)
    create(shop_15, tables(name))
    with database_15.connect() as connection:
        got = postgres.table(connection, "public", "t", want)
    compare.assert_equal(got, postgres.as_jsonb(want), golden.keys(name))
    assert sync(shop_15) == "nothing" and not stages(database_15)


# Later syncs


def test_new_commit_is_swapped_in(shop: Program, database: Database, lake: pathlib.Path) -> None:
    create(shop, lake, "--primary-key", "id")
    old = database.query("SELECT 'public.t'::regclass::oid")
    append(lake, 4, 5)
    assert sync(shop) == "synced" and ids(database) == [1, 2, 3, 4, 5]
    assert database.query("SELECT 'public.t'::regclass::oid") != old
    assert sync(shop) == "nothing" and not stages(database)
    owner = database.query("SELECT tableowner FROM pg_tables WHERE tablename = 't'")
    assert owner == [("app",)]


def test_too_many_deletes_need_consent(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    create(shop_15, lake, "--primary-key", "id")
    deltalake.DeltaTable(str(lake)).delete()
    failure = shop_15.fails("sync", "shop.public.t", error_class="TOO_MANY_DELETES", codes=(5,))
    assert "3 of the 3 rows" in failure.outcome.stderr
    assert "spillway sync shop.public.t --allow-deletes" in failure.mend
    assert ids(database_15) == [1, 2, 3] and not stages(database_15)
    shop_15.done("sync", "shop.public.t", "--allow-deletes")
    assert ids(database_15) == []


def test_too_many_deletes_are_foreseen(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    """Also where the key has another type: 1 and "1" are one key, 1 and "x" are two."""
    create(shop_15, lake, "--primary-key", "id")
    assert "max_delete_share" not in shop_15.done("explain", "shop.public.t").text
    deltalake.DeltaTable(str(lake)).delete()
    foreseen = "would delete at least 3 of the 3 rows"
    assert foreseen in shop_15.done("explain", "shop.public.t").text
    rehearsed = ("resync", "shop.public.t", "--dry-run")
    assert foreseen in shop_15.done(*rehearsed).text
    assert "stops and asks" not in shop_15.done(*rehearsed, "--allow-deletes").text

    def replace(*keys: str) -> None:
        deltalake.write_deltalake(
            str(lake),
            pa.table({"id": list(keys), "name": list(keys)}),
            mode="overwrite",
            schema_mode="overwrite",
        )

    replace("x", "y", "z")
    failure = shop_15.fails("sync", "shop.public.t", error_class="TOO_MANY_DELETES", codes=(5,))
    assert "3 of the 3 rows" in failure.outcome.stderr
    replace("1", "2", "z")
    shop_15.done("sync", "shop.public.t")
    assert ids(database_15) == ["1", "2", "z"]


def test_the_key_that_the_source_declares(
    shop_15: Program, database_15: Database, tmp_path: pathlib.Path
) -> None:
    """It is the default; when the source takes it back or changes it, somebody decides."""

    def declare(columns: str) -> None:
        properties = {"spillway.primary_key": columns}
        table = deltalake.DeltaTable(str(lake))
        table.alter.set_table_properties(properties, raise_if_not_exists=False)

    def key() -> list[str]:
        names = "SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute WHERE attrelid ="
        key = "(SELECT indexrelid FROM pg_index WHERE indrelid = 'public.t'::regclass AND indisprimary)"
        return list(database_15.query(f"{names} {key}")[0][0] or [])

    lake = tmp_path / "keyed"
    deltalake.write_deltalake(str(lake), pa.table({"id": [1, 2], "name": ["a", "b"]}))
    create(shop_15, lake)
    assert key() == []
    declare("id")
    assert sync(shop_15) == "synced" and key() == ["id"]
    declare("name,id")
    failure = shop_15.fails("sync", "shop.public.t", error_class="CHANGED_PRIMARY_KEY")
    assert "declares another primary key: name, id, the target's is id" in failure.message
    assert "--primary-key id" in failure.mend and "resync shop.public.t" in failure.mend
    assert key() == ["id"]
    shop_15.done("resync", "shop.public.t")
    assert key() == ["name", "id"]
    declare("")
    failure = shop_15.fails("explain", "shop.public.t", error_class="CHANGED_PRIMARY_KEY")
    assert "another primary key: none" in failure.message
    alter = ("synced-table", "alter", "shop.public.t")
    # What does not touch rows is no answer and is not stopped; what does is no answer either.
    for flags in (
        ("--lock-timeout", "5s"),
        ("--schema-change", "evolve"),
        ("--unset", "primary_key"),
    ):
        assert "stops and asks" in shop_15.done(*alter, *flags, "--dry-run").text
        shop_15.done(*alter, *flags)
    shop_15.fails(*alter, "--where", "id > 1", error_class="CHANGED_PRIMARY_KEY")
    shop_15.fails("sync", "shop.public.t", error_class="CHANGED_PRIMARY_KEY")
    assert key() == ["name", "id"]
    shop_15.done(*alter, "--primary-key", "name,id", "--where", "id > 1")
    shop_15.done("sync", "shop.public.t")
    assert key() == ["name", "id"]
    # Who named the key may take it away.
    shop_15.done(*alter, "--unset", "primary_key")
    shop_15.done("sync", "shop.public.t")
    assert key() == []


def test_another_source_with_another_key_is_asked_about(
    shop_15: Program, database_15: Database, tmp_path: pathlib.Path
) -> None:
    """At its first sync: until then the table is the old source's."""
    lakes = [tmp_path / "a", tmp_path / "b"]
    for lake in lakes:
        deltalake.write_deltalake(str(lake), pa.table({"id": [1, 2], "name": ["a", "b"]}))
    properties = {"spillway.primary_key": "id"}
    table = deltalake.DeltaTable(str(lakes[0]))
    table.alter.set_table_properties(properties, raise_if_not_exists=False)
    create(shop_15, lakes[0])
    shop_15.done("synced-table", "alter", "shop.public.t", "--from", lakes[1])
    shop_15.fails("sync", "shop.public.t", error_class="CHANGED_PRIMARY_KEY")
    shop_15.done("resync", "shop.public.t")
    assert len(ids(database_15)) == 2


def test_explain_says_what_keeps_the_table(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    create(shop_15, lake, "--primary-key", "id")
    append(lake, 4)

    def explained() -> dict[str, Any]:
        outcome = shop_15.done("explain", "shop.public.t", "-o", "json")
        return json.loads(outcome.stdout)

    assert explained()["action"] == "rebuild and swap"
    assert "compares them with the 3 rows" in explained()["other_ways"]["apply the difference"]
    with database_15.connect() as connection:
        connection.execute("CREATE VIEW public.v AS SELECT id FROM public.t")
    assert explained()["way_reason"] == "the new table takes over: view public.v"
    with database_15.connect() as connection:
        connection.execute("CREATE MATERIALIZED VIEW public.m AS SELECT id FROM public.t")
    plan = explained()
    assert plan["action"] == "apply the difference" and "public.m" in plan["way_reason"]
    assert "would lose" in plan["other_ways"]["rebuild and swap"]
    report = json.loads(
        shop_15.done("sync", "shop.public.t", "-o", "json", "--progress", "none").stdout
    )
    assert report["published_by"] == "apply in place"
    assert (report["rows_inserted"], report["rows_updated"], report["rows_deleted"]) == (1, 0, 0)


def test_a_reader_sees_the_old_rows_or_the_new(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    create(shop_15, lake, "--primary-key", "id")
    append(lake, 4)
    process = shop_15.start("sync", "shop.public.t")
    seen: set[int] = set()
    with database_15.connect() as connection:
        while process.running():
            row = connection.execute("SELECT count(*) FROM public.t").fetchone()
            assert row is not None
            seen.add(row[0])
    assert process.wait().code == 0
    assert seen <= {3, 4} and ids(database_15) == [1, 2, 3, 4]


def test_position_is_in_the_target(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    create(shop_15, lake, "--primary-key", "id")
    columns = [
        r[0]
        for r in database_15.query(
            "SELECT attname FROM pg_attribute WHERE attrelid ="
            " 'spillway.position'::regclass AND attnum > 0"
        )
    ]
    rows = [dict(zip(columns, row)) for row in database_15.query("SELECT * FROM spillway.position")]
    assert len(rows) == 1 and rows[0]["version"] == 0 and rows[0]["rows"] == 3
    append(lake, 4)
    sync(shop_15)
    assert database_15.query("SELECT version, rows FROM spillway.position") == [(1, 4)]


def test_home_lost_the_position_still_tells(
    spillway: Program, database_15: Database, lake: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """A new home does not own the table: it is refused, never overwritten."""
    first = with_target(spillway, database_15)
    create(first, lake, "--primary-key", "id")
    (tmp_path / "other").mkdir()
    other = with_target(Program(tmp_path / "other"), database_15)
    other.fails(
        "synced-table",
        "create",
        "shop.public.t",
        "--from",
        lake,
        "--primary-key",
        "id",
        error_class="ALREADY_EXISTS",
    )
    assert ids(database_15) == [1, 2, 3]


def test_nothing_to_do_is_said_and_writes_nothing(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    create(shop_15, lake, "--primary-key", "id")
    before = database_15.query("SELECT * FROM spillway.position")
    assert sync(shop_15) == "nothing"
    assert database_15.query("SELECT * FROM spillway.position") == before


# Bad rows


def test_up_to_ten_bad_rows_are_named(
    shop: Program, database: Database, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "lake" / "bad"
    keys = [key for key in range(100, 125) for _ in range(2)]
    deltalake.write_deltalake(str(path), pa.table({"id": keys}))
    failure = shop.fails(
        "synced-table",
        "create",
        "shop.public.t",
        "--from",
        path,
        "--primary-key",
        "id",
        error_class="PRIMARY_KEY_CONSTRAINT_VIOLATION",
        codes=(1,),
    )
    named = set(re.findall(r"\bid=(\d+)", failure.message))
    assert len(named) == 10 and named <= {str(key) for key in keys}, failure.outcome
    assert "25 keys in all" in failure.message and database.query("SELECT to_regclass('public.t')") == [(None,)]
    assert not stages(database)


@pytest.mark.parametrize(
    "column, error_class",
    [pytest.param(c, e, id=n) for n, c, e in BAD_VALUES],
)
def test_bad_value(
    shop_15: Program,
    database_15: Database,
    tmp_path: pathlib.Path,
    column: pa.Array,
    error_class: str,
) -> None:
    """The value's row, column and reason are named, and nothing arrives."""
    path = raw_delta.simple(
        tmp_path / "lake" / "bad", pa.table({"id": pa.array([41, 42]), "body": column})
    )
    failure = shop_15.fails(
        "synced-table",
        "create",
        "shop.public.t",
        "--from",
        path,
        "--primary-key",
        "id",
        error_class=error_class,
        codes=(1,),
    )
    said = failure.message + json.dumps(failure.details)
    assert "body" in said and "42" in said, failure.outcome
    assert database_15.query("SELECT to_regclass('public.t')") == [(None,)] and not stages(
        database_15
    )


def variants(root: pathlib.Path, *values: bytes) -> pathlib.Path:
    """A table of variants without names, each as Parquet's specification of variants writes it."""
    body = [{"metadata": b"\x01\x00\x00", "value": value} for value in values]
    parts = [pa.field("metadata", pa.binary(), False), pa.field("value", pa.binary(), False)]
    ids = pa.array(range(1, len(body) + 1), pa.int64())
    table = pa.table({"id": ids, "body": pa.array(body, pa.struct(parts))})
    raw_delta.commit(
        root,
        0,
        raw_delta.protocol("variantType"),
        raw_delta.metadata([raw_delta.field("id", "long"), raw_delta.field("body", "variant")]),
        raw_delta.add(root, "part-0.parquet", table),
    )
    return root


def test_numbers_of_variants_that_json_lacks(
    shop_15: Program, database_15: Database, tmp_path: pathlib.Path
) -> None:
    """As anywhere inside JSON: bad values, unless the definition or the reader wants strings."""
    double, array_of_float = b"\x1c", b"\x03\x01\x00\x05\x38"
    path = variants(
        tmp_path / "lake" / "variants",
        double + struct.pack("<d", 1.5),
        double + struct.pack("<d", math.nan),
        array_of_float + struct.pack("<f", math.inf),
    )
    words = [1.5, "NaN", ["Infinity"]]
    rows = shop_15.done("lake", "read", path, "--format", "ndjson").text.splitlines()
    assert [json.loads(row)["body"] for row in rows] == words
    rows = shop_15.done("lake", "read", path, "--format", "csv").text.splitlines()
    assert rows[1:] == ["1,1.5", '2,"""NaN"""', '3,"[""Infinity""]"']
    file = tmp_path / "rows.parquet"
    shop_15.done("lake", "read", path, "--format", "parquet", "--out", file)
    assert [json.loads(text) for text in pq.read_table(file)["body"].to_pylist()] == words
    name = "shop.public.t"
    flags = [name, "--from", path, "--primary-key", "id"]
    failure = shop_15.fails("synced-table", "create", *flags, error_class="VALUE_OUT_OF_RANGE")
    assert "NaN inside JSON" in failure.message + json.dumps(failure.details), failure.outcome
    shop_15.done("synced-table", "alter", name, "--json-nonfinite", "string")
    shop_15.done("sync", name)
    assert database_15.query("SELECT body FROM public.t ORDER BY id") == [(word,) for word in words]
    for kind in ("json", "text"):
        shop_15.done("synced-table", "alter", name, "--type-overrides", f"body={kind}")
        shop_15.done("sync", name)
        assert database_15.query("SELECT body::jsonb FROM public.t ORDER BY id") == [
            (word,) for word in words
        ]


@pytest.mark.parametrize("kind", ["jsonb", "json", "text"])
def test_nul_in_a_variant(
    shop_15: Program, database_15: Database, tmp_path: pathlib.Path, kind: str
) -> None:
    path = variants(tmp_path / "lake" / "variants", b"\x0da\0b")
    flags = ["--from", path, "--primary-key", "id", "--type-overrides", f"body={kind}"]
    error = "CHARACTER_NOT_IN_REPERTOIRE"
    shop_15.fails("synced-table", "create", "shop.public.t", *flags, error_class=error, codes=(1,))
    assert database_15.query("SELECT to_regclass('public.t')") == [(None,)]


def test_timestamps_at_the_servers_limits(
    shop: Program, database: Database, tmp_path: pathlib.Path
) -> None:
    """PostgreSQL's first instant, Delta's last one and PostgreSQL's first and last day fit."""
    first, last = -210866803200000000, 2**63 - 1
    rows = pa.table(
        {
            "id": [1, 2],
            "at": pa.array([first, last], pa.timestamp("us", "UTC")),
            "day": pa.array([-2440588, 2145042905], pa.date32()),
        }
    )
    create(shop, raw_delta.simple(tmp_path / "lake" / "edges", rows), "--primary-key", "id")
    database.query(f"ALTER DATABASE \"{database.name}\" SET TimeZone = 'UTC'")
    got = database.query("SELECT id, at::text, day::text FROM public.t ORDER BY id")
    assert got == [
        (1, "4714-11-24 00:00:00+00 BC", "4714-11-24 BC"),
        (2, "294247-01-10 04:00:54.775807+00", "5874897-12-31"),
    ]
