"""A frame: rows under comparison, as columns of canonical Python values.

Canonical values make equality exact and cheap: a float is the integer of its bits (every NaN the same one, so that
NaN equals NaN while -0.0 differs from 0.0), a date is days and a timestamp microseconds since 1970 (the whole range,
no datetime limits), a decimal is a Decimal, a map is a list of (key, value) pairs, a struct is a tuple, a variant is
`Variant(value)` around its JSON meaning, and NULL is None.
"""

from __future__ import annotations

import dataclasses
import math
import struct
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa

from oracle import variant
from oracle.logical_type import VARIANT, LogicalType, from_arrow, is_variant_storage

_NAN32 = 0x7FC00000
_NAN64 = 0x7FF8000000000000
_WIDE = Context(prec=80)


@dataclasses.dataclass(frozen=True)
class Variant:
    """A variant that is not SQL NULL; `value` is its JSON meaning, None for the JSON null."""

    value: Any


@dataclasses.dataclass
class Frame:
    """Named, typed columns of equal length."""

    types: dict[str, LogicalType]
    columns: dict[str, list[Any]]

    @property
    def names(self) -> list[str]:
        return list(self.types)

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def row(self, index: int) -> dict[str, Any]:
        return {name: self.columns[name][index] for name in self.types}

    def select(self, names: list[str]) -> Frame:
        return Frame({n: self.types[n] for n in names}, {n: self.columns[n] for n in names})

    def drop(self, *names: str) -> Frame:
        return self.select([n for n in self.types if n not in names])

    def take(self, indices: list[int]) -> Frame:
        return Frame(self.types, {n: [c[i] for i in indices] for n, c in self.columns.items()})

    def sorted_by(self, keys: list[str]) -> Frame:
        columns = [self.columns[key] for key in keys]
        if len(columns) == 1 and all(type(v) is int for v in columns[0]):
            return self.take(sorted(range(self.rows), key=columns[0].__getitem__))
        return self.take(sorted(range(self.rows), key=lambda i: repr([c[i] for c in columns])))


def bits32(value: float) -> int:
    """The canonical form of a single-precision value."""
    if math.isnan(value):
        return _NAN32
    return struct.unpack("<I", struct.pack("<f", value))[0]


def bits64(value: float) -> int:
    """The canonical form of a double-precision value."""
    if math.isnan(value):
        return _NAN64
    return struct.unpack("<Q", struct.pack("<d", value))[0]


def shown(kind: LogicalType, value: Any) -> str:
    """A canonical value for a person who reads a failure."""
    if value is None:
        return "NULL"
    if kind.kind == "float":
        return repr(struct.unpack("<f", struct.pack("<I", value))[0])
    if kind.kind == "double":
        return repr(struct.unpack("<d", struct.pack("<Q", value))[0])
    return repr(value)


def _each(convert: Callable[[Any], Any], values: list[Any]) -> list[Any]:
    return [None if v is None else convert(v) for v in values]


def _spread(array: pa.Array, children: list[list[Any]], make: Callable[..., Any]) -> list[Any]:
    valid = array.is_valid().to_pylist()
    return [make(*parts) if ok else None for ok, *parts in zip(valid, *children)]


def canonical(array: pa.Array) -> list[Any]:
    """Canonical values of one Arrow array."""
    if isinstance(array, pa.ExtensionArray):
        return canonical(array.storage)
    kind = array.type
    if pa.types.is_dictionary(kind):
        return canonical(array.dictionary_decode())
    if pa.types.is_timestamp(kind):
        return array.cast(pa.int64()).to_pylist()
    if pa.types.is_date32(kind):
        return array.cast(pa.int32()).to_pylist()
    if pa.types.is_float32(kind):
        return _each(bits32, array.to_pylist())
    if pa.types.is_float64(kind):
        return _each(bits64, array.to_pylist())
    if pa.types.is_map(kind):
        keys, items = canonical(array.keys), canonical(array.items)
        return _lists(array, list(zip(keys, items)))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _lists(array, canonical(array.values))
    if is_variant_storage(kind):
        pairs = _spread(
            array,
            [array.field("metadata").to_pylist(), array.field("value").to_pylist()],
            lambda m, v: (m, v),
        )
        return _each(lambda pair: Variant(variant.decode(*pair)), pairs)
    if pa.types.is_struct(kind):
        children = [canonical(array.field(i)) for i in range(kind.num_fields)]
        return _spread(array, children, lambda *parts: parts)
    return array.to_pylist()


def _lists(array: pa.Array, flat: list[Any]) -> list[Any]:
    # `values`, `keys` and `items` ignore the slice, and so do the offsets: both index the whole child.
    offsets = array.offsets.to_pylist()
    valid = array.is_valid().to_pylist()
    return [flat[start:end] if ok else None for ok, start, end in zip(valid, offsets, offsets[1:])]


def from_arrow_table(table: pa.Table) -> Frame:
    """The frame of an Arrow table."""
    names = table.column_names
    if len(set(names)) != len(names):
        raise ValueError(f"column names repeat: {names}")
    types = {f.name: from_arrow(f.type) for f in table.schema}
    columns = {
        name: [v for chunk in table.column(name).chunks for v in canonical(chunk)] for name in names
    }
    return Frame(types, columns)


def variants_of_json(frame: Frame, names: list[str]) -> Frame:
    """The frame with JSON texts of the named string columns read as variants."""
    types, columns = dict(frame.types), dict(frame.columns)
    for name in names:
        types[name] = VARIANT
        columns[name] = _each(lambda text: Variant(variant.parse_json(text)), columns[name])
    return Frame(types, columns)


def decimal_of(value: Any, kind: LogicalType) -> Decimal:
    """A Decimal at the scale of its type; raises ValueError when digits would be lost."""
    exact = Decimal(value)
    scaled = exact.quantize(Decimal(1).scaleb(-kind.scale), context=_WIDE)
    if scaled != exact:
        raise ValueError(f"{value} does not fit {kind}")
    return scaled
