"""Fixtures of the tests that sync into the target `shop`."""

from __future__ import annotations

import pathlib

import deltalake
import pyarrow as pa
import pytest

from e2e.shop import with_target
from emulators.postgres import Database
from program import Program


@pytest.fixture
def shop(spillway: Program, database: Database) -> Program:
    """The program with the target `shop`, on each server."""
    return with_target(spillway, database)


@pytest.fixture
def shop_15(spillway: Program, database_15: Database) -> Program:
    """The program with the target `shop`, on PostgreSQL 15."""
    return with_target(spillway, database_15)


@pytest.fixture
def lake(tmp_path: pathlib.Path) -> pathlib.Path:
    """A table of three rows, key id."""
    path = tmp_path / "lake" / "products"
    deltalake.write_deltalake(str(path), pa.table({"id": [1, 2, 3], "name": ["a", None, "c"]}))
    return path


@pytest.fixture
def wide(tmp_path: pathlib.Path) -> pathlib.Path:
    """Enough rows, in several files, that a sync can be hit while it works."""
    path = tmp_path / "lake" / "wide"
    for part in range(4):
        keys = list(range(part * 50_000, part * 50_000 + 50_000))
        deltalake.write_deltalake(
            str(path),
            pa.table({"id": keys, "name": [f"name {k}" * 4 for k in keys]}),
            mode="append",
        )
    return path
