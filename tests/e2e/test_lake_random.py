"""Histories and predicates drawn at random (fixed seeds), against delta-rs and DuckDB.

A failure prints its seed and what was drawn; nothing here depends on the time or the machine.
"""

from __future__ import annotations

import datetime
import pathlib
import random
from decimal import Decimal
from typing import Any

import deltalake
import duckdb
import pyarrow as pa
import pytest

from oracle import compare, files
from oracle.frame import Frame, from_arrow_table
from program import Program

HISTORIES = 12
PREDICATES = 120


def read(spillway: Program, root: pathlib.Path, want: Frame, *options: str) -> Frame:
    out = spillway.home / "rows.parquet"
    out.unlink(missing_ok=True)
    spillway.done("lake", "read", root, "--format", "parquet", "--out", out, *options)
    return files.parquet(out, want)


# Histories


def _rows(draw: random.Random, keys: list[int], extra: bool) -> pa.Table:
    columns: dict[str, Any] = {
        "id": pa.array(keys, pa.int64()),
        "part": pa.array([draw.choice(["a", "b/ü", "", None, "x=1"]) for _ in keys]),
        "n": pa.array(
            [draw.choice([None, draw.randint(-(2**31), 2**31 - 1)]) for _ in keys], pa.int32()
        ),
        "s": pa.array([draw.choice([None, "", "☃" * draw.randint(0, 9)]) for _ in keys]),
        "ts": pa.array(
            [
                draw.choice([None, draw.randint(-62135596800000000, 253402300799999999)])
                for _ in keys
            ],
            pa.int64(),
        ).cast(pa.timestamp("us", "UTC")),
        "l": pa.array([draw.choice([None, [], [1, None]]) for _ in keys], pa.list_(pa.int64())),
    }
    if extra:
        columns["added"] = pa.array([draw.choice([None, 1.5, float("nan")]) for _ in keys])
    return pa.table(columns)


def _step(draw: random.Random, path: str, number: int, state: dict[str, Any]) -> str:
    """One more commit, or a checkpoint; gives its name."""
    kind = draw.choice(["append", "append", "append", "delete", "update", "merge", "overwrite", "compact",
                        "checkpoint", "widen", "vacuum"])  # fmt: skip
    table = deltalake.DeltaTable(path)
    keys = [number * 100 + i for i in range(draw.randint(1, 30))]
    if kind == "append":
        deltalake.write_deltalake(table, _rows(draw, keys, state["extra"]), mode="append")
    elif kind == "overwrite" and number > 4:
        deltalake.write_deltalake(table, _rows(draw, keys, state["extra"]), mode="overwrite")
    elif kind == "delete":
        table.delete(f"id % {draw.randint(2, 5)} = 0")
    elif kind == "update":
        table.update({"n": "7"}, predicate=f"id % {draw.randint(2, 5)} = 1")
    elif kind == "merge":
        known = {draw.randint(0, number * 100) for _ in range(5)}
        source = _rows(draw, sorted(known | set(keys[:2])), state["extra"])
        (table.merge(source, "t.id = s.id", source_alias="s", target_alias="t")
         .when_matched_update_all().when_not_matched_insert_all().execute())  # fmt: skip
    elif kind == "compact":
        table.optimize.compact()
    elif kind == "checkpoint":
        table.create_checkpoint()
    elif kind == "vacuum":
        table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
        state["oldest"] = table.version()
    elif kind == "widen" and not state["extra"]:
        state["extra"] = True
        deltalake.write_deltalake(
            table, _rows(draw, keys, True), mode="append", schema_mode="merge"
        )
    return kind


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_history(spillway: Program, tmp_path: pathlib.Path, seed: int) -> None:
    """Each version that delta-rs can read is read alike."""
    draw = random.Random(seed)
    root = tmp_path / "lake" / "t"
    state: dict[str, Any] = {"extra": False, "oldest": 0}
    deltalake.write_deltalake(
        str(root), _rows(draw, list(range(20)), False), partition_by=draw.choice([None, ["part"]])
    )
    steps = [_step(draw, str(root), number, state) for number in range(1, 12)]
    last = deltalake.DeltaTable(str(root)).version()
    for version in sorted(
        {last, max(state["oldest"], last - 3), draw.randint(state["oldest"], last)}
    ):
        table = deltalake.DeltaTable(str(root), version=version).to_pyarrow_table()
        want = from_arrow_table(table)
        try:
            got = read(spillway, root, want, "--version", str(version))
            compare.assert_equal(got, want, ["id"])
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, {steps}, version {version}: {error}") from error


# Predicates


def _sample(draw: random.Random, rows: int) -> pa.Table:
    def some(make: Any) -> list[Any]:
        return [None if draw.random() < 0.15 else make() for _ in range(rows)]

    day, second = datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1)
    return pa.table({
        "id": pa.array(range(rows), pa.int64()),
        "i": pa.array(some(lambda: draw.randint(-20, 20)), pa.int32()),
        "h": pa.array(some(lambda: draw.randint(-5, 5)), pa.int16()),
        "d": pa.array(some(lambda: draw.choice([0.0, -0.0, 1.5, -2.25, float("nan"), float("inf"), 1e300]))),
        "f": pa.array(some(lambda: draw.choice([0.5, -1.0, 0.1])), pa.float32()),
        "m": pa.array(some(lambda: Decimal(draw.randint(-500, 500)) / 100), pa.decimal128(9, 2)),
        "s": pa.array(some(lambda: draw.choice(["", "a", "ab", "a%b", "a_b", "ü", "b", "ab☃", "A"]))),
        "b": pa.array(some(lambda: draw.random() < 0.5)),
        "dt": pa.array(some(lambda: day + datetime.timedelta(days=draw.randint(-9, 9)))),
        "ts": pa.array(some(lambda: second + datetime.timedelta(microseconds=draw.randint(-9, 9) * 400)),
                       pa.timestamp("us")).cast(pa.timestamp("us", "UTC")),
        "st": pa.array(some(lambda: {"x": draw.choice([None, 1, 2]), "y": draw.choice([None, "p"])}),
                       pa.struct([("x", pa.int64()), ("y", pa.string())])),
    })  # fmt: skip


def _literal(draw: random.Random, column: str) -> str:
    if column == "b":
        return draw.choice(["TRUE", "FALSE"])
    if column in ("i", "h", "id", "st.x"):
        return str(draw.randint(-21, 21))
    if column in ("d", "f", "m"):
        return draw.choice(["0", "1.5", "-2.25", "0.5", "-1", "2.5", "100"])
    if column == "dt":
        return (
            f"DATE '{datetime.date(2024, 1, 1) + datetime.timedelta(days=draw.randint(-10, 10))}'"
        )
    if column == "ts":
        when = datetime.datetime(2024, 1, 1) + datetime.timedelta(
            microseconds=draw.randint(-10, 10) * 400
        )
        return f"TIMESTAMP '{when.isoformat(sep=' ')}'"
    return draw.choice(["''", "'a'", "'ab'", "'a%b'", "'ü'", "'zz'", "'A'"])


def _predicate(draw: random.Random, depth: int) -> str:
    if depth > 0 and draw.random() < 0.6:
        kind = draw.choice(["AND", "OR", "NOT"])
        if kind == "NOT":
            return f"NOT ({_predicate(draw, depth - 1)})"
        return f"({_predicate(draw, depth - 1)} {kind} {_predicate(draw, depth - 1)})"
    column = draw.choice(["id", "i", "h", "d", "f", "m", "s", "b", "dt", "ts", "st.x", "st.y"])
    kind = draw.choice(
        ["compare", "compare", "compare", "null", "in", "between", "like", "distinct"]
    )
    if kind == "null":
        return f"{column} IS {draw.choice(['', 'NOT '])}NULL"
    if kind == "in":
        items = [_literal(draw, column) for _ in range(draw.randint(1, 4))]
        if draw.random() < 0.3:
            items.append("NULL")
        return f"{column} {draw.choice(['', 'NOT '])}IN ({', '.join(items)})"
    if kind == "between" and column != "b":
        low, high = _literal(draw, column), draw.choice([_literal(draw, column), "NULL"])
        return f"{column} {draw.choice(['', 'NOT '])}BETWEEN {low} AND {high}"
    if kind == "like" and column in ("s", "st.y"):
        pattern = draw.choice(["a%", "%b", "_", "%", "", "a!%b' ESCAPE '!", "%☃", "a_%", "__"])
        return f"{column} {draw.choice(['', 'NOT '])}LIKE '{pattern}'"
    if kind == "distinct":
        return f"{column} IS {draw.choice(['', 'NOT '])}DISTINCT FROM {draw.choice([_literal(draw, column), 'NULL'])}"
    signs = ["=", "<>"] if column == "b" else ["=", "<>", "<", "<=", ">", ">="]
    return f"{column} {draw.choice(signs)} {_literal(draw, column)}"


def test_predicates(spillway: Program, tmp_path: pathlib.Path) -> None:
    """Many files with narrow statistics, so that pruning has much to get wrong."""
    draw = random.Random(20240229)
    root = tmp_path / "lake" / "t"
    whole = _sample(draw, 300)
    ordered = whole.sort_by([("i", "ascending"), ("dt", "ascending")])
    for start in range(0, 300, 25):
        deltalake.write_deltalake(str(root), ordered.slice(start, 25), mode="append")
    naive = whole.set_column(
        whole.column_names.index("ts"), "ts", whole["ts"].cast(pa.timestamp("us"))
    )
    connection = duckdb.connect()
    connection.register("given", naive)
    connection.execute("CREATE TABLE t AS SELECT * FROM given")
    rows = from_arrow_table(whole)
    wrong = []
    for _ in range(PREDICATES):
        predicate = _predicate(draw, 3)
        keys = {r[0] for r in connection.execute(f"SELECT id FROM t WHERE {predicate}").fetchall()}
        want = rows.take(sorted(keys))
        try:
            compare.assert_equal(read(spillway, root, want, "--where", predicate), want, ["id"])
        except AssertionError as error:
            wrong.append(f"{predicate}\n  {error}")
    assert not wrong, f"{len(wrong)} of {PREDICATES} predicates:\n" + "\n".join(wrong[:5])
