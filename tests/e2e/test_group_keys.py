"""Tables of one group whose rows refer to each other: they change together, whatever the order."""

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


class Family:
    """Sources and synced tables of parents and their children."""

    def __init__(self, program: Program, database: Database, folder: pathlib.Path) -> None:
        self._program = program
        self._database = database
        self._folder = folder

    def write(self, parents: list[int], children: dict[int, int]) -> None:
        """`children` by id, with the parent that each refers to."""
        tables = {
            "parent": pa.table({"id": pa.array(parents, pa.int64())}),
            "child": pa.table(
                {
                    "id": pa.array(list(children), pa.int64()),
                    "pid": pa.array(list(children.values()), pa.int64()),
                }
            ),
        }
        for name, rows in tables.items():
            deltalake.write_deltalake(str(self._folder / name), rows, mode="overwrite")

    def define(self) -> None:
        for name in ("parent", "child"):
            self._program.done(
                "synced-table", "create", f"shop.public.{name}", "--from", self._folder / name,
                "--primary-key", "id", "--group", "family", "--max-delete-share", "100%", "--no-sync",
            )  # fmt: skip

    def sync(self, *flags: str) -> None:
        self._program.done("sync", "--all", "--progress", "none", *flags)

    def rows(self) -> tuple[list[int], dict[int, int]]:
        parents = [int(id_) for (id_,) in self._database.query("SELECT id FROM parent ORDER BY 1")]
        children = self._database.query("SELECT id, pid FROM child ORDER BY 1")
        return parents, {int(id_): int(pid) for id_, pid in children}

    def constraint(self) -> list[tuple[object, ...]]:
        return self._database.query(
            "SELECT conname, pg_get_constraintdef(oid), condeferrable, condeferred, convalidated,"
            " conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' ORDER BY conname"
        )


@pytest.fixture
def family(shop: Program, database: Database, tmp_path: pathlib.Path) -> Family:
    made = Family(shop, database, tmp_path)
    made.write([1, 2, 3], {10: 1, 20: 2, 30: 3})
    made.define()
    made.sync()
    return made


@pytest.mark.parametrize(
    "words",
    ["", "ON DELETE RESTRICT", "ON DELETE CASCADE", "DEFERRABLE INITIALLY DEFERRED", "NOT VALID"],
)
@pytest.mark.parametrize("pinned", [False, True], ids=["child swapped", "child in place"])
def test_rows_that_refer_to_each_other_change_together(
    family: Family, database: Database, words: str, pinned: bool
) -> None:
    with database.connect() as connection:
        connection.execute(
            f"ALTER TABLE child ADD CONSTRAINT of FOREIGN KEY (pid) REFERENCES parent {words}"
        )
        if pinned:
            connection.execute("CREATE MATERIALIZED VIEW m AS SELECT id FROM child")
    before = family.constraint()
    # A parent comes, one goes, one child moves, one comes, one goes.
    family.write([1, 3, 4], {10: 1, 20: 4, 40: 4})
    family.sync()
    assert family.rows() == ([1, 3, 4], {10: 1, 20: 4, 40: 4})
    assert family.constraint() == before
    family.write([4], {40: 4})
    family.sync()
    assert family.rows() == ([4], {40: 4})
    assert family.constraint() == before


def test_a_child_without_its_parent_is_refused_whole(
    shop: Program, family: Family, database: Database
) -> None:
    with database.connect() as connection:
        connection.execute("ALTER TABLE child ADD CONSTRAINT of FOREIGN KEY (pid) REFERENCES parent")
    family.write([1, 2, 3, 4], {10: 1, 50: 5})
    refused = shop.run("sync", "--all", "--progress", "none")
    assert refused.code == 1
    assert "CONSTRAINT_VIOLATION" in refused.stderr and "public.child" in refused.stderr
    assert family.rows() == ([1, 2, 3], {10: 1, 20: 2, 30: 3})


def test_a_circle_of_references(family: Family, database: Database) -> None:
    with database.connect() as connection:
        connection.execute("ALTER TABLE child ADD CONSTRAINT of FOREIGN KEY (pid) REFERENCES parent")
        connection.execute(
            "ALTER TABLE parent ADD CONSTRAINT self FOREIGN KEY (id) REFERENCES parent,"
            " ADD COLUMN favourite bigint, ADD CONSTRAINT fond FOREIGN KEY (favourite)"
            " REFERENCES child ON DELETE SET NULL"
        )
    before = family.constraint()
    family.write([3, 4], {30: 3, 40: 4})
    family.sync()
    assert family.rows() == ([3, 4], {30: 3, 40: 4})
    assert family.constraint() == before
