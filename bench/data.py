"""The benchmark's tables: made once with a fixed seed, kept under the cache, the same on every machine.

    data.py SHAPE [ROWS]     makes one and prints its folder

Shapes to load: narrow, wide1k, nested, bigrowgroup (one file, one row group). Tables to plan, a log
without data files: commits20k_checkpoint, commits20k, files1m, files1m_one_commit.
"""

import datetime
import json
import os
import pathlib
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass

LAYOUT = 1  # part of every folder's name; raise it when what is written changes
SEED = 20260501
KEY = "id"  # of every shape
BATCH_ROWS = 1_000_000  # a file, and the unit that one random stream fills


def cache_root() -> pathlib.Path:
    base = os.environ.get("SPILLWAY_CACHE") or os.path.expanduser("~/.cache/spillway")
    return pathlib.Path(base) / "bench"


@dataclass(frozen=True)
class Shape:
    """A table to load: `columns` is its PostgreSQL form, `batch` makes rows [start, start + count)."""

    name: str
    rows: int
    columns: tuple[tuple[str, str], ...]
    batch: Callable
    json_columns: tuple[str, ...] = ()
    one_row_group: bool = False

    @property
    def ddl(self) -> str:
        """What stands between the parentheses of CREATE TABLE. A key declared NOT NULL saves the
        server a scan when the primary key is added; the floor and every peer get that too."""
        return ", ".join(
            f"{name} {kind}" + (" NOT NULL" if name == KEY else "") for name, kind in self.columns
        )


def random_text(rng, count: int, length: int):
    """`count` strings of `length` printable characters each, with no pattern to compress by."""
    import numpy as np
    import pyarrow as pa

    letters = np.frombuffer(
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", dtype=np.uint8
    )
    body = letters[rng.integers(0, 64, size=count * length, dtype=np.uint8)]
    offsets = np.arange(0, (count + 1) * length, length, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(body))


def pick(rng, count: int, words: list[str]):
    import pyarrow as pa

    indices = pa.array(rng.integers(0, len(words), size=count, dtype="int32"))
    return pa.DictionaryArray.from_arrays(indices, pa.array(words)).dictionary_decode()


def with_nulls(rng, values, share: float):
    import pyarrow as pa
    import pyarrow.compute as pc

    mask = pa.array(rng.random(len(values)) < share)
    return pc.if_else(mask, pa.scalar(None, values.type), values)


def timestamps(rng, count: int):
    import pyarrow as pa

    first = int(datetime.datetime(2015, 1, 1, tzinfo=datetime.UTC).timestamp() * 1e6)
    micros = first + rng.integers(0, 10 * 365 * 86400 * 10**6, size=count, dtype="int64")
    return pa.array(micros).cast(pa.timestamp("us", tz="UTC"))


def decimals(rng, count: int, high: int):
    """decimal(18,4): 64-bit units scaled by 10^-4, as little-endian 128-bit words."""
    import numpy as np
    import pyarrow as pa

    words = np.empty((count, 2), dtype=np.int64)
    words[:, 0] = rng.integers(-high, high, size=count)
    words[:, 1] = words[:, 0] >> 63
    return pa.Array.from_buffers(pa.decimal128(18, 4), count, [None, pa.py_buffer(words)])


def narrow_batch(rng, start: int, count: int):
    import numpy as np
    import pyarrow as pa

    days = rng.integers(16436, 20088, size=count, dtype="int32")
    return pa.table(
        {
            "id": np.arange(start, start + count, dtype=np.int64),
            "quantity": with_nulls(
                rng, pa.array(rng.integers(0, 10**6, count, dtype="int32")), 0.02
            ),
            "score": pa.array(rng.normal(0.0, 1000.0, count)),
            "price": decimals(rng, count, 10**11),
            "day": pa.array(days).cast(pa.date32()),
            "updated_at": timestamps(rng, count),
            "active": pa.array(rng.random(count) < 0.7),
            "region": pa.array(rng.integers(0, 400, count, dtype="int16")),
            "category": pick(rng, count, [f"category-{i:02d}" for i in range(40)]),
            "code": with_nulls(rng, random_text(rng, count, 12), 0.05),
        }
    )


def wide_batch(rng, start: int, count: int):
    import numpy as np
    import pyarrow as pa

    columns = {
        "id": pa.array(np.arange(start, start + count, dtype=np.int64)),
        "created_at": timestamps(rng, count),
    }
    for i in range(8):
        columns[f"text_{i}"] = random_text(rng, count, 124)
    return pa.table(columns)


def nested_batch(rng, start: int, count: int):
    import numpy as np
    import pyarrow as pa

    def offsets(high: int):
        sizes = rng.integers(0, high, count)
        ends = np.zeros(count + 1, dtype=np.int32)
        np.cumsum(sizes, out=ends[1:])
        return pa.array(ends), int(ends[-1])

    tag_ends, tag_count = offsets(5)
    tags = pa.ListArray.from_arrays(tag_ends, pick(rng, tag_count, [f"tag {i}" for i in range(60)]))
    # The keys of one map differ: entry i of a row has the key attr_i.
    attr_ends, attr_count = offsets(4)
    ends = attr_ends.to_numpy()
    position = np.arange(attr_count, dtype=np.int32) - np.repeat(ends[:-1], np.diff(ends))
    names = pa.DictionaryArray.from_arrays(
        pa.array(position), pa.array(["attr_0", "attr_1", "attr_2"])
    ).dictionary_decode()
    attrs = pa.MapArray.from_arrays(
        attr_ends, names, pa.array(rng.integers(0, 10**9, attr_count, dtype="int64"))
    )
    # A quarter off a whole number: one spelling in JSON, whoever writes it.
    weight = pa.array(rng.integers(0, 10**5, count) + 0.25)
    size = pa.StructArray.from_arrays(
        [
            pa.array(rng.integers(1, 500, count, dtype="int32")),
            pa.array(rng.integers(1, 500, count, dtype="int32")),
        ],
        names=["width", "height"],
    )
    item = pa.StructArray.from_arrays(
        [random_text(rng, count, 10), weight, size], names=["sku", "weight", "size"]
    )
    return pa.table(
        {
            "id": np.arange(start, start + count, dtype=np.int64),
            "tags": tags,
            "attributes": attrs,
            "item": item,
        }
    )


NARROW_COLUMNS = (
    ("id", "bigint"),
    ("quantity", "integer"),
    ("score", "double precision"),
    ("price", "numeric(18,4)"),
    ("day", "date"),
    ("updated_at", "timestamptz"),
    ("active", "boolean"),
    ("region", "smallint"),
    ("category", "text"),
    ("code", "text"),
)
WIDE_COLUMNS = (
    ("id", "bigint"),
    ("created_at", "timestamptz"),
    *((f"text_{i}", "text") for i in range(8)),
)
NESTED_COLUMNS = (("id", "bigint"), ("tags", "jsonb"), ("attributes", "jsonb"), ("item", "jsonb"))

SHAPES = {
    shape.name: shape
    for shape in (
        Shape("narrow", 10_000_000, NARROW_COLUMNS, narrow_batch),
        Shape("wide1k", 1_000_000, WIDE_COLUMNS, wide_batch),
        Shape("nested", 1_000_000, NESTED_COLUMNS, nested_batch, ("tags", "attributes", "item")),
        Shape("bigrowgroup", 2_000_000, WIDE_COLUMNS, wide_batch, one_row_group=True),
    )
}


def batches(shape: Shape, rows: int):
    """Files of at most a million rows, four at the least, so that there is something to share out."""
    import numpy as np

    step = min(BATCH_ROWS, -(-rows // 4))
    for start in range(0, rows, step):
        count = min(step, rows - start)
        yield shape.batch(np.random.default_rng([SEED, start]), start, count)


def write_shape(shape: Shape, rows: int, folder: pathlib.Path) -> None:
    import deltalake

    if not shape.one_row_group:
        for number, batch in enumerate(batches(shape, rows)):
            deltalake.write_deltalake(str(folder), batch, mode="append" if number else "error")
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True)
    whole = pa.concat_tables(batches(shape, rows))
    pq.write_table(whole, folder / "part-00000.parquet", row_group_size=rows, use_dictionary=False)
    groups = pq.ParquetFile(folder / "part-00000.parquet").metadata.num_row_groups
    if groups != 1:
        raise SystemExit(f"bigrowgroup: the writer made {groups} row groups, not one")
    deltalake.convert_to_deltalake(str(folder))


# Tables to plan ----------------------------------------------------------------------------------

PLAN_SCHEMA = json.dumps(
    {
        "type": "struct",
        "fields": [
            {"name": "id", "type": "long", "nullable": True, "metadata": {}},
            {"name": "value", "type": "string", "nullable": True, "metadata": {}},
        ],
    }
)
PLAN_TABLE_ID = "5f2f4a1e-6d0b-4d0f-9d6e-0d3c5f1b7a11"
PLAN_TIME = 1_750_000_000_000
PLAN_ROWS_PER_FILE = 1000


def plan_add(number: int) -> dict:
    low = number * PLAN_ROWS_PER_FILE
    stats = {
        "numRecords": PLAN_ROWS_PER_FILE,
        "minValues": {"id": low, "value": f"value {low:012d}"},
        "maxValues": {
            "id": low + PLAN_ROWS_PER_FILE - 1,
            "value": f"value {low + PLAN_ROWS_PER_FILE - 1:012d}",
        },
        "nullCount": {"id": 0, "value": 0},
    }
    return {
        "path": f"part-{number:08d}-9c1d7f3e-5b1a-4c56-8a38-{number:012d}-c000.snappy.parquet",
        "partitionValues": {},
        "size": 1_048_576 + number % 1000,
        "modificationTime": PLAN_TIME + number,
        "dataChange": True,
        "stats": json.dumps(stats, separators=(",", ":")),
    }


def plan_metadata() -> dict:
    return {
        "id": PLAN_TABLE_ID,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": PLAN_SCHEMA,
        "partitionColumns": [],
        "configuration": {},
        "createdTime": PLAN_TIME,
    }


def write_commit(log: pathlib.Path, version: int, files: list[int]) -> None:
    actions: list[dict] = [
        {
            "commitInfo": {
                "timestamp": PLAN_TIME + version,
                "operation": "WRITE",
                "operationParameters": {"mode": "Append"},
                "engineInfo": "spillway-bench",
            }
        }
    ]
    if version == 0:
        actions.append({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}})
        actions.append({"metaData": plan_metadata()})
    actions.extend({"add": plan_add(number)} for number in files)
    text = "\n".join(json.dumps(action, separators=(",", ":")) for action in actions)
    (log / f"{version:020d}.json").write_text(text + "\n")


def write_checkpoint(log: pathlib.Path, version: int, file_count: int) -> None:
    """A classic single-file checkpoint: protocol, metadata and `file_count` adds."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text_map = pa.map_(pa.string(), pa.string())
    protocol = pa.struct([("minReaderVersion", pa.int32()), ("minWriterVersion", pa.int32())])
    metadata = pa.struct(
        [
            ("id", pa.string()),
            ("format", pa.struct([("provider", pa.string()), ("options", text_map)])),
            ("schemaString", pa.string()),
            ("partitionColumns", pa.list_(pa.string())),
            ("configuration", text_map),
            ("createdTime", pa.int64()),
        ]
    )
    add = pa.struct(
        [
            ("path", pa.string()),
            ("partitionValues", text_map),
            ("size", pa.int64()),
            ("modificationTime", pa.int64()),
            ("dataChange", pa.bool_()),
            ("stats", pa.string()),
        ]
    )
    remove = pa.struct(
        [("path", pa.string()), ("deletionTimestamp", pa.int64()), ("dataChange", pa.bool_())]
    )
    txn = pa.struct([("appId", pa.string()), ("version", pa.int64())])
    schema = pa.schema(
        [
            ("txn", txn),
            ("add", add),
            ("remove", remove),
            ("metaData", metadata),
            ("protocol", protocol),
        ]
    )

    def rows(actions: list[dict]):
        return pa.Table.from_pylist(actions, schema=schema)

    path = log / f"{version:020d}.checkpoint.parquet"
    with pq.ParquetWriter(path, schema) as writer:
        head = dict(plan_metadata())
        head["format"] = {"provider": "parquet", "options": []}
        head["configuration"] = []
        writer.write_table(
            rows(
                [
                    {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
                    {"metaData": head},
                ]
            )
        )
        for start in range(0, file_count, 100_000):
            stop = min(start + 100_000, file_count)
            adds = []
            for number in range(start, stop):
                entry = plan_add(number)
                entry["partitionValues"] = []
                entry["dataChange"] = False
                adds.append({"add": entry})
            writer.write_table(rows(adds))
    pointer = {"version": version, "size": file_count + 2}
    (log / "_last_checkpoint").write_text(json.dumps(pointer))


def write_commits(folder: pathlib.Path, commits: int, checkpoint: bool) -> None:
    log = folder / "_delta_log"
    log.mkdir(parents=True)
    for version in range(commits):
        write_commit(log, version, [version])
    if checkpoint:
        # As a writer that checkpoints every tenth commit leaves it: nine commits follow.
        write_checkpoint(log, commits - 10, commits - 9)


def write_files(folder: pathlib.Path, files: int) -> None:
    """A table of many files, as a single commit and its checkpoint, and one small commit after it."""
    log = folder / "_delta_log"
    log.mkdir(parents=True)
    write_commit(log, 0, list(range(files - 1)))
    write_checkpoint(log, 0, files - 1)
    write_commit(log, 1, [files - 1])


def write_one_commit(folder: pathlib.Path, files: int) -> None:
    """A table of many files in a single commit without a checkpoint."""
    log = folder / "_delta_log"
    log.mkdir(parents=True)
    write_commit(log, 0, list(range(files)))


PLANS = {
    "commits20k_checkpoint": (20_000, lambda folder, n: write_commits(folder, n, True)),
    "commits20k": (20_000, lambda folder, n: write_commits(folder, n, False)),
    "files1m": (1_000_000, write_files),
    "files1m_one_commit": (1_000_000, write_one_commit),
}


def make(name: str, rows: int | None = None) -> pathlib.Path:
    """The folder of the Delta table `name`, made if it is not in the cache yet."""
    default = SHAPES[name].rows if name in SHAPES else PLANS[name][0]
    count = rows or default
    folder = cache_root() / f"{name}-{count}-{LAYOUT}"
    if folder.exists():
        return folder
    unfinished = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    print(f"making {name} with {count} rows", file=sys.stderr)
    if name in SHAPES:
        write_shape(SHAPES[name], count, unfinished)
    else:
        PLANS[name][1](unfinished, count)
    unfinished.rename(folder)
    return folder


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in {**SHAPES, **PLANS}:
        print(__doc__, file=sys.stderr)
        return 2
    print(make(arguments[0], int(arguments[1]) if len(arguments) > 1 else None))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
