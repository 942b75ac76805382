"""Values written as text or JSON, read back exactly by their expected type.

The readers are strict about meaning (no digit lost, every field of a struct present) and open about spelling where
the formats leave a choice: `T` or a blank in a timestamp, a decimal as a JSON number or string, binary as `\\x` hex
or base64, NaN and infinities as strings.
"""

from __future__ import annotations

import base64
import re
from decimal import Decimal
from typing import Any

from oracle.frame import Variant, bits32, bits64, decimal_of
from oracle.logical_type import LogicalType

_DATE = re.compile(r"(-?\d{4,7})-(\d\d)-(\d\d)\Z")
_TIME = re.compile(
    r"(-?\d{4,7}-\d\d-\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?"
    r"(Z|[+-]\d\d(?::?\d\d)?)?\Z"
)
_RANGES = {"byte": 8, "short": 16, "int": 32, "long": 64}
_NUMBER_NAMES = {
    "nan": "nan",
    "infinity": "inf",
    "inf": "inf",
    "+infinity": "inf",
    "+inf": "inf",
    "-infinity": "-inf",
    "-inf": "-inf",
}


def days(text: str) -> int:
    """Days since 1970-01-01 of a date in the proleptic Gregorian calendar."""
    match = _DATE.match(text)
    if not match:
        raise ValueError(f"{text!r} is no date")
    year, month, day = (int(part) for part in match.groups())
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        raise ValueError(f"{text!r} is no date")
    shifted = year - (month <= 2)
    era, of_era = divmod(shifted, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def micros(text: str, *, zoned: bool) -> int:
    """Microseconds since 1970-01-01 00:00:00; a zone must be there exactly when `zoned`."""
    match = _TIME.match(text)
    if not match:
        raise ValueError(f"{text!r} is no timestamp")
    date, hour, minute, second, fraction, zone = match.groups()
    if zoned != (zone is not None):
        raise ValueError(f"{text!r} {'has no' if zoned else 'has a'} zone")
    seconds = ((days(date) * 24 + int(hour)) * 60 + int(minute)) * 60 + int(second)
    if zone and zone != "Z":
        digits = zone[1:].replace(":", "").ljust(4, "0")
        offset = int(digits[:2]) * 3600 + int(digits[2:]) * 60
        seconds -= offset if zone[0] == "+" else -offset
    return seconds * 1_000_000 + int((fraction or "").ljust(6, "0"))


def binary(text: str) -> bytes:
    """Bytes written as `\\x` hex or base64."""
    if text.startswith("\\x"):
        return bytes.fromhex(text[2:])
    return base64.b64decode(text, validate=True)


def of_text(kind: LogicalType, text: str) -> Any:
    """The canonical value of a non-NULL cell of text (CSV)."""
    if kind.kind == "string":
        return text
    if kind.kind == "boolean":
        if text not in ("true", "false"):
            raise ValueError(f"{text!r} is no boolean")
        return text == "true"
    if kind.kind in _RANGES:
        return _integer(kind, Decimal(text))
    if kind.kind in ("float", "double"):
        return _floating(kind, text)
    if kind.kind == "decimal":
        return decimal_of(text, kind)
    if kind.nested:
        from oracle.variant import parse_json

        return of_json(kind, parse_json(text))
    return of_json(kind, text)


def of_json(kind: LogicalType, value: Any) -> Any:
    """The canonical value of a parsed JSON value (numbers are Decimal); JSON null is NULL but for variants."""
    if kind.kind == "variant":
        return Variant(value)
    if value is None:
        return None
    name = kind.kind
    if name == "boolean":
        return _of(bool, value)
    if name in _RANGES:
        return _integer(kind, _of(Decimal, value))
    if name in ("float", "double"):
        return _floating(kind, value if isinstance(value, str) else str(_of(Decimal, value)))
    if name == "decimal":
        return decimal_of(value if isinstance(value, str) else _of(Decimal, value), kind)
    if name == "list":
        return [of_json(kind.child(), item) for item in _of(list, value)]
    if name == "map":
        return [
            (of_text(kind.child(0), key), of_json(kind.child(1), item))
            for key, item in _of(dict, value).items()
        ]
    if name == "struct":
        names = [field for field, _ in kind.fields]
        if set(_of(dict, value)) != set(names):
            raise ValueError(f"fields {list(value)}, expected {names}")
        return tuple(of_json(child, value[field]) for field, child in kind.fields)
    text = _of(str, value)
    if name == "string":
        return text
    if name == "binary":
        return binary(text)
    if name == "date":
        return days(text)
    if name in ("timestamp", "timestamp_ntz"):
        return micros(text, zoned=name == "timestamp")
    raise ValueError(f"no JSON form of {kind} is known")


def _of(wanted: type, value: Any) -> Any:
    if not isinstance(value, wanted):
        raise ValueError(f"{value!r} is no {wanted.__name__}")
    return value


def _integer(kind: LogicalType, value: Decimal) -> int:
    number = int(value)
    if (
        number != value
        or not -(1 << _RANGES[kind.kind] - 1) <= number < 1 << _RANGES[kind.kind] - 1
    ):
        raise ValueError(f"{value} is no {kind}")
    return number


def _floating(kind: LogicalType, text: str) -> int:
    number = float(_NUMBER_NAMES.get(text.lower(), text))
    if kind.kind == "double":
        return bits64(number)
    return bits32(number)
