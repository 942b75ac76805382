"""The oracle must see every difference: each test here plants one."""

from __future__ import annotations

import datetime
import pathlib
import struct
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oracle import compare, files, frame, golden, text_values, variant
from oracle.logical_type import DOUBLE, LONG, STRING, TIMESTAMP, VARIANT, from_arrow, map_of


def of(array: pa.Array) -> frame.Frame:
    return frame.from_arrow_table(pa.table({"id": pa.array(range(len(array))), "c": array}))


SAME = [
    pa.array([float("nan"), 1.5]),
    pa.array([-0.0, None], pa.float32()),
    pa.array([[1, None], [], None], pa.list_(pa.int32())),
    pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int32())),
    pa.array([{"x": 1, "y": None}, None], pa.struct([("x", pa.int32()), ("y", pa.string())])),
]
DIFFERENT = [
    (pa.array([0.0]), pa.array([-0.0])),
    (pa.array([1.0], pa.float32()), pa.array([1.0], pa.float64())),
    (pa.array([0.1]), pa.array([0.1 + 2**-56])),
    (pa.array([""]), pa.array([None], pa.string())),
    (pa.array([[]], pa.list_(pa.int32())), pa.array([None], pa.list_(pa.int32()))),
    (pa.array([[None]], pa.list_(pa.int32())), pa.array([[]], pa.list_(pa.int32()))),
    (
        pa.array([{"x": None}], pa.struct([("x", pa.int32())])),
        pa.array([None], pa.struct([("x", pa.int32())])),
    ),
    (pa.array([{"x": 1}]), pa.array([{"y": 1}])),
    (pa.array([1], pa.timestamp("us", "UTC")), pa.array([1], pa.timestamp("us"))),
    (
        pa.array([Decimal("1.0")], pa.decimal128(4, 1)),
        pa.array([Decimal("1.0")], pa.decimal128(5, 1)),
    ),
    (pa.array([1], pa.int16()), pa.array([1], pa.int32())),
    (pa.array(["a", "b"]), pa.array(["b", "a"])),
    (pa.array(["a"]), pa.array(["a", "a"])),
    (pa.array([b"a"]), pa.array(["a"])),
]


@pytest.mark.parametrize("array", SAME, ids=str)
def test_equal_to_itself(array: pa.Array) -> None:
    compare.assert_equal(of(array), of(array), ["id"])
    shifted = pa.concat_arrays([array, array]).slice(1, len(array) * 2 - 1)
    again = pa.concat_arrays([array.slice(1), array])
    compare.assert_equal(of(shifted), of(again), ["id"])


@pytest.mark.parametrize("a, b", DIFFERENT, ids=str)
def test_difference_is_seen(a: pa.Array, b: pa.Array) -> None:
    with pytest.raises(compare.Difference):
        compare.assert_equal(of(a), of(b), ["id"])


def test_physical_forms_do_not_matter() -> None:
    text = pa.array(["a", None, "a"])
    for form in (
        text.cast(pa.large_string()),
        text.dictionary_encode(),
        text.cast(pa.string_view()),
    ):
        compare.assert_equal(of(form), of(text), ["id"])


def test_nanoseconds_are_refused() -> None:
    with pytest.raises(TypeError):
        from_arrow(pa.timestamp("ns"))


def test_golden_covers_years_1_and_9999() -> None:
    values = golden.rows("dv").columns["ts"]
    assert text_values.micros("0001-01-01T00:00:00Z", zoned=True) in values
    assert text_values.micros("9999-12-31 23:59:59.999999+00", zoned=True) in values


@pytest.mark.parametrize(
    "text", ["0001-01-01", "1582-10-14", "1969-12-31", "2000-02-29", "9999-12-31"]
)
def test_days_agree_with_python(text: str) -> None:
    assert (
        text_values.days(text)
        == (datetime.date.fromisoformat(text) - datetime.date(1970, 1, 1)).days
    )


def test_csv_tells_null_from_empty() -> None:
    want = frame.Frame({"a": STRING, "b": STRING}, {"a": [None, "", 'q"\n,'], "b": ["x", None, ""]})
    got = files.csv('a,b\r\n,x\r\n"",\r\n"q""\n,",""\r\n', want)
    compare.assert_equal(got, want, ordered=True)
    for broken in ('a,b\n"x,1\n', 'a,b\nx"y,1\n', 'a,b\n"x"y,1\n', "a\nx\n", "a,b\nx\n"):
        with pytest.raises(ValueError):
            files.csv(broken, want)


def test_ndjson_is_strict() -> None:
    want = frame.Frame(
        {"a": LONG, "d": DOUBLE, "t": TIMESTAMP, "m": map_of(STRING, LONG)},
        {"a": [2**53 + 1], "d": [frame.bits64(float("-inf"))], "t": [-1], "m": [[("k", None)]]},
    )
    line = (
        '{"a":9007199254740993,"d":"-Infinity","t":"1969-12-31T23:59:59.999999Z","m":{"k":null}}\n'
    )
    compare.assert_equal(files.ndjson(line, want), want)
    for broken in (
        line[:-1],
        line.replace('"a"', '"A"'),
        line.replace("993", "993.5"),
        line.replace("Z", ""),
        line.replace('"m":{"k":null}', '"m":{"k":null,"k":1}'),
    ):
        with pytest.raises(ValueError):
            files.ndjson(broken, want)


def test_variant_decoder_against_the_files(tmp_path: pathlib.Path) -> None:
    """The raw binaries in the table's own files, against Spark's JSON of the same rows."""
    root = golden.unpack("variant", tmp_path)
    want = golden.rows("variant")
    got = [frame.from_arrow_table(pq.ParquetFile(p).read()) for p in sorted(root.glob("*.parquet"))]
    merged = frame.Frame(
        got[0].types, {n: [v for g in got for v in g.columns[n]] for n in got[0].names}
    )
    assert merged.types["v"] == VARIANT
    compare.assert_equal(merged, want, ["id"])


def test_variant_numbers() -> None:
    meta = b"\x01\x00\x00"
    assert variant.decode(meta, b"\x0c\xfb") == Decimal(-5)
    assert variant.decode(meta, b"\x38" + struct.pack("<f", 0.1)) == Decimal("0.1")
    assert variant.decode(meta, b"\x20\x02" + struct.pack("<i", 150)) == Decimal("1.5")


def test_delta_files_hold_the_golden_rows_by_duckdb(tmp_path: pathlib.Path) -> None:
    """A third reader agrees with the golden file where the Parquet files alone tell the table."""
    root = golden.unpack("clustered", tmp_path)
    import deltalake

    uris = deltalake.DeltaTable(str(root)).file_uris()
    got = frame.from_arrow_table(duckdb.sql(f"SELECT * FROM read_parquet({uris})").to_arrow_table())
    compare.assert_equal(got, golden.rows("clustered"), ["id"])
