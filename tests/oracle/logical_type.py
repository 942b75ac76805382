"""The types of rows under comparison, free of any file format's ways of saying them.

A physical difference that carries no meaning (large_string, dictionary, names of list elements) is gone after
`from_arrow`; every difference that does carry meaning (width, precision, scale, zone, unit) is kept.
"""

from __future__ import annotations

import dataclasses

import pyarrow as pa


@dataclasses.dataclass(frozen=True)
class LogicalType:
    """One type. `fields` holds (name, type) of a struct's fields; a list has one, a map two."""

    kind: str
    precision: int = 0
    scale: int = 0
    fields: tuple[tuple[str, LogicalType], ...] = ()

    def __str__(self) -> str:
        if self.kind == "decimal":
            return f"decimal({self.precision},{self.scale})"
        if self.kind == "struct":
            return "struct<" + ",".join(f"{name}:{child}" for name, child in self.fields) + ">"
        if self.fields:
            return f"{self.kind}<" + ",".join(str(child) for _, child in self.fields) + ">"
        return self.kind

    @property
    def nested(self) -> bool:
        return self.kind in ("list", "map", "struct", "variant")

    def child(self, index: int = 0) -> LogicalType:
        return self.fields[index][1]


BOOLEAN = LogicalType("boolean")
BYTE, SHORT, INT, LONG = (LogicalType(k) for k in ("byte", "short", "int", "long"))
FLOAT, DOUBLE = LogicalType("float"), LogicalType("double")
STRING, BINARY = LogicalType("string"), LogicalType("binary")
DATE, TIMESTAMP, TIMESTAMP_NTZ = (LogicalType(k) for k in ("date", "timestamp", "timestamp_ntz"))
VARIANT = LogicalType("variant")


def array_of(element: LogicalType) -> LogicalType:
    return LogicalType("list", fields=(("element", element),))


def map_of(key: LogicalType, value: LogicalType) -> LogicalType:
    return LogicalType("map", fields=(("key", key), ("value", value)))


def struct_of(*fields: tuple[str, LogicalType]) -> LogicalType:
    return LogicalType("struct", fields=tuple(fields))


def is_variant_storage(arrow: pa.DataType) -> bool:
    """True for the pair of binaries in which an unshredded variant travels."""
    if not pa.types.is_struct(arrow) or arrow.num_fields != 2:
        return False
    fields = {arrow.field(i).name: arrow.field(i).type for i in range(2)}
    return set(fields) == {"metadata", "value"} and all(
        from_arrow(t) == BINARY for t in fields.values()
    )


_SIMPLE = {
    pa.bool_(): BOOLEAN,
    pa.int8(): BYTE,
    pa.int16(): SHORT,
    pa.int32(): INT,
    pa.int64(): LONG,
    pa.float32(): FLOAT,
    pa.float64(): DOUBLE,
    pa.string(): STRING,
    pa.large_string(): STRING,
    pa.string_view(): STRING,
    pa.binary(): BINARY,
    pa.large_binary(): BINARY,
    pa.binary_view(): BINARY,
    pa.date32(): DATE,
}


def from_arrow(arrow: pa.DataType) -> LogicalType:
    """The logical type of an Arrow type. Raises TypeError for one that no Delta column maps to."""
    if isinstance(arrow, pa.BaseExtensionType):
        return from_arrow(arrow.storage_type)
    if pa.types.is_dictionary(arrow) or pa.types.is_run_end_encoded(arrow):
        return from_arrow(arrow.value_type)
    if arrow in _SIMPLE:
        return _SIMPLE[arrow]
    if pa.types.is_timestamp(arrow):
        if arrow.unit != "us":
            raise TypeError(f"a Delta timestamp has microseconds, this column has {arrow}")
        if arrow.tz is None:
            return TIMESTAMP_NTZ
        if arrow.tz not in ("UTC", "+00:00", "Etc/UTC"):
            raise TypeError(f"a Delta timestamp is an instant in UTC, this column has {arrow}")
        return TIMESTAMP
    if pa.types.is_decimal(arrow):
        return LogicalType("decimal", precision=arrow.precision, scale=arrow.scale)
    if pa.types.is_map(arrow):
        return map_of(from_arrow(arrow.key_type), from_arrow(arrow.item_type))
    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow):
        return array_of(from_arrow(arrow.value_type))
    if is_variant_storage(arrow):
        return VARIANT
    if pa.types.is_struct(arrow):
        return struct_of(
            *(
                (arrow.field(i).name, from_arrow(arrow.field(i).type))
                for i in range(arrow.num_fields)
            )
        )
    raise TypeError(f"no Delta column reads as {arrow}")
