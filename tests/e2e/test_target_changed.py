"""A target that was changed, lost or restored behind Spillway's back: noticed, named, and mended as the mend says."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import deltalake
import pyarrow as pa
import pytest

from emulators.postgres import Database
from program import Program

NAME = "shop.public.products"


@pytest.fixture
def shop(spillway: Program, database: Database) -> Program:
    program = spillway.with_environment(**database.environment)
    program.done("target", "add", "shop", database.url())
    return program


def rows(*ids: int) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int64()), "name": [f"n{i}" for i in ids]})


@pytest.fixture
def lake(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "products"
    deltalake.write_deltalake(str(path), rows(1, 2, 3))
    return path


def create(lake: pathlib.Path, *flags: str) -> list[str]:
    return ["synced-table", "create", NAME, "--from", str(lake), "--primary-key", "id", *flags]


def told(shop: Program) -> str:
    """What a sync that succeeds says."""
    outcome = shop.done("sync", NAME, "--progress", "plain")
    return outcome.text + outcome.stderr


def ids(database: Database) -> list[int]:
    return [row[0] for row in database.query("SELECT id FROM public.products ORDER BY id")]


@pytest.mark.parametrize(
    ("statement", "error_class"),
    [
        ("DROP TABLE spillway.position CASCADE", "TARGET_CHANGED"),
        ("DELETE FROM spillway.position", "ALREADY_EXISTS"),
        ("DROP SCHEMA spillway CASCADE", "ALREADY_EXISTS"),
    ],
)
def test_a_lost_position(
    shop: Program, database: Database, lake: pathlib.Path, statement: str, error_class: str
) -> None:
    shop.done(*create(lake))
    database.query(statement)
    failure = shop.fails("sync", NAME, error_class=error_class)
    assert "--keep-table" in failure.mend
    assert "--adopt" in failure.mend
    shop.done("synced-table", "delete", NAME, "--keep-table", "--yes")
    shop.done(*create(lake, "--adopt"))
    assert "nothing to do" in told(shop)
    assert ids(database) == [1, 2, 3]


def test_a_damaged_position_is_rebuilt(
    shop: Program, database: Database, lake: pathlib.Path
) -> None:
    shop.done(*create(lake))
    database.query("UPDATE spillway.position SET source_position = '{\"x\": 1}'")
    failure = shop.fails("sync", NAME, error_class="TARGET_CHANGED")
    assert "spillway resync" in failure.mend
    shop.done("resync", NAME, "--yes")
    assert "nothing to do" in told(shop)
    assert ids(database) == [1, 2, 3]


def test_a_publication_of_all_tables_does_not_stop_syncs(
    shop: Program, database: Database, tmp_path: pathlib.Path
) -> None:
    """The server changes only rows that it can identify, of tables without a key as well: Spillway's own."""
    lake = tmp_path / "products"
    table = pa.table({"id": [1, 1, 2, 3], "at": [1, 2, 1, 1], "name": ["a", "b", "c", "d\0"]})
    deltalake.write_deltalake(str(lake), table)
    database.query("CREATE PUBLICATION everything FOR ALL TABLES")
    rejecting = ("--on-bad-row", "reject", "--timeseries-key", "at")
    shop.done(*create(lake, *rejecting))
    assert ids(database) == [1, 2]
    deltalake.write_deltalake(str(lake), table.slice(0, 2), mode="overwrite")
    shop.done("sync", NAME, "--allow-deletes")
    assert ids(database) == [1]
    shop.done("synced-table", "delete", NAME, "--drop-table", "--yes")
    shop.done(*create(lake, "--on-bad-row", "reject"))  # both rows of key 1
    assert ids(database) == []


def dump_and_restore(database: Database, directory: pathlib.Path) -> None:
    """Drops the database and makes it anew from a dump of itself, on the same server."""
    cluster = database.cluster
    connection = [f"--host={cluster._directory}", f"--port={cluster.port}", "--username=owner"]
    dump = directory / "dump.sql"
    dump.write_text(cluster._run("pg_dump", *connection, database.name))
    database.drop()
    cluster.create_database(database.name)
    dump.chmod(0o644)
    for parent in (directory, *directory.parents):
        if parent != pathlib.Path("/tmp") and parent != pathlib.Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    cluster._run("psql", *connection, "-q", "-v", "ON_ERROR_STOP=1", "-f", str(dump), database.name)


def test_a_database_restored_from_a_dump(
    shop: Program, database: Database, lake: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    shop.done(*create(lake))
    dump_and_restore(database, tmp_path)
    assert "nothing to do" in told(shop)
    deltalake.write_deltalake(str(lake), rows(4), mode="append")
    said = told(shop)
    assert "restored" in said
    assert "continuing from version 0" in said
    assert ids(database) == [1, 2, 3, 4]
    deltalake.write_deltalake(str(lake), rows(5), mode="append")
    assert "restored" not in told(shop)
    assert ids(database) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DROP INDEX public.products_name_idx", "products_name_idx"),
        ("ALTER TABLE public.products RENAME TO moved", "public.moved"),
        ("ALTER TABLE public.products ALTER name TYPE varchar(9)", "column name"),
        ("ALTER TABLE public.products DROP COLUMN name CASCADE", "column name is gone"),
    ],
)
def test_what_was_changed_by_hand_is_named(
    shop: Program, database: Database, lake: pathlib.Path, statement: str, words: str
) -> None:
    shop.done(*create(lake, "--indexes", "(name)"))
    before = database.cluster.dump_schema(database.name)
    database.query(statement)
    assert words in told(shop)
    database.query("DROP TABLE IF EXISTS public.moved")
    after = database.cluster.dump_schema(database.name)
    unnamed: Callable[[list[str]], list[str]] = lambda lines: [
        line.replace("idx1", "idx").replace("pkey1", "pkey") for line in lines
    ]
    assert unnamed(after) == unnamed(before)
    assert ids(database) == [1, 2, 3]
    assert "nothing to do" in told(shop)


def test_extra_columns_of_a_table_that_must_stay(
    shop: Program, database: Database, lake: pathlib.Path
) -> None:
    shop.done(*create(lake))
    database.query("CREATE MATERIALIZED VIEW public.pins AS SELECT id FROM public.products")
    twice = "twice=bigint GENERATED ALWAYS AS (id * 2) STORED"
    shop.done("synced-table", "alter", NAME, "--extra-columns", twice)
    told(shop)
    assert database.query("SELECT twice FROM public.products ORDER BY id") == [(2,), (4,), (6,)]
    assert "nothing to do" in told(shop)


def test_a_bad_index_is_told_before_the_load(
    shop: Program, database: Database, lake: pathlib.Path
) -> None:
    failure = shop.fails(
        *create(lake, "--indexes", "(nosuch)", "--progress", "json"),
        error_class="INVALID_DEFINITION",
    )
    assert "nosuch" in failure.message
    events = failure.outcome.documents()
    phases = [d["phase"] for d in events if d.get("event") == "phase_started"]
    assert phases[-1] == "load"  # not index, which follows it
    assert not any(d.get("rows") for d in events)


def test_what_others_made_is_not_overwritten_and_explain_says_so(
    shop: Program, database: Database, lake: pathlib.Path
) -> None:
    """A column of others whose name the source gives one of its own; another key of a table that must stay."""
    shop.done(*create(lake))
    database.query("ALTER TABLE public.products ADD note text")
    database.query("UPDATE public.products SET note = 'mine'")
    noted = rows(1, 2, 3).append_column("note", pa.array(["theirs"] * 3))
    deltalake.write_deltalake(str(lake), noted, mode="overwrite", schema_mode="overwrite")
    for verb in ("explain", "sync"):
        refused = shop.fails(verb, NAME, error_class="IDENTIFIER_COLLISION")
        assert "note" in refused.message and "--columns" in refused.mend
    assert database.query("SELECT DISTINCT note FROM public.products") == [("mine",)]
    shop.done("synced-table", "alter", NAME, "--columns", "id,name")
    shop.done("sync", NAME)
    alter = ("synced-table", "alter", NAME, "--primary-key", "name")
    shop.fails(*alter, error_class="DEPENDENT_OBJECTS_STILL_EXIST", codes=(1, 2, 5))


def test_a_column_that_others_use_is_not_dropped_and_explain_says_so(
    shop: Program, database: Database, lake: pathlib.Path
) -> None:
    """The source no longer has a column on which others built; nothing is loaded, and nothing of theirs is lost."""
    shop.done(*create(lake))
    database.query("CREATE INDEX by_name ON public.products (name)")
    owner = database.query("SELECT tableowner FROM pg_tables WHERE tablename = 'products'")[0][0]
    database.query("CREATE SEQUENCE public.numbers")
    database.query(f'ALTER SEQUENCE public.numbers OWNER TO "{owner}"')
    database.query("ALTER SEQUENCE public.numbers OWNED BY public.products.name")
    deltalake.write_deltalake(
        str(lake), rows(1, 2, 3, 4).drop(["name"]), mode="overwrite", schema_mode="overwrite"
    )
    for verb in ("explain", "sync", "resync"):
        refused = shop.fails(verb, NAME, error_class="DEPENDENT_OBJECTS_STILL_EXIST")
        for part in ("column name", "index public.by_name", "sequence public.numbers"):
            assert part in refused.message, refused.message
    database.query("DROP INDEX public.by_name")
    database.query("DROP SEQUENCE public.numbers")
    shop.done("sync", NAME)
    assert database.query("SELECT * FROM public.products ORDER BY 1") == [(1,), (2,), (3,), (4,)]


def test_a_reader_does_not_hold_a_delete_up_for_ever(
    shop: Program, database: Database, lake: pathlib.Path
) -> None:
    shop.done(*create(lake, "--lock-timeout", "200ms"))
    delete = ("synced-table", "delete", NAME, "--drop-table", "--yes")
    with database.connect() as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM public.products")
        refused = shop.fails(*delete, error_class="LOCK_TIMEOUT", codes=(1, 2, 5))
        assert "held by pid" in refused.message and "synced-table alter" in refused.mend
        assert ids(database) == [1, 2, 3]
    shop.done(*delete)
