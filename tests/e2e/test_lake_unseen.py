"""Tables as other writers make them: every encoding, old conventions, odd but legal logs. Read exactly or refused."""

from __future__ import annotations

import datetime
import decimal
import json
import pathlib
import shutil
from typing import Any

import deltalake
import pyarrow as pa
import pytest

import raw_delta
from oracle import compare, files
from oracle.frame import Frame, from_arrow_table
from program import Program

D = decimal.Decimal


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "lake" / "t"


def reads(
    spillway: Program,
    root: pathlib.Path,
    want: pa.Table | Frame,
    *options: str,
    keys: list[str] | None = None,
) -> None:
    out = spillway.home / "rows.parquet"
    out.unlink(missing_ok=True)
    spillway.done("lake", "read", root, "--format", "parquet", "--out", out, *options)
    expected = from_arrow_table(want) if isinstance(want, pa.Table) else want
    compare.assert_equal(files.parquet(out, expected), expected, keys or ["id"])


def sample(rows: int = 1000) -> pa.Table:
    """A column of every type, with NULLs."""

    def some(values: list[Any]) -> list[Any]:
        return [None if i % 7 == 3 else v for i, v in enumerate(values)]

    keys = list(range(rows))
    micros = [(k - rows // 2) * 86_399_999_999 for k in keys]
    return pa.table(
        {
            "id": pa.array(keys, pa.int64()),
            "i8": pa.array(some([k % 256 - 128 for k in keys]), pa.int8()),
            "i16": pa.array(some([k - 500 for k in keys]), pa.int16()),
            "i32": pa.array(some([k * 2_000_000 - 2**30 for k in keys]), pa.int32()),
            "f": pa.array(some([k / 3 for k in keys]), pa.float32()),
            "d": pa.array(
                some([-0.0 if k == 0 else float("nan") if k == 1 else k / 7 for k in keys]),
                pa.float64(),
            ),
            "s": pa.array(some([f"text {k % 50} ☃" if k % 3 else "" for k in keys]), pa.string()),
            "x": pa.array(some([bytes([k % 256]) * (k % 40) for k in keys]), pa.binary()),
            "b": pa.array(some([k % 2 == 0 for k in keys]), pa.bool_()),
            "dt": pa.array(some([k * 1000 - 500_000 for k in keys]), pa.int32()).cast(pa.date32()),
            "ts": pa.array(some(micros), pa.int64()).cast(pa.timestamp("us", "UTC")),
            "tn": pa.array(some(micros), pa.int64()).cast(pa.timestamp("us")),
            "m9": pa.array(some([D(k - 500) / 100 for k in keys]), pa.decimal128(9, 2)),
            "m18": pa.array(some([D(k) * 10**12 for k in keys]), pa.decimal128(18, 2)),
            "m38": pa.array(
                some([D(k - 500) * 10**24 + D("0.0000000001") for k in keys]), pa.decimal128(38, 10)
            ),
            "a": pa.array(
                some([[None if j == 2 else j for j in range(k % 5)] for k in keys]),
                pa.list_(pa.int32()),
            ),
            "st": pa.array(
                some([{"k": k, "v": None if k % 5 else {"w": [str(k)]}} for k in keys]),
                pa.struct([("k", pa.int64()), ("v", pa.struct([("w", pa.list_(pa.string()))]))]),
            ),
            "mp": pa.array(
                some([[(f"k{j}", j if j else None) for j in range(k % 4)] for k in keys]),
                pa.map_(pa.string(), pa.int64()),
            ),
        }
    )


@pytest.mark.parametrize("codec", ["NONE", "SNAPPY", "GZIP", "ZSTD", "LZ4", "BROTLI"])
def test_compression(spillway: Program, root: pathlib.Path, codec: str) -> None:
    reads(spillway, raw_delta.simple(root, sample(), compression=codec), sample())


@pytest.mark.parametrize("page", ["1.0", "2.0"])
@pytest.mark.parametrize("dictionary", [True, False])
@pytest.mark.parametrize("pages", [128, 1 << 20])
def test_pages(
    spillway: Program, root: pathlib.Path, page: str, dictionary: bool, pages: int
) -> None:
    reads(
        spillway,
        raw_delta.simple(
            root,
            sample(),
            data_page_version=page,
            use_dictionary=dictionary,
            data_page_size=pages,
            write_batch_size=64,
        ),
        sample(),
    )


@pytest.mark.parametrize(
    "encoding, columns",
    [
        ("DELTA_BINARY_PACKED", ["id", "i32"]),
        ("DELTA_LENGTH_BYTE_ARRAY", ["s", "x"]),
        ("DELTA_BYTE_ARRAY", ["s", "x"]),
        ("BYTE_STREAM_SPLIT", ["f", "d"]),
        ("RLE", ["b"]),
        ("PLAIN", ["id", "s", "d", "b"]),
    ],
    ids=str,
)
def test_encoding(spillway: Program, root: pathlib.Path, encoding: str, columns: list[str]) -> None:
    reads(
        spillway,
        raw_delta.simple(
            root,
            sample(),
            use_dictionary=False,
            data_page_version="2.0",
            column_encoding={c: encoding for c in columns},
        ),
        sample(),
    )


@pytest.mark.parametrize("size", [1, 7, 333])
def test_row_groups(spillway: Program, root: pathlib.Path, size: int) -> None:
    reads(spillway, raw_delta.simple(root, sample(400), row_group_size=size), sample(400))


@pytest.mark.parametrize(
    "options",
    [
        {"store_decimal_as_integer": True},
        {"version": "1.0"},
        {"version": "2.4"},
        {"version": "2.6"},
        {"store_schema": True},
        {"write_statistics": False},
        {"write_page_index": True},
        {"write_page_checksum": True},
        {"use_compliant_nested_type": False},
    ],
    ids=str,
)
def test_writer_options(spillway: Program, root: pathlib.Path, options: dict[str, Any]) -> None:
    reads(spillway, raw_delta.simple(root, sample(), **options), sample())


def test_int96(spillway: Program, root: pathlib.Path) -> None:
    table = sample().drop_columns(["tn"])
    reads(spillway, raw_delta.simple(root, table, use_deprecated_int96_timestamps=True), table)


def test_milliseconds(spillway: Program, root: pathlib.Path) -> None:
    want = pa.table(
        {"id": [1, 2], "ts": pa.array([-1000, 253402300799999000], pa.timestamp("us", "UTC"))}
    )
    raw_delta.simple(root, want, coerce_timestamps="ms")
    reads(spillway, root, want)


def test_nanoseconds_are_exact(spillway: Program, root: pathlib.Path) -> None:
    want = pa.table(
        {"id": [1, 2], "ts": pa.array([-1, 1_700_000_000_123_456], pa.timestamp("us", "UTC"))}
    )
    finer = want.set_column(1, "ts", want["ts"].cast(pa.timestamp("ns", "UTC")))
    raw_delta.commit(
        root,
        0,
        raw_delta.protocol(),
        raw_delta.metadata(raw_delta.fields_of(want.schema)),
        raw_delta.add(root, "part-0.parquet", finer, version="2.6"),
    )
    out = spillway.home / "rows.parquet"
    spillway.done("lake", "read", root, "--format", "parquet", "--out", out)
    compare.assert_equal(files.parquet(out), from_arrow_table(want), ["id"])


def test_columns_come_and_go(spillway: Program, root: pathlib.Path) -> None:
    """Files in another column order, with a column too many, or written before a column or a nested field was there."""
    new = pa.table(
        {
            "id": [3],
            "s": ["c"],
            "st": pa.array([{"k": 1, "v": "x"}]),
            "n": pa.array([7], pa.int32()),
        }
    )
    raw_delta.commit(
        root,
        0,
        raw_delta.protocol(),
        raw_delta.metadata(raw_delta.fields_of(new.schema)),
        raw_delta.add(root, "a.parquet", pa.table({"s": ["a"], "id": [1]})),
        raw_delta.add(
            root, "b.parquet", pa.table({"gone": [1.5], "st": pa.array([{"k": 5}]), "id": [2]})
        ),
        raw_delta.add(root, "c.parquet", new),
    )
    reads(
        spillway,
        root,
        pa.table(
            {
                "id": [1, 2, 3],
                "s": ["a", None, "c"],
                "st": pa.array(
                    [None, {"k": 5, "v": None}, {"k": 1, "v": "x"}], new.schema.field("st").type
                ),
                "n": pa.array([None, None, 7], pa.int32()),
            }
        ),
    )


def test_paths_as_the_log_writes_them(spillway: Program, root: pathlib.Path) -> None:
    """Absolute, as URL, and percent-encoded once by the log."""
    one = [pa.table({"id": [i]}) for i in range(4)]
    root.mkdir(parents=True)
    actions = [
        raw_delta.add(root, "plain.parquet", one[0]),
        raw_delta.add(root, "a b%c ü.parquet", one[1], written_as="a%20b%25c%20%C3%BC.parquet"),
        raw_delta.add(root, "abs.parquet", one[2], written_as=(root / "abs.parquet").as_uri()),
        raw_delta.add(root, "deep/er/x.parquet", one[3]),
    ]
    raw_delta.commit(
        root,
        0,
        raw_delta.protocol(),
        raw_delta.metadata(raw_delta.fields_of(one[0].schema)),
        *actions,
    )
    reads(spillway, root, pa.table({"id": [0, 1, 2, 3]}))


def test_a_log_with_things_from_the_future(spillway: Program, root: pathlib.Path) -> None:
    """Unknown actions and unknown fields are ignored, as the protocol demands."""
    table = pa.table({"id": [1]})
    action = raw_delta.add(
        root,
        "a.parquet",
        table,
        extra={"tags": None, "invented": {"a": [1]}, "clusteringProvider": "x"},
    )
    raw_delta.commit(
        root,
        0,
        {"commitInfo": {"timestamp": 0, "anything": [{}]}},
        raw_delta.protocol(),
        raw_delta.metadata(raw_delta.fields_of(table.schema)),
        {"inventedAction": {"x": 1}},
        {"txn": {"appId": "a", "version": 1}},
        {"domainMetadata": {"domain": "d", "configuration": "", "removed": False}},
        action,
    )
    reads(spillway, root, table)


def test_removed_and_added_again(spillway: Program, root: pathlib.Path) -> None:
    table = pa.table({"id": [1]})
    action = raw_delta.add(root, "a.parquet", table)
    remove = {"remove": {"path": "a.parquet", "dataChange": True, "deletionTimestamp": 0}}
    raw_delta.commit(
        root, 0, raw_delta.protocol(), raw_delta.metadata(raw_delta.fields_of(table.schema)), action
    )
    raw_delta.commit(root, 1, remove)
    raw_delta.commit(root, 2, action)
    raw_delta.commit(root, 3, action)
    reads(spillway, root, table)
    reads(spillway, root, table.slice(0, 0), "--version", "1")


@pytest.mark.parametrize(
    "table", [pa.table({"id": pa.array([], pa.int64())}), sample(0)], ids=["one", "all"]
)
def test_no_rows(spillway: Program, root: pathlib.Path, table: pa.Table) -> None:
    reads(spillway, raw_delta.simple(root, table), table)


def test_no_files(spillway: Program, root: pathlib.Path) -> None:
    table = sample(0)
    raw_delta.commit(
        root,
        0,
        raw_delta.protocol("timestampNtz"),
        raw_delta.metadata(raw_delta.fields_of(table.schema)),
    )
    reads(spillway, root, table)


def test_a_file_without_rows_beside_others(spillway: Program, root: pathlib.Path) -> None:
    table = sample(10)
    raw_delta.simple(root, table)
    raw_delta.commit(root, 1, raw_delta.add(root, "none.parquet", sample(0)))
    reads(spillway, root, table)


def test_void_column_is_left_out_with_a_warning(spillway: Program, root: pathlib.Path) -> None:
    table = pa.table({"id": [1]})
    raw_delta.commit(
        root,
        0,
        raw_delta.protocol(),
        raw_delta.metadata(
            [*raw_delta.fields_of(table.schema), raw_delta.field("nothing", "void")]
        ),
        raw_delta.add(root, "a.parquet", table),
    )
    reads(spillway, root, table)
    assert "nothing" in spillway.done("lake", "read", root, "--format", "csv").stderr


def test_void_fields_of_structs_are_left_out(spillway: Program, root: pathlib.Path) -> None:
    inner = pa.struct([("a", pa.int32())])
    table = pa.table(
        {
            "id": [1, 2],
            "s": pa.array([{"a": 1}, None], inner),
            "l": pa.array([[{"a": 2}], None], pa.list_(inner)),
        }
    )
    struct = raw_delta.struct_type(
        [raw_delta.field("a", "integer"), raw_delta.field("nothing", "void")]
    )
    many = {"type": "array", "elementType": struct, "containsNull": True}
    fields = [raw_delta.field("id", "long"), raw_delta.field("s", struct)]
    raw_delta.commit(
        root,
        0,
        raw_delta.protocol(),
        raw_delta.metadata([*fields, raw_delta.field("l", many)]),
        raw_delta.add(root, "a.parquet", table),
    )
    reads(spillway, root, table)


def test_char_and_varchar_are_strings(spillway: Program, root: pathlib.Path) -> None:
    table = pa.table({"id": [1], "c": ["ab  "]})
    raw_delta.commit(
        root,
        0,
        raw_delta.protocol(),
        raw_delta.metadata(
            [
                raw_delta.field("id", "long"),
                raw_delta.field("c", "string", {"__CHAR_VARCHAR_TYPE_STRING": "char(4)"}),
            ]
        ),
        raw_delta.add(root, "a.parquet", table),
    )
    reads(spillway, root, table)


@pytest.mark.parametrize(
    "kind",
    [
        "interval year to month",
        "geometry",
        "decimal(39,0)",
        "decimal(5,7)",
        "uint64",
        {"type": "udt"},
    ],
    ids=str,
)
def test_unknown_types_are_refused_by_name(
    spillway: Program, root: pathlib.Path, kind: Any
) -> None:
    raw_delta.commit(
        root,
        0,
        raw_delta.protocol(),
        raw_delta.metadata([raw_delta.field("id", "long"), raw_delta.field("odd", kind)]),
        raw_delta.add(root, "a.parquet", pa.table({"id": [1]})),
    )
    failure = spillway.fails(
        "lake",
        "read",
        root,
        "--format",
        "csv",
        error_class=("UNSUPPORTED_COLUMN_TYPE", "DELTA_LOG_CORRUPT", "UNSUPPORTED_READER_FEATURE"),
    )
    said = failure.message + failure.object + json.dumps(failure.details)
    assert "odd" in said or "decimal" in said, failure.outcome


PARTITION_VALUES = [
    (pa.timestamp("us", "UTC"), "2024-02-29 12:34:56.123456", 1709210096123456),
    (pa.timestamp("us", "UTC"), "2024-02-29T12:34:56.123456Z", 1709210096123456),
    (pa.timestamp("us", "UTC"), "2024-02-29 12:34:56", 1709210096000000),
    (pa.timestamp("us", "UTC"), "0001-01-01 00:00:00", -62135596800000000),
    (pa.timestamp("us"), "2024-02-29 12:34:56.5", 1709210096500000),
    (pa.date32(), "9999-12-31", 2932896),
    (pa.int8(), "-128", -128),
    (pa.int64(), "9223372036854775807", 2**63 - 1),
    (pa.float64(), "1.0E-7", 1e-7),
    (pa.float64(), "-Infinity", float("-inf")),
    (pa.float32(), "0.1", 0.1),
    (pa.bool_(), "true", True),
    (pa.decimal128(10, 2), "-1.5", D("-1.50")),
    (pa.decimal128(38, 0), "9" * 38, D("9" * 38)),
    (pa.string(), "", None),
    (pa.int32(), "", None),
    (pa.string(), None, None),
    (pa.string(), "a%20b/=ü", "a%20b/=ü"),
    (pa.binary(), "\u0001\u0002", b"\x01\x02"),
]


@pytest.mark.parametrize("kind, text, value", PARTITION_VALUES, ids=lambda v: str(v)[:24])
def test_partition_value(
    spillway: Program, root: pathlib.Path, kind: pa.DataType, text: str | None, value: Any
) -> None:
    rows = pa.table({"id": [1, 2]})
    features = ["timestampNtz"] if kind == pa.timestamp("us") else []
    raw_delta.commit(
        root,
        0,
        raw_delta.protocol(*features),
        raw_delta.metadata(
            [raw_delta.field("id", "long"), raw_delta.field("p", raw_delta.delta_type(kind))], ["p"]
        ),
        raw_delta.add(root, "x/a.parquet", rows, values={"p": text}),
    )
    column = (
        pa.array([value, value], pa.int64()).cast(kind)
        if pa.types.is_timestamp(kind)
        else (
            pa.array([value, value], pa.int32()).cast(kind)
            if pa.types.is_date(kind)
            else pa.array([value, value], kind)
        )
    )
    reads(spillway, root, rows.append_column("p", column))


@pytest.mark.parametrize(
    "kind, text",
    [
        ("integer", "x"),
        ("date", "2024-02-30"),
        ("timestamp", "noon"),
        ("boolean", "maybe"),
        ("byte", "300"),
        ("decimal(4,2)", "123.45"),
        ("double", "1,5"),
    ],
    ids=str,
)
def test_partition_value_that_is_none(
    spillway: Program, root: pathlib.Path, kind: str, text: str
) -> None:
    """A value that does not parse is an error, never NULL."""
    raw_delta.commit(
        root,
        0,
        raw_delta.protocol(),
        raw_delta.metadata([raw_delta.field("id", "long"), raw_delta.field("p", kind)], ["p"]),
        raw_delta.add(root, "a.parquet", pa.table({"id": [1]}), values={"p": text}),
    )
    spillway.fails(
        "lake",
        "read",
        root,
        "--format",
        "csv",
        error_class=("DELTA_LOG_CORRUPT", "DATA_FILE_CORRUPT"),
    )


def test_partition_column_missing_in_the_action(spillway: Program, root: pathlib.Path) -> None:
    raw_delta.commit(
        root,
        0,
        raw_delta.protocol(),
        raw_delta.metadata([raw_delta.field("id", "long"), raw_delta.field("p", "string")], ["p"]),
        raw_delta.add(root, "a.parquet", pa.table({"id": [1]}), values={}),
    )
    outcome = spillway.run("lake", "read", root, "--format", "csv")
    assert outcome.code == 1 or outcome.text == "id,p\n1,\n", outcome


# Statistics must never make a row vanish


def with_statistics(
    root: pathlib.Path, table: pa.Table, low: Any, high: Any, tight: bool = True
) -> None:
    statistics = {
        "numRecords": table.num_rows,
        "minValues": {"v": low},
        "maxValues": {"v": high},
        "nullCount": {"v": table["v"].null_count},
        "tightBounds": tight,
    }
    raw_delta.commit(
        root,
        0,
        raw_delta.protocol(),
        raw_delta.metadata(raw_delta.fields_of(table.schema)),
        raw_delta.add(root, "a.parquet", table, extra={"stats": json.dumps(statistics)}),
    )


def test_timestamp_statistics_are_truncated_to_milliseconds(
    spillway: Program, root: pathlib.Path
) -> None:
    table = pa.table({"id": [1], "v": pa.array([1_700_000_000_000_500], pa.timestamp("us", "UTC"))})
    with_statistics(root, table, "2023-11-14T22:13:20.000Z", "2023-11-14T22:13:20.000Z")
    reads(spillway, root, table, "--where", "v > TIMESTAMP '2023-11-14 22:13:20.000400'")
    reads(spillway, root, table, "--where", "v = TIMESTAMP '2023-11-14 22:13:20.0005'")


def test_string_statistics_are_prefixes(spillway: Program, root: pathlib.Path) -> None:
    table = pa.table({"id": [1], "v": ["a" * 40 + "z"]})
    with_statistics(root, table, "a" * 32, "a" * 32 + "\U0010ffff")
    reads(spillway, root, table, "--where", f"v >= '{'a' * 40}y'")
    reads(spillway, root, table, "--where", f"v LIKE '{'a' * 40}%'")


@pytest.mark.parametrize("value", [float("nan"), -0.0], ids=str)
def test_float_statistics_know_neither_nan_nor_negative_zero(
    spillway: Program, root: pathlib.Path, value: float
) -> None:
    table = pa.table({"id": [1, 2], "v": [value, 0.0]})
    with_statistics(root, table, 0.0, 0.0)
    want = table if value == 0 else table.slice(1)
    reads(spillway, root, want, "--where", "v = 0")
    if value != value:
        reads(spillway, root, table.slice(0, 1), "--where", "v > 1")


def test_wide_bounds(spillway: Program, root: pathlib.Path) -> None:
    """Bounds that are not tight may be wider than the rows; NULL counts and all-NULL cannot be told from them."""
    table = pa.table({"id": [1, 2], "v": [5, None]})
    with_statistics(root, table, -100, 100, tight=False)
    reads(spillway, root, table.slice(0, 1), "--where", "v = 5")
    reads(spillway, root, table.slice(1), "--where", "v IS NULL")
    reads(spillway, root, table.slice(0, 0), "--where", "v = 50")


@pytest.mark.parametrize(
    "statistics",
    ["", "{", "[]", '"x"', '{"numRecords":"two"}', '{"minValues":{"v":"x"}}', '{"numRecords":-1}'],
)
def test_broken_statistics_change_nothing(
    spillway: Program, root: pathlib.Path, statistics: str
) -> None:
    table = pa.table({"id": [1, 2], "v": [5, 6]})
    raw_delta.commit(
        root,
        0,
        raw_delta.protocol(),
        raw_delta.metadata(raw_delta.fields_of(table.schema)),
        raw_delta.add(root, "a.parquet", table, extra={"stats": statistics}),
    )
    out = spillway.home / "rows.parquet"
    spillway.done("lake", "read", root, "--format", "parquet", "--out", out, "--where", "v > 5")
    compare.assert_equal(files.parquet(out), from_arrow_table(table.slice(1)), ["id"])


# Deletion vectors in their other places


@pytest.mark.parametrize("place", ["inline", "absolute", "relative", "relative with prefix"])
def test_deletion_vector(spillway: Program, root: pathlib.Path, place: str) -> None:
    table = pa.table({"id": list(range(100))})
    gone = [0, 1, 50, 99]
    bitmap = raw_delta.deletion_vector(gone)
    root.mkdir(parents=True)
    vector: dict[str, Any] = {"sizeInBytes": len(bitmap), "cardinality": len(gone)}
    if place == "inline":
        vector |= {"storageType": "i", "pathOrInlineDv": raw_delta.z85(bitmap)}
    else:
        import uuid
        import zlib

        unique = uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")
        name = f"deletion_vector_{unique}.bin"
        prefix = "ab" if place == "relative with prefix" else ""
        file = root / prefix / name
        file.parent.mkdir(exist_ok=True)
        size = len(bitmap).to_bytes(4, "big")
        file.write_bytes(b"\x01" + size + bitmap + zlib.crc32(bitmap).to_bytes(4, "big"))
        vector |= {"offset": 1}
        if place == "absolute":
            vector |= {"storageType": "p", "pathOrInlineDv": file.as_uri()}
        else:
            vector |= {"storageType": "u", "pathOrInlineDv": prefix + raw_delta.z85(unique.bytes)}
    raw_delta.commit(
        root,
        0,
        raw_delta.protocol("deletionVectors"),
        raw_delta.metadata(raw_delta.fields_of(table.schema)),
        raw_delta.add(
            root, "a.parquet", table, row_group_size=10, extra={"deletionVector": vector}
        ),
    )
    reads(spillway, root, pa.table({"id": [i for i in range(100) if i not in gone]}))
    reads(spillway, root, pa.table({"id": [98]}), "--where", "id >= 98")


# Logs as delta-rs keeps them


def test_many_commits_checkpointed_and_cleaned(spillway: Program, root: pathlib.Path) -> None:
    for key in range(30):
        deltalake.write_deltalake(
            str(root), pa.table({"id": [key], "v": [str(key)]}), mode="append"
        )
        if key in (9, 24):
            deltalake.DeltaTable(str(root)).create_checkpoint()
    deltalake.DeltaTable(str(root)).delete("id = 3")
    want = pa.table(
        {"id": [k for k in range(30) if k != 3], "v": [str(k) for k in range(30) if k != 3]}
    )
    reads(spillway, root, want)
    for version in range(24):
        (root / "_delta_log" / f"{version:020d}.json").unlink()
    reads(spillway, root, want)
    spillway.fails(
        "lake",
        "read",
        root,
        "--format",
        "csv",
        "--version",
        "12",
        error_class=("VERSION_NOT_FOUND", "DELTA_TRUNCATED_TRANSACTION_LOG"),
    )
    (root / "_delta_log" / "_last_checkpoint").unlink()
    reads(spillway, root, want)


def test_optimized_and_vacuumed_by_delta_rs(spillway: Program, root: pathlib.Path) -> None:
    for key in range(12):
        deltalake.write_deltalake(
            str(root), pa.table({"id": [key], "p": [key % 3]}), mode="append", partition_by=["p"]
        )
    table = deltalake.DeltaTable(str(root))
    table.optimize.compact()
    table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    reads(spillway, root, pa.table({"id": list(range(12)), "p": [k % 3 for k in range(12)]}))


def test_version_and_time_of_delta_rs(spillway: Program, root: pathlib.Path) -> None:
    for key in range(3):
        deltalake.write_deltalake(str(root), pa.table({"id": [key]}), mode="append")
    history = deltalake.DeltaTable(str(root)).history()
    for entry in history:
        when = datetime.datetime.fromtimestamp(entry["timestamp"] / 1000 + 0.0005, datetime.UTC)
        later = [
            e
            for e in history
            if e["timestamp"] == entry["timestamp"] and e["version"] > entry["version"]
        ]
        if not later:
            want = pa.table({"id": list(range(entry["version"] + 1))})
            import os

            for e in history:
                file = root / "_delta_log" / f"{e['version']:020d}.json"
                os.utime(file, ns=(e["timestamp"] * 10**6, e["timestamp"] * 10**6))
            reads(spillway, root, want, "--timestamp", when.isoformat())


# Sizes


def test_a_wide_table(spillway: Program, root: pathlib.Path) -> None:
    table = pa.table(
        {"id": [1, 2], **{f"c{i}": pa.array([i, None], pa.int32()) for i in range(1500)}}
    )
    reads(spillway, raw_delta.simple(root, table), table)


def test_long_values(spillway: Program, root: pathlib.Path) -> None:
    table = pa.table({"id": [1, 2, 3], "s": ["x" * 5_000_000, None, "ü" * 1_000_000]})
    reads(spillway, raw_delta.simple(root, table), table)


def test_deep_nesting(spillway: Program, root: pathlib.Path) -> None:
    kind: pa.DataType = pa.int32()
    value: Any = 7
    for level in range(20):
        kind, value = (
            (pa.list_(kind), [value, None])
            if level % 2
            else (pa.struct([("x", kind)]), {"x": value})
        )
    table = pa.table({"id": [1, 2], "n": pa.array([value, None], kind)})
    reads(spillway, raw_delta.simple(root, table), table)


def test_names_with_dots_and_quotes(spillway: Program, root: pathlib.Path) -> None:
    table = pa.table(
        {"id": [1, 2], "a.b": [10, 20], 'q"x': ["u", "v"], "a": pa.array([{"b": 1}, {"b": 2}])}
    )
    raw_delta.simple(root, table)
    reads(spillway, root, table)
    reads(spillway, root, table.slice(1), "--where", '"a.b" = 20')
    reads(spillway, root, table.slice(1), "--where", "a.b = 2")
    reads(spillway, root, table.slice(0, 1), "--where", '"q""x" = \'u\'')


# Calendars


@pytest.mark.parametrize("int96", [False, True])
def test_legacy_calendar_is_rebased_or_refused(
    spillway: Program, root: pathlib.Path, int96: bool
) -> None:
    """Spark 2.4 counted days before 1582-10-15 by the Julian calendar: its 1500-01-01 is the Gregorian 1500-01-10."""
    stored = datetime.date(1500, 1, 10)
    instant = (
        int((datetime.datetime(1500, 1, 10) - datetime.datetime(1970, 1, 1)).total_seconds())
        * 10**6
    )
    columns: dict[str, Any] = {"id": pa.array([1])}
    meant: dict[str, Any] = {"id": pa.array([1])}
    if int96:
        columns["ts"] = pa.array([instant], pa.timestamp("us", "UTC"))
        meant["ts"] = pa.array([instant - 9 * 86_400_000_000], pa.timestamp("us", "UTC"))
    else:
        columns["dt"] = pa.array([stored])
        meant["dt"] = pa.array([datetime.date(1500, 1, 1)])
    written_by = {"org.apache.spark.version": "2.4.8"}
    table = pa.table(columns).replace_schema_metadata(written_by)
    raw_delta.commit(
        root,
        0,
        raw_delta.protocol(),
        raw_delta.metadata(raw_delta.fields_of(table.schema)),
        raw_delta.add(
            root, "a.parquet", table, use_deprecated_int96_timestamps=int96, store_schema=True
        ),
    )
    out = spillway.home / "rows.parquet"
    outcome = spillway.run("lake", "read", root, "--format", "parquet", "--out", out, "-o", "json")
    if outcome.code == 0:
        compare.assert_equal(files.parquet(out), from_arrow_table(pa.table(meant)), ["id"])
    else:
        assert outcome.failure().error_class == "UNSUPPORTED_LEGACY_CALENDAR", outcome


def test_modern_dates_in_a_legacy_file_are_read(spillway: Program, root: pathlib.Path) -> None:
    table = pa.table({"id": [1], "dt": [datetime.date(2020, 2, 29)]}).replace_schema_metadata(
        {"org.apache.spark.version": "2.4.8"}
    )
    raw_delta.commit(
        root,
        0,
        raw_delta.protocol(),
        raw_delta.metadata(raw_delta.fields_of(table.schema)),
        raw_delta.add(root, "a.parquet", table, store_schema=True),
    )
    reads(spillway, root, table)


def test_the_same_table_twice_is_the_same_bytes(
    spillway: Program, root: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Reading is deterministic: a copy of the table gives the same file."""
    raw_delta.simple(root, sample())
    shutil.copytree(root, tmp_path / "copy")
    texts = [
        spillway.done("lake", "read", p, "--format", "ndjson").text
        for p in (root, tmp_path / "copy")
    ]
    assert texts[0] == texts[1]
