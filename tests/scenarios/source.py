"""Source tables of scenarios: real Delta commits, written by delta-rs."""

from __future__ import annotations

import datetime
import pathlib
import re
from decimal import Decimal
from typing import Any

import deltalake
import pyarrow as pa

_SIMPLE = {
    "long": pa.int64(),
    "int": pa.int32(),
    "short": pa.int16(),
    "byte": pa.int8(),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "float": pa.float32(),
    "double": pa.float64(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "timestamp_ntz": pa.timestamp("us"),
}


def parse_type(text: str) -> pa.DataType:
    """The Arrow type of a type's name in a scenario. Raises ValueError."""
    text = text.strip()
    if text in _SIMPLE:
        return _SIMPLE[text]
    if match := re.fullmatch(r"decimal\((\d+),\s*(\d+)\)", text):
        return pa.decimal128(int(match[1]), int(match[2]))
    if match := re.fullmatch(r"(array|map|struct)<(.*)>", text):
        parts = _split(match[2])
        if match[1] == "array" and len(parts) == 1:
            return pa.list_(parse_type(parts[0]))
        if match[1] == "map" and len(parts) == 2:
            return pa.map_(parse_type(parts[0]), parse_type(parts[1]))
        if match[1] == "struct":
            fields = [part.partition(":") for part in parts]
            return pa.struct([(name.strip(), parse_type(kind)) for name, _, kind in fields])
    raise ValueError(f"{text!r} is no type")


def _split(text: str) -> list[str]:
    """Splits at the commas outside of brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "<(") - (char in ">)")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def value(kind: pa.DataType, given: Any) -> Any:
    """A JSON value as pyarrow takes it."""
    if given is None:
        return None
    if pa.types.is_floating(kind):
        return float(given)
    if pa.types.is_decimal(kind):
        return Decimal(given)
    if pa.types.is_binary(kind):
        return bytes.fromhex(given)
    if pa.types.is_date(kind):
        return datetime.date.fromisoformat(given)
    if pa.types.is_timestamp(kind):
        return datetime.datetime.fromisoformat(given)
    if pa.types.is_list(kind):
        return [value(kind.value_type, item) for item in given]
    if pa.types.is_map(kind):
        return [(value(kind.key_type, k), value(kind.item_type, v)) for k, v in given]
    if pa.types.is_struct(kind):
        return {f.name: value(f.type, given[f.name]) for f in kind}
    return given


class Source:
    """The source tables of one scenario, below one folder."""

    def __init__(self, directory: pathlib.Path) -> None:
        self._directory = directory
        self._schemas: dict[str, pa.Schema] = {}

    def path(self, name: str) -> pathlib.Path:
        return self._directory / name

    def write(
        self,
        name: str,
        mode: str,
        columns: list[tuple[str, str]],
        files: list[list[list[Any]]],
        partitions: list[str],
        properties: dict[str, str],
    ) -> None:
        """One commit. `mode` is create, append or overwrite; each list of rows becomes a data file of its own."""
        if columns:
            self._schemas[name] = pa.schema([(c, parse_type(t)) for c, t in columns])
        schema = self._schemas[name]
        path = str(self.path(name))
        if mode == "create":
            deltalake.DeltaTable.create(
                path,
                schema,
                mode="error",
                partition_by=partitions or None,
                configuration=dict(properties),
            )
            if not any(files):
                return
            mode = "append"
        tables = [self._table(schema, rows) for rows in files if rows]
        if mode == "overwrite" or len(tables) <= 1:
            whole = pa.concat_tables(tables) if tables else schema.empty_table()
            extra: dict[str, Any] = (
                {"schema_mode": "overwrite"} if mode == "overwrite" and columns else {}
            )
            if mode == "overwrite" and partitions:
                extra["partition_by"] = partitions
            deltalake.write_deltalake(path, whole, mode=mode, **extra)
            return
        for table in tables:
            deltalake.write_deltalake(path, table, mode="append")

    def delete(self, name: str, where: str) -> None:
        """One commit that removes the rows of a predicate (all of them when it is empty)."""
        deltalake.DeltaTable(str(self.path(name))).delete(where or None)

    @staticmethod
    def _table(schema: pa.Schema, rows: list[list[Any]]) -> pa.Table:
        for row in rows:
            if len(row) != len(schema):
                raise ValueError(f"{row} has {len(row)} values, the table {len(schema)} columns")
        arrays = [
            pa.array([value(field.type, row[i]) for row in rows], field.type)
            for i, field in enumerate(schema)
        ]
        return pa.Table.from_arrays(arrays, schema=schema)
