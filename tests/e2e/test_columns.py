"""How many columns a table can have, and how wide a row."""

from __future__ import annotations

import pathlib

import deltalake
import pyarrow as pa
import pytest

from e2e.shop import with_target
from emulators.postgres import Database
from program import Program

NAME = "shop.public.wide"


@pytest.fixture
def shop(spillway: Program, database: Database) -> Program:
    """The program with the target `shop`, on each server."""
    return with_target(spillway, database)


def wide(path: pathlib.Path, columns: int, filled: int) -> str:
    """One row; the first `filled` columns have values."""
    data = {f"c{i}": pa.array([i if i < filled else None], pa.int64()) for i in range(columns)}
    deltalake.write_deltalake(str(path), pa.table(data))
    return str(path)


def test_1600_columns_arrive_and_1601_are_refused(
    shop: Program, database: Database, tmp_path: pathlib.Path
) -> None:
    shop.done(
        "synced-table", "create", NAME, "--from", wide(tmp_path / "most", 1600, 800),
        "--primary-key", "c0",
    )  # fmt: skip
    assert database.query("SELECT c0, c799, c800 FROM public.wide") == [(0, 799, None)]
    source = wide(tmp_path / "more", 1601, 10)
    create = ("synced-table", "create", "shop.public.more", "--from", source)
    refused = shop.fails(*create, error_class="INVALID_DEFINITION")
    assert "1601" in refused.message and "1600" in refused.message
    assert "--columns" in refused.outcome.stderr
    chosen = ",".join(f"c{i}" for i in range(1, 1601))
    shop.done(*create, "--columns", chosen)
    assert database.query("SELECT c9, c1600 FROM public.more") == [(9, None)]


def test_a_row_that_fits_no_page_is_named(
    shop: Program, database: Database, tmp_path: pathlib.Path
) -> None:
    source = wide(tmp_path / "lake", 1600, 1600)
    refused = shop.fails(
        "synced-table", "create", NAME, "--from", source, error_class="VALUE_OUT_OF_RANGE"
    )
    assert "row is too big" in refused.message and "--columns" in refused.outcome.stderr
    assert database.query("SELECT to_regclass('public.wide')") == [(None,)]
