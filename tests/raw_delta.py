"""Delta tables written by hand: what proper writers refuse to write, or write differently."""

from __future__ import annotations

import json
import pathlib
import struct
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

TABLE_ID = "6b7b5fbe-0000-4000-8000-000000000001"
_NAMES = {
    pa.int8(): "byte",
    pa.int16(): "short",
    pa.int32(): "integer",
    pa.int64(): "long",
    pa.string(): "string",
    pa.binary(): "binary",
    pa.bool_(): "boolean",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.date32(): "date",
    pa.timestamp("us", "UTC"): "timestamp",
    pa.timestamp("us"): "timestamp_ntz",
}
_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def delta_type(arrow: pa.DataType) -> Any:
    """The type as a Delta schema writes it."""
    if pa.types.is_decimal(arrow):
        return f"decimal({arrow.precision},{arrow.scale})"
    if pa.types.is_map(arrow):
        return {
            "type": "map",
            "keyType": delta_type(arrow.key_type),
            "valueType": delta_type(arrow.item_type),
            "valueContainsNull": True,
        }
    if pa.types.is_list(arrow):
        return {"type": "array", "elementType": delta_type(arrow.value_type), "containsNull": True}
    if pa.types.is_struct(arrow):
        return struct_type([field(f.name, delta_type(f.type)) for f in arrow])
    return _NAMES[arrow]


def field(name: str, kind: Any, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": name, "type": kind, "nullable": True, "metadata": metadata or {}}


def struct_type(fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "struct", "fields": fields}


def fields_of(schema: pa.Schema) -> list[dict[str, Any]]:
    return [field(f.name, delta_type(f.type)) for f in schema]


def protocol(*features: str) -> dict[str, Any]:
    """The protocol action for these reader-writer features, the legacy one without any."""
    if not features:
        return {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}
    return {
        "protocol": {
            "minReaderVersion": 3,
            "minWriterVersion": 7,
            "readerFeatures": list(features),
            "writerFeatures": list(features),
        }
    }


def metadata(
    fields: list[dict[str, Any]], partitions: Sequence[str] = (), **configuration: str
) -> dict[str, Any]:
    return {
        "metaData": {
            "id": TABLE_ID,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": json.dumps(struct_type(fields)),
            "partitionColumns": list(partitions),
            "configuration": configuration,
            "createdTime": 0,
        }
    }


def add(
    root: pathlib.Path,
    path: str,
    table: pa.Table | None = None,
    *,
    values: dict[str, str | None] | None = None,
    written_as: str | None = None,
    extra: dict[str, Any] | None = None,
    **parquet: Any,
) -> dict[str, Any]:
    """Writes a data file (when `table` is given) and gives the add action; the log says `written_as` for its path."""
    file = root / path
    if table is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, file, **{"store_schema": False, **parquet})
    return {
        "add": {
            "path": written_as or path,
            "partitionValues": values or {},
            "dataChange": True,
            "modificationTime": 0,
            "size": file.stat().st_size,
            **(extra or {}),
        }
    }


def commit(root: pathlib.Path, version: int, *actions: dict[str, Any]) -> None:
    log = root / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    (log / f"{version:020d}.json").write_text(
        "".join(json.dumps(a, ensure_ascii=False) + "\n" for a in actions), encoding="utf-8"
    )


def simple(root: pathlib.Path, table: pa.Table, **parquet: Any) -> pathlib.Path:
    """A table of one commit and one file."""
    zoneless = any(_holds(f.type, pa.timestamp("us")) for f in table.schema)
    commit(
        root,
        0,
        protocol(*(["timestampNtz"] if zoneless else [])),
        metadata(fields_of(table.schema)),
        add(root, "part-0.parquet", table, **parquet),
    )
    return root


def _holds(arrow: pa.DataType, wanted: pa.DataType) -> bool:
    children = (
        [arrow.field(i).type for i in range(arrow.num_fields)] if pa.types.is_nested(arrow) else []
    )
    return arrow == wanted or any(_holds(child, wanted) for child in children)


def deletion_vector(rows: list[int]) -> bytes:
    """A 64-bit roaring bitmap in the portable form behind Delta's magic number; rows below 65536, at most 4096."""
    values = sorted(rows)
    assert values[-1] < 65536 and len(values) <= 4096
    bitmap = struct.pack("<IIHHI", 12346, 1, 0, len(values) - 1, 16) + struct.pack(
        f"<{len(values)}H", *values
    )
    return struct.pack("<IQI", 1681511377, 1, 0) + bitmap


def z85(data: bytes) -> str:
    """ZeroMQ's base 85, zero bytes appended to a multiple of four."""
    data += b"\0" * (-len(data) % 4)
    text = ""
    for at in range(0, len(data), 4):
        number = int.from_bytes(data[at : at + 4], "big")
        text += "".join(_Z85[number // 85**power % 85] for power in (4, 3, 2, 1, 0))
    return text
