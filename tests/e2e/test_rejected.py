"""Rows that a target cannot hold: the commands on them, and what they cost."""

from __future__ import annotations

import csv
import io
import json
import os
import pathlib
import statistics

import deltalake
import pyarrow as pa
import pyarrow.parquet
import pytest

import raw_delta
from e2e.bad_values import BAD_VALUES
from e2e.shop import with_target
from emulators.postgres import Database
from program import Program

NAME = "shop.public.notes"


@pytest.fixture
def shop(spillway: Program, database: Database) -> Program:
    """The program with the target `shop`, on each server."""
    return with_target(spillway, database)


@pytest.fixture
def bad_lake(tmp_path: pathlib.Path) -> pathlib.Path:
    """Six rows: one good, a NUL byte, a NULL key, a NaN inside an array, two of one key."""
    path = tmp_path / "lake" / "notes"
    deltalake.write_deltalake(
        str(path),
        pa.table(
            {
                "id": pa.array([1, 2, None, 4, 7, 7], pa.int64()),
                "body": ["fine", 'a"\0', "x", "y", "first", "second"],
                "at": pa.array([[1.0], [], None, [float("nan")], None, None]),
            }
        ),
    )
    return path


@pytest.fixture
def rejecting(shop: Program, bad_lake: pathlib.Path) -> Program:
    shop.done(
        "synced-table", "create", NAME, "--from", bad_lake, "--primary-key", "id",
        "--on-bad-row", "reject",
    )  # fmt: skip
    return shop


def listed(program: Program) -> list[dict[str, object]]:
    found = program.done("rejected", "list", NAME, "-o", "json").json()
    assert isinstance(found, list)
    return found


def test_list_show_and_export(
    rejecting: Program, database: Database, tmp_path: pathlib.Path
) -> None:
    assert database.query("SELECT id FROM public.notes") == [(1,)]
    rows = listed(rejecting)
    assert sorted((str(r["key"]), r["column"], r["row_position"]) for r in rows) == sorted(
        [
            ("{'id': 2}", "body", 1),
            ("{'id': None}", "id", 2),
            ("{'id': 4}", "at", 3),
            ("{'id': 7}", None, 4),
            ("{'id': 7}", None, 5),
        ]
    )
    assert all(str(r["file"]).endswith(".parquet") and r["version"] == 0 for r in rows)
    assert {r["class"] for r in rows} == {
        "CHARACTER_NOT_IN_REPERTOIRE",
        "PRIMARY_KEY_CONSTRAINT_VIOLATION",
        "VALUE_OUT_OF_RANGE",
    }
    bad = next(r for r in rows if r["column"] == "body")
    assert bad["row"] == {"id": 2, "body": 'a"\0', "at": []}
    shown = rejecting.done("rejected", "show", NAME, str(bad["id"]), "-o", "json").json()
    assert shown == bad
    rejecting.fails("rejected", "show", NAME, "999999", error_class="INVALID_ARGUMENT")

    text = rejecting.done("rejected", "export", NAME, "--format", "csv").stdout
    table = list(csv.DictReader(io.StringIO(text.decode() if isinstance(text, bytes) else text)))
    assert len(table) == 5 and {r["row_position"] for r in table} == {"1", "2", "3", "4", "5"}
    lines = rejecting.done("rejected", "export", NAME, "--format", "ndjson").stdout
    assert [json.loads(line)["id"] for line in lines.splitlines()] == [r["id"] for r in rows]
    out = tmp_path / "bad.parquet"
    rejecting.done("rejected", "export", NAME, "--format", "parquet", "--out", out)
    assert pyarrow.parquet.read_table(out).column("row_position").to_pylist() == [
        r["row_position"] for r in rows
    ]


def test_the_count_is_shown_everywhere(rejecting: Program, bad_lake: pathlib.Path) -> None:
    counts = rejecting.done("rejected", "list", "-o", "json").json()
    assert counts == [{"name": NAME, "rejected": 5}]
    seen = rejecting.done("synced-table", "get", NAME, "-o", "json")
    assert seen.json()["rejected"] == 5
    assert "spillway rejected list" in seen.stderr
    deltalake.write_deltalake(
        str(bad_lake),
        pa.table({"id": [1], "body": ["mended"], "at": pa.array([None], pa.list_(pa.float64()))}),
        mode="overwrite",
    )
    done = rejecting.done("sync", NAME, "-o", "json", "--progress", "none").json()
    assert (done[0] if isinstance(done, list) else done)["rejected"] == 0
    assert listed(rejecting) == []
    assert rejecting.done("rejected", "list", "-o", "json").json() == []


def test_nul_in_many_rows_of_many_files(
    shop: Program, database: Database, tmp_path: pathlib.Path
) -> None:
    """Every bad row of several files and row groups has its own place, with a predicate and deletes."""
    path = str(tmp_path / "lake" / "many")
    expected = set()
    for part in range(3):
        ids = list(range(part * 4000, (part + 1) * 4000))
        body = ["bad\0" if i % 97 == 5 else "good" for i in ids]
        deltalake.write_deltalake(path, pa.table({"id": ids, "body": body}), mode="append")
        expected |= {(i, i - part * 4000) for i in ids if i % 97 == 5 and i >= 1000}
    shop.done(
        "synced-table", "create", NAME, "--from", path, "--primary-key", "id",
        "--on-bad-row", "reject", "--where", "id >= 1000", "--batch-rows", "700",
    )  # fmt: skip
    found = database.query("SELECT (key->>'id')::bigint, row_position FROM spillway.rejected")
    assert set(found) == expected and len(found) == len(expected)
    assert database.query("SELECT count(*) FROM public.notes") == [(11000 - len(expected),)]


def test_every_kind_of_bad_value(
    shop: Program, database: Database, tmp_path: pathlib.Path
) -> None:
    """One row of each kind and one good one: the good one arrives, each bad one is told."""
    ids = list(range(len(BAD_VALUES) + 1))
    columns = {
        f"c{kind}": column.take(pa.array([int(i == kind + 1) for i in ids]))
        for kind, (_, column, _) in enumerate(BAD_VALUES)
    }
    path = raw_delta.simple(tmp_path / "lake" / "kinds", pa.table({"id": ids, **columns}))
    shop.done(
        "synced-table", "create", NAME, "--from", path, "--primary-key", "id",
        "--on-bad-row", "reject",
    )  # fmt: skip
    assert database.query("SELECT id FROM public.notes") == [(0,)]
    assert sorted((r["row_position"], r["column"], r["class"]) for r in listed(shop)) == sorted(
        (kind + 1, f"c{kind}", error_class)
        for kind, (_, _, error_class) in enumerate(BAD_VALUES)
    )


@pytest.mark.skipif(
    "SPILLWAY_MEASURE" not in os.environ, reason="a measurement: set SPILLWAY_MEASURE=1"
)
def test_ten_bad_rows_of_a_million_cost_little(
    spillway: Program, database_15: Database, tmp_path: pathlib.Path
) -> None:
    shop = with_target(spillway, database_15)
    count = 1_000_000
    ids = list(range(count))
    body = [f"row {i}" for i in ids]
    price = [i / 7 for i in ids]
    clean = str(tmp_path / "clean")
    dirty = str(tmp_path / "dirty")
    deltalake.write_deltalake(clean, pa.table({"id": ids, "body": body, "price": price}))
    for place in range(8):
        body[place * 120_000 + 77] = "bad\0"
    ids[999_000] = ids[13]
    deltalake.write_deltalake(dirty, pa.table({"id": ids, "body": body, "price": price}))
    times: dict[str, list[float]] = {"clean": [], "dirty": []}
    for name, source in (("clean", clean), ("dirty", dirty)):
        shop.done(
            "synced-table", "create", f"shop.public.{name}", "--from", source, "--primary-key",
            "id", "--on-bad-row", "reject", "--no-sync",
        )  # fmt: skip
    for _ in range(7):
        for name in times:
            done = shop.done("resync", f"shop.public.{name}", "-o", "json", "--progress", "none")
            document = done.json()
            document = document[0] if isinstance(document, list) else document
            times[name].append(document["took_ms"])
    assert database_15.query("SELECT count(*) FROM spillway.rejected") == [(10,)]
    share = statistics.median(times["dirty"]) / statistics.median(times["clean"])
    print(f"clean {sorted(times['clean'])} ms, ten bad rows {sorted(times['dirty'])} ms: {share:.3f}")
    assert share < 1.05


def test_a_lowered_bound_holds_for_the_rows_that_are_rejected_already(
    rejecting: Program, database: Database
) -> None:
    rows = len(listed(rejecting))
    assert rows > 1
    rejecting.done("synced-table", "alter", NAME, "--max-rejected", "1")
    explained = rejecting.json("explain", NAME)
    assert explained["action"] == "nothing"
    assert "max_rejected is 1" in explained["warnings"][0]
    failure = rejecting.fails(
        *("sync", NAME, "--progress", "none"), error_class="TOO_MANY_REJECTED"
    )
    assert (failure.details["rejected"], failure.details["max_rejected"]) == (str(rows), "1")
    assert database.query("SELECT id FROM public.notes") == [(1,)]
    rejecting.done("synced-table", "alter", NAME, "--max-rejected", str(rows))
    assert "nothing to do" in rejecting.done("sync", NAME).text
