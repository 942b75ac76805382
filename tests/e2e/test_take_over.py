"""Tables that were there before Spillway: refused, adopted or replaced."""

from __future__ import annotations

import pathlib

import deltalake
import pyarrow as pa
import pytest

from emulators.postgres import Database
from program import Program


@pytest.fixture
def shop(spillway: Program, database: Database) -> Program:
    program = spillway.with_environment(**database.environment)
    program.done("target", "add", "shop", database.url())
    return program


@pytest.fixture
def lake(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "products"
    table = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "name": ["a", "b", "c"]})
    deltalake.write_deltalake(str(path), table)
    return path


def make_table(database: Database) -> None:
    """Made by hand: one row equal, one different, one too many, one missing, a column of its own."""
    with database.connect("app") as connection:
        connection.execute(
            "CREATE TABLE public.products (id bigint PRIMARY KEY, name text, note text DEFAULT 'x')"
        )
        connection.execute(
            "INSERT INTO public.products VALUES (1, 'a', 'kept'), (2, 'wrong', 'kept'), (9, 'z', 'k')"
        )
        connection.execute("CREATE INDEX by_note ON public.products (note)")
        connection.execute("CREATE VIEW public.names AS SELECT name FROM public.products")


def create(program: Program, lake: pathlib.Path, *flags: str) -> list[str]:
    return [
        "synced-table",
        "create",
        "shop.public.products",
        "--from",
        str(lake),
        "--primary-key",
        "id",
        *flags,
    ]


def test_refused_without_a_word(shop: Program, database: Database, lake: pathlib.Path) -> None:
    make_table(database)
    failure = shop.fails(*create(shop, lake), error_class="ALREADY_EXISTS")
    assert "--adopt" in failure.mend
    assert "--replace" in failure.mend
    assert len(database.query("SELECT * FROM products")) == 3
    assert shop.json("synced-table", "list") == []


def test_adopt(shop: Program, database: Database, lake: pathlib.Path) -> None:
    make_table(database)
    before = database.query("SELECT 'products'::regclass::oid")
    shop.done(*create(shop, lake, "--adopt"))
    assert database.query("SELECT 'products'::regclass::oid") == before
    assert database.query("SELECT id, name, note FROM products ORDER BY id") == [
        (1, "a", "kept"),
        (2, "b", "kept"),
        (3, "c", "x"),
    ]
    assert database.query("SELECT count(*) FROM names") == [(3,)]
    assert database.query("SELECT 1 FROM pg_indexes WHERE indexname = 'by_note'") == [(1,)]
    assert "nothing to do" in shop.done("sync", "shop.public.products").text


def test_adopt_wants_the_key(shop: Program, database: Database, lake: pathlib.Path) -> None:
    with database.connect("app") as connection:
        connection.execute("CREATE TABLE public.products (id bigint, name text)")
    shop.fails(*create(shop, lake, "--adopt"), error_class="CHANGED_PRIMARY_KEY")
    database.query("ALTER TABLE public.products ADD PRIMARY KEY (name, id)")
    both = [word.replace("id", "id,name") if word == "id" else word for word in create(shop, lake)]
    shop.fails(*both, "--adopt", error_class="CHANGED_PRIMARY_KEY")


def test_adopt_wants_the_types(shop: Program, database: Database, lake: pathlib.Path) -> None:
    with database.connect("app") as connection:
        connection.execute(
            "CREATE TABLE public.products (id int PRIMARY KEY, name varchar(9))"
        )
    failure = shop.fails(
        *create(shop, lake, "--adopt"), error_class="COLUMN_TYPE_CHANGE_NOT_SUPPORTED"
    )
    assert "id is integer, not bigint" in failure.message
    assert "name" not in failure.message.split("synced table: ")[1]  # it is widened in place
    assert "--replace" in failure.mend
    assert shop.json("synced-table", "list") == []
    shop.done(*create(shop, lake, "--replace"))
    assert database.query("SELECT count(*) FROM products") == [(3,)]


def test_delete_drops_an_adopted_table(
    shop: Program, database: Database, lake: pathlib.Path
) -> None:
    make_table(database)
    database.query("DROP VIEW names")
    shop.done(*create(shop, lake, "--adopt", "--no-sync"))
    shop.done("synced-table", "delete", "shop.public.products", "--drop-table", "--yes")
    assert database.query("SELECT to_regclass('public.products')") == [(None,)]


def test_adopt_needs_a_table(shop: Program, database: Database, lake: pathlib.Path) -> None:
    with database.connect("app") as connection:
        connection.execute("CREATE VIEW public.products AS SELECT 1 AS id")
    shop.fails(*create(shop, lake, "--adopt"), error_class="ALREADY_EXISTS")
    with database.connect("app") as connection:
        connection.execute("DROP VIEW public.products")
    shop.fails(*create(shop, lake, "--replace"), error_class="TARGET_CHANGED")


def test_replace(shop: Program, database: Database, lake: pathlib.Path) -> None:
    with database.connect("app") as connection:
        connection.execute("CREATE TABLE public.products (id text, other int)")
        connection.execute("INSERT INTO public.products VALUES ('x', 1)")
        connection.execute("GRANT SELECT ON public.products TO PUBLIC")
        connection.execute("INSERT INTO public.products SELECT 'y', i FROM generate_series(1, 9) i")
    # Its rows go, all of them: that was asked for.
    shop.done(*create(shop, lake, "--replace"))
    assert database.query("SELECT id, name FROM products ORDER BY id") == [
        (1, "a"),
        (2, "b"),
        (3, "c"),
    ]
    columns = database.query(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'products'::regclass AND attnum > 0"
        " AND NOT attisdropped ORDER BY attnum"
    )
    assert columns == [("id",), ("name",)]
    assert database.query("SELECT has_table_privilege('public', 'products', 'SELECT')") == [(True,)]


def test_a_table_of_a_lost_state_is_adopted(
    shop: Program, database: Database, lake: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    shop.done(*create(shop, lake))
    other = shop.with_environment(SPILLWAY_HOME=str(tmp_path / "fresh"))
    other.done("target", "add", "shop", database.url())
    other.fails(*create(other, lake), error_class="ALREADY_EXISTS")
    other.done(*create(other, lake, "--adopt"))
    assert "nothing to do" in other.done("sync", "shop.public.products").text
