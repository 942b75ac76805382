"""`spillway lake read` gives every table of tests/data exactly, in every format, and any part asked for."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Callable

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oracle import compare, files, golden
from oracle.frame import Frame
from program import Program

Tables = Callable[[str], pathlib.Path]


def read_parquet(
    spillway: Program, source: pathlib.Path | str, *options: str, expected: Frame
) -> Frame:
    out = spillway.home / "rows.parquet"
    out.unlink(missing_ok=True)
    outcome = spillway.done(
        "lake", "read", str(source), "--format", "parquet", "--out", str(out), *options
    )
    assert outcome.stdout == b""
    return files.parquet(out, expected)


@pytest.mark.parametrize("name", golden.NAMES)
def test_parquet(spillway: Program, tables: Tables, name: str) -> None:
    want = golden.rows(name)
    compare.assert_equal(
        read_parquet(spillway, tables(name), expected=want), want, golden.keys(name)
    )


@pytest.mark.parametrize("name", golden.NAMES)
def test_ndjson(spillway: Program, tables: Tables, name: str) -> None:
    want = golden.rows(name)
    outcome = spillway.done("lake", "read", tables(name), "--format", "ndjson")
    compare.assert_equal(
        files.ndjson(outcome.text, want), files.without_json_null(want), golden.keys(name)
    )


@pytest.mark.parametrize("name", [n for n in golden.NAMES if n not in golden.VARIANT_NAMES])
def test_csv(spillway: Program, tables: Tables, name: str) -> None:
    want = golden.rows(name)
    outcome = spillway.done("lake", "read", tables(name), "--format", "csv")
    compare.assert_equal(files.csv(outcome.text, want), want, golden.keys(name))


@pytest.mark.parametrize(
    "name, version", [(n, v) for n in golden.NAMES for v in golden.versions(n)]
)
def test_earlier_version(spillway: Program, tables: Tables, name: str, version: int) -> None:
    want = golden.rows(name, version)
    got = read_parquet(spillway, tables(name), "--version", str(version), expected=want)
    compare.assert_equal(got, want, golden.keys(name, version))


@pytest.mark.parametrize(
    "case", golden.facts("ict")["timeTravel"], ids=lambda case: str(case["ms"])
)
def test_time_travel_by_in_commit_timestamps(
    spillway: Program, tables: Tables, case: dict[str, object]
) -> None:
    want = golden.rows("ict", int(str(case["version"])))
    for text in (str(case["ts"]).replace(" ", "T"), str(case["ts"]).removesuffix("Z")):
        got = read_parquet(spillway, tables("ict"), "--timestamp", text, expected=want)
        compare.assert_equal(got, want, ["id"])


def test_a_zone_is_honoured_and_its_absence_said(spillway: Program, tables: Tables) -> None:
    want = golden.rows("ict", 2)
    got = read_parquet(
        spillway, tables("ict"), "--timestamp", "2026-11-21T10:24:22.605+02:00", expected=want
    )
    compare.assert_equal(got, want, ["id"])
    outcome = spillway.done(
        "lake", "read", tables("ict"), "--timestamp", "2026-11-21T08:24:22.605", "--format", "csv"
    )
    assert "UTC" in outcome.stderr


def test_a_table_that_is_moved_reads_the_same(
    spillway: Program, tables: Tables, tmp_path: pathlib.Path
) -> None:
    moved = tmp_path / "a b%20c" / "ünï#?&=+"
    shutil.copytree(tables("part"), moved)
    want = golden.rows("part")
    compare.assert_equal(read_parquet(spillway, moved, expected=want), want, ["id"])


@pytest.mark.parametrize("form", ["absolute", "relative", "trailing", "file url", "dotted"])
def test_forms_of_a_local_source(spillway: Program, tables: Tables, form: str) -> None:
    root = tables("cdf")
    source = {
        "absolute": str(root),
        "relative": "./cdf",
        "trailing": f"{root}/",
        "file url": root.as_uri(),
        "dotted": f"{root}/../cdf",
    }[form]
    outcome = spillway.done("lake", "read", source, "--format", "csv", cwd=root.parent)
    compare.assert_equal(files.csv(outcome.text, golden.rows("cdf")), golden.rows("cdf"), ["id"])


def test_parquet_wants_a_file(spillway: Program, tables: Tables) -> None:
    spillway.fails(
        "lake",
        "read",
        tables("colmap"),
        "--format",
        "parquet",
        error_class="INVALID_ARGUMENT",
        codes=(2,),
    )


def test_table_format_shows_names_and_values(spillway: Program, tables: Tables) -> None:
    outcome = spillway.done("lake", "read", tables("overwrite"), "--limit", "3")
    assert all(name in outcome.text for name in ("k", "p", "x"))


@pytest.mark.parametrize(
    "name, columns",
    [
        ("dv", ["s"]),
        ("dv", ["st", "id"]),
        ("dv", ["ts", "tsn", "dt", "id"]),
        ("colmap", ["c,d;e=f", "id"]),
        ("colmap", ["gone", "id"]),
        ("part", ["pd", "ps", "id"]),
        ("part_types", ["pbin", "pdb", "id"]),
        ("typewiden", ["arr", "st", "id"]),
        ("colmap_id", ["a", "b", "id"]),
        ("variant", ["id", "st"]),
    ],
    ids=str,
)
def test_columns(spillway: Program, tables: Tables, name: str, columns: list[str]) -> None:
    want = golden.rows(name).select(columns)
    got = read_parquet(spillway, tables(name), "--columns", quoted(columns), expected=want)
    compare.assert_equal(got, want, ["id"] if "id" in columns else None)


def quoted(columns: list[str]) -> str:
    return ",".join(c if c.isidentifier() else '"' + c.replace('"', '""') + '"' for c in columns)


@pytest.mark.parametrize("limit", [0, 1, 7, 98959, 1000000])
def test_limit(spillway: Program, tables: Tables, limit: int) -> None:
    want = golden.rows("dv").select(["id", "s"])
    got = read_parquet(
        spillway, tables("dv"), "--columns", "id,s", "--limit", str(limit), expected=want
    )
    assert got.rows == min(limit, want.rows) and got.types == want.types
    rows = dict(zip(want.columns["id"], want.columns["s"]))
    assert len(set(got.columns["id"])) == got.rows
    assert all(rows[i] == s for i, s in zip(got.columns["id"], got.columns["s"]))


# Each predicate is given as Spillway and as DuckDB read it; one text when they agree.
PREDICATES: list[tuple[str, str, str | None]] = [
    ("dv", "id = 5", None),
    ("dv", "id = 99999999999999999999 OR id > -99999999999999999999 AND id < 3", None),
    ("dv", "id <> 5 AND id < 20", None),
    ("dv", "id != 5 AND id <= 20", None),
    ("dv", "id > 99990 OR id < 3", None),
    ("dv", "100 > id", None),
    ("dv", "ID < 10", None),
    ("dv", '"id" < 10', None),
    ("dv", "i = -2147483648", None),
    ("dv", "i IS NULL", None),
    ("dv", "i IS NOT NULL AND id < 100", None),
    ("dv", "NOT (i > 1000)", None),
    ("dv", "NOT (i > 1000 AND s LIKE 's-1%')", None),
    ("dv", "i > 1000 OR s IS NULL", None),
    ("dv", "id IN (1, 2, 3, 97, 100000)", None),
    ("dv", "i IN (7, NULL)", None),
    ("dv", "i NOT IN (7, 14) AND id < 10", None),
    ("dv", "i NOT IN (7, NULL)", None),
    ("dv", "id BETWEEN 49990 AND 50020", None),
    ("dv", "id NOT BETWEEN 10 AND 99990", None),
    ("dv", "i BETWEEN NULL AND 100", None),
    ("dv", "i NOT BETWEEN NULL AND 100", None),
    ("dv", "i = NULL", None),
    ("dv", "i <=> NULL", "i IS NOT DISTINCT FROM NULL"),
    ("dv", "i IS DISTINCT FROM 7 AND id < 30", None),
    ("dv", "s = ''", None),
    ("dv", "s LIKE 's-12%'", None),
    ("dv", "s LIKE '%☃_'", None),
    ("dv", "s LIKE '_-1_-%'", None),
    ("dv", "s NOT LIKE 's-%'", None),
    ("dv", "s LIKE '%|upd'", None),
    ("dv", "s LIKE '%!_%' ESCAPE '!' OR id < 2", None),
    ("dv", "s > 's-9999'", None),
    ("dv", "s >= 's-žzz'", None),
    ("dv", "b = TRUE AND id < 30", None),
    ("dv", "b <> TRUE AND id < 30", None),
    ("dv", "b = FALSE OR b IS NULL", None),
    ("dv", "d > 33000.0", None),
    ("dv", "d = 0", None),
    ("dv", "d < 0", None),
    ("dv", "d >= 0 AND id < 10", None),
    ("dv", "f >= 14200", None),
    ("dv", "f BETWEEN .5 AND 14.5e0", None),
    ("dv", "NOT .5 < f AND id < 100", None),
    ("dv", "id < 100 and.5 < f", None),
    ("dv", "dec = 99999999999999.9999", None),
    ("dv", "dec > 99900.5", None),
    ("dv", "dec < -1", None),
    ("dv", "dec = 2.0002", None),
    ("dv", "dt = DATE '0001-01-01'", None),
    ("dv", "dt < DATE '1900-01-01'", None),
    ("dv", "dt >= DATE '9999-12-31'", None),
    ("dv", "dt BETWEEN DATE '2020-03-01' AND DATE '2020-03-02'", None),
    ("dv", "ts < TIMESTAMP '1970-01-01 00:00:00'", None),
    ("dv", "ts = TIMESTAMP '0001-01-01 00:00:00'", None),
    ("dv", "ts >= TIMESTAMP '9999-12-31 23:59:59.999999'", None),
    ("dv", "ts > TIMESTAMP '2020-09-14 16:00:00'", None),
    ("dv", "ts > TIMESTAMP '2020-09-14T18:00:00+02:00'", "ts > TIMESTAMP '2020-09-14 16:00:00'"),
    ("dv", "tsn < TIMESTAMP '2017-07-14 03:00:00.5'", None),
    ("dv", "bin = X''", "bin = ''::BLOB"),
    ("dv", "bin = X'00'", "bin = '\\x00'::BLOB"),
    ("dv", "bin > X'FE'", "bin > '\\xFE'::BLOB"),
    ("dv", "st.x = 70", None),
    ("dv", "st.x > 99990 AND st.y IS NULL", None),
    ("dv", "st IS NULL AND id < 50", None),
    ("dv", "st.y IS NULL AND id < 50", None),
    ("dv", '"st"."y" LIKE \'y1_\'', None),
    ("dv", "(id < 5 OR id > 99995) AND NOT (id = 2 OR id = 99998)", None),
    ("dv", "id < 100 AND (s IS NULL OR i IS NULL AND d IS NOT NULL)", None),
    ("colmap", "\"c,d;e=f\" LIKE 'b%'", None),
    ("colmap", "gone IS NULL", None),
    ("colmap", "gone = 'new' AND added > 500", None),
    ("colmap", "st.xx BETWEEN 95 AND 205", None),
    ("colmap_upgraded", "part = 'p1' AND a IS NULL", None),
    ("colmap_id", "a > 50 AND b LIKE 'a%'", None),
    ("part", "ps = '__HIVE_DEFAULT_PARTITION__'", None),
    ("part", "ps IS NULL AND pd IS NULL", None),
    ("part", "ps = 'a%20b' OR ps = 'naïve/ü'", None),
    ("part", "pd = DATE '1969-12-31' AND ps LIKE '% %'", None),
    ("part", "ps = 'q\"''\\{}[]^`'", None),
    ("part", "ps <> 'NULL' AND id < 40", None),
    ("part_types", "pts > TIMESTAMP '2024-02-01 00:00:00'", None),
    ("part_types", "pdec < 0 OR pbin = X'C3A9'", "pdec < 0 OR pbin = '\\xC3\\xA9'::BLOB"),
    ("part_types", "pdb = 0", None),
    ("part_types", "pdb > 1", None),
    ("part_types", "pb IS NULL", None),
    ("typewiden", "id > 5000000990", None),
    ("typewiden", "dt < TIMESTAMP '1960-03-01 00:00:00'", None),
    ("typewiden", "i2d = 999.25", None),
    ("typewiden", "d = 1234567890123456.7891 AND s2i < 100010", None),
    ("typewiden", "st.k < 10", None),
    ("clustered", "a = 42 AND b = 'b3'", None),
    ("v2ckpt", "v LIKE 'tail-%' OR id < 3", None),
]


@pytest.fixture(scope="module")
def evaluate(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], list[int]]:
    """The keys of the golden rows for which DuckDB finds a predicate true."""
    connection = duckdb.connect()
    known: set[str] = set()

    def keys_where(name: str, predicate: str) -> list[int]:
        if name not in known:
            table = pq.read_table(golden.DATA / "golden" / f"{name}.parquet")
            fields = [
                f.with_type(pa.timestamp("us")) if pa.types.is_timestamp(f.type) else f
                for f in table.schema
            ]
            # Copied, because DuckDB leaves filters on a registered table to pyarrow, which knows no order for NaN.
            connection.register("given", table.cast(pa.schema(fields)))
            connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM given')
            known.add(name)
        return [
            row[0]
            for row in connection.execute(f'SELECT id FROM "{name}" WHERE {predicate}').fetchall()
        ]

    return keys_where


@pytest.mark.parametrize(
    "name, predicate, duckdb_form", PREDICATES, ids=lambda p: p if isinstance(p, str) else ""
)
def test_where(
    spillway: Program,
    tables: Tables,
    evaluate: Callable[[str, str], list[int]],
    name: str,
    predicate: str,
    duckdb_form: str | None,
) -> None:
    keys = set(evaluate(name, duckdb_form or predicate))
    rows = golden.rows(name)
    want = rows.take([i for i, key in enumerate(rows.columns["id"]) if key in keys])
    got = read_parquet(spillway, tables(name), "--where", predicate, expected=want)
    compare.assert_equal(got, want, ["id"])


def test_where_on_columns_that_are_not_selected(spillway: Program, tables: Tables) -> None:
    want = golden.rows("dv").select(["id"])
    want = want.take([i for i, s in enumerate(golden.rows("dv").columns["s"]) if s is None])
    got = read_parquet(
        spillway, tables("dv"), "--columns", "id", "--where", "s IS NULL", expected=want
    )
    compare.assert_equal(got, want, ["id"])


def test_where_and_limit_count_rows_after_the_filter(spillway: Program, tables: Tables) -> None:
    want = golden.rows("dv")
    got = read_parquet(
        spillway, tables("dv"), "--where", "id >= 99000", "--limit", "25", expected=want
    )
    assert got.rows == 25 and all(key >= 99000 for key in got.columns["id"])
