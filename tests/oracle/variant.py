"""Decoder of the Parquet variant encoding, and JSON as values that compare exactly.

Written from the Variant Encoding page of the Parquet format. Numbers become Decimal, so that 1, 1.0 and 1e0 are
equal and no digit is lost; dates, times and binaries become the text that Spark's `to_json` gives.
"""

from __future__ import annotations

import base64
import datetime
import json
import struct
import uuid
from decimal import Decimal
from typing import Any

_EPOCH = datetime.datetime(1970, 1, 1)


def parse_json(text: str) -> Any:
    """The JSON value of a text, numbers as Decimal. Raises ValueError for invalid JSON or a repeated key."""
    return json.loads(
        text,
        parse_int=Decimal,
        parse_float=Decimal,
        object_pairs_hook=_once,
        parse_constant=_refuse,
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError(f"a key repeats: {[k for k, _ in pairs]}")
    return result


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def decode(metadata: bytes, value: bytes) -> Any:
    """The JSON meaning of one variant."""
    return _Decoder(metadata, value).at(0)


def _unsigned(data: bytes, start: int, size: int) -> int:
    part = data[start : start + size]
    if len(part) != size:
        raise ValueError("variant ends early")
    return int.from_bytes(part, "little")


class _Decoder:
    def __init__(self, metadata: bytes, value: bytes) -> None:
        self._value = value
        header = metadata[0]
        if header & 0x0F != 1:
            raise ValueError(f"variant version {header & 0x0F}")
        size = (header >> 6) + 1
        count = _unsigned(metadata, 1, size)
        offsets = [_unsigned(metadata, 1 + size * (1 + i), size) for i in range(count + 1)]
        base = 1 + size * (count + 2)
        self._names = [metadata[base + a : base + b].decode() for a, b in zip(offsets, offsets[1:])]

    def at(self, start: int) -> Any:
        header = self._value[start]
        basic, detail = header & 3, header >> 2
        if basic == 0:
            return self._primitive(detail, start + 1)
        if basic == 1:
            return self._value[start + 1 : start + 1 + detail].decode()
        return self._object(detail, start + 1) if basic == 2 else self._array(detail, start + 1)

    def _object(self, detail: int, at: int) -> dict[str, Any]:
        offset_size, id_size = (detail & 3) + 1, ((detail >> 2) & 3) + 1
        count_size = 4 if detail & 0x10 else 1
        count = _unsigned(self._value, at, count_size)
        ids = at + count_size
        offsets = ids + count * id_size
        base = offsets + (count + 1) * offset_size
        return {
            self._names[_unsigned(self._value, ids + i * id_size, id_size)]: self.at(
                base + _unsigned(self._value, offsets + i * offset_size, offset_size)
            )
            for i in range(count)
        }

    def _array(self, detail: int, at: int) -> list[Any]:
        offset_size, count_size = (detail & 3) + 1, 4 if detail & 4 else 1
        count = _unsigned(self._value, at, count_size)
        offsets = at + count_size
        base = offsets + (count + 1) * offset_size
        return [
            self.at(base + _unsigned(self._value, offsets + i * offset_size, offset_size))
            for i in range(count)
        ]

    def _primitive(self, kind: int, at: int) -> Any:
        data = self._value
        if kind in (0, 1, 2):
            return (None, True, False)[kind]
        if kind in (3, 4, 5, 6):
            size = 1 << (kind - 3)
            return Decimal(int.from_bytes(data[at : at + size], "little", signed=True))
        if kind == 7:
            return _floating(struct.unpack_from("<d", data, at)[0])
        if kind in (8, 9, 10):
            size = 4 << (kind - 8)
            unscaled = int.from_bytes(data[at + 1 : at + 1 + size], "little", signed=True)
            return Decimal(unscaled).scaleb(-data[at])
        if kind == 11:
            days = struct.unpack_from("<i", data, at)[0]
            return (_EPOCH + datetime.timedelta(days=days)).date().isoformat()
        if kind in (12, 13):
            micros = struct.unpack_from("<q", data, at)[0]
            text = _instant(micros)
            return text + "+00:00" if kind == 12 else text
        if kind == 14:
            return _floating(_shortest(struct.unpack_from("<f", data, at)[0]))
        if kind in (15, 16):
            size = _unsigned(data, at, 4)
            part = data[at + 4 : at + 4 + size]
            return base64.b64encode(part).decode() if kind == 15 else part.decode()
        if kind == 20:
            return str(uuid.UUID(bytes=data[at : at + 16]))
        raise ValueError(f"variant primitive {kind} is unknown")


def _floating(value: float) -> Any:
    if value != value or value in (float("inf"), float("-inf")):
        return {"inf": "Infinity", "-inf": "-Infinity"}.get(repr(value), "NaN")
    return Decimal(repr(value))


def _shortest(value: float) -> float:
    """The double whose text is the shortest that names this single-precision value."""
    for digits in range(6, 9):
        candidate = float(f"{value:.{digits}g}")
        if struct.pack("<f", candidate) == struct.pack("<f", value):
            return candidate
    return value


def _instant(micros: int) -> str:
    when = _EPOCH + datetime.timedelta(microseconds=micros)
    text = when.strftime("%Y-%m-%d %H:%M:%S")
    return text + (f".{when.microsecond:06d}".rstrip("0") if when.microsecond else "")
