"""Reader of PostgreSQL tables: the rows in the server's binary form, and the types in the catalog.

What each source type must become is the table of the product's page on synced tables, `expected_type` here.
"""

from __future__ import annotations

import struct
from typing import Any

import psycopg
from psycopg import adapt, sql

from oracle import text_values, variant
from oracle.frame import Frame, Variant, bits32, bits64, decimal_of
from oracle.logical_type import LogicalType

_TYPES = {
    "boolean": "boolean",
    "byte": "smallint",
    "short": "smallint",
    "int": "integer",
    "long": "bigint",
    "float": "real",
    "double": "double precision",
    "string": "text",
    "binary": "bytea",
    "date": "date",
    "timestamp": "timestamp with time zone",
    "timestamp_ntz": "timestamp without time zone",
    "list": "jsonb",
    "map": "jsonb",
    "struct": "jsonb",
    "variant": "jsonb",
}
_EPOCH_DAYS = 10957
_EPOCH_MICROS = _EPOCH_DAYS * 86_400_000_000


class _Days(adapt.Loader):
    format = psycopg.pq.Format.BINARY

    def load(self, data: Any) -> int:
        return struct.unpack("!i", data)[0] + _EPOCH_DAYS


class _Micros(adapt.Loader):
    format = psycopg.pq.Format.BINARY

    def load(self, data: Any) -> int:
        return struct.unpack("!q", data)[0] + _EPOCH_MICROS


class _JsonText(adapt.Loader):
    format = psycopg.pq.Format.BINARY

    def load(self, data: Any) -> str:
        raw = bytes(data)
        if raw[:1] != b"\x01":
            raise ValueError(f"jsonb version {raw[:1]!r}")
        return raw[1:].decode()


def expected_type(kind: LogicalType) -> str:
    """PostgreSQL's `format_type` of the column that a source type becomes."""
    if kind.kind == "decimal":
        return f"numeric({kind.precision},{kind.scale})"
    return _TYPES[kind.kind]


def column_types(connection: psycopg.Connection[Any], schema: str, table: str) -> dict[str, str]:
    """Column names and their formatted types, in the table's order."""
    rows = connection.execute(
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a"
        " JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped"
        " ORDER BY a.attnum",
        (schema, table),
    ).fetchall()
    return dict(rows)


def table(connection: psycopg.Connection[Any], schema: str, name: str, expected: Frame) -> Frame:
    """The table's rows in the canonical form of the expected types.

    Raises AssertionError when a column's type is not the one that its source type maps to.
    """
    types = column_types(connection, schema, name)
    wanted = {column: expected_type(kind) for column, kind in expected.types.items()}
    assert types == wanted, f"columns of {schema}.{name}: {types}, expected {wanted}"
    query = sql.SQL("SELECT {} FROM {}").format(
        sql.SQL(", ").join(sql.Identifier(c) for c in wanted), sql.Identifier(schema, name)
    )
    with connection.cursor(binary=True) as cursor:
        for oid, loader in ((1082, _Days), (1114, _Micros), (1184, _Micros), (3802, _JsonText)):
            cursor.adapters.register_loader(oid, loader)
        records = cursor.execute(query).fetchall()
    columns = zip(*records) if records else ([] for _ in wanted)
    return Frame(
        expected.types,
        {
            column: [_canonical(kind, value) for value in values]
            for (column, kind), values in zip(expected.types.items(), columns)
        },
    )


def _canonical(kind: LogicalType, value: Any) -> Any:
    if value is None:
        return None
    if kind.kind == "float":
        return bits32(value)
    if kind.kind == "double":
        return bits64(value)
    if kind.kind == "decimal":
        return decimal_of(value, kind)
    if kind.kind == "variant":
        return Variant(variant.parse_json(value))
    if kind.nested:
        return text_values.of_json(kind, variant.parse_json(value))
    return value


def as_jsonb(frame: Frame) -> Frame:
    """The frame as jsonb tells it: map entries in jsonb's key order, a nested variant's null as NULL."""
    return Frame(
        frame.types,
        {
            name: [_as_jsonb(kind, v, top=True) for v in frame.columns[name]]
            if kind.nested
            else frame.columns[name]
            for name, kind in frame.types.items()
        },
    )


def _as_jsonb(kind: LogicalType, value: Any, *, top: bool) -> Any:
    if value is None:
        return Variant(None) if kind.kind == "variant" and not top else None
    if kind.kind == "list":
        return [_as_jsonb(kind.child(), v, top=False) for v in value]
    if kind.kind == "struct":
        return tuple(_as_jsonb(child, v, top=False) for (_, child), v in zip(kind.fields, value))
    if kind.kind == "map":
        entries = [(k, _as_jsonb(kind.child(1), v, top=False)) for k, v in value]
        return sorted(entries, key=lambda entry: (len(str(entry[0]).encode()), str(entry[0])))
    return value
