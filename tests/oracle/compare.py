"""Equality of two frames: names, types, and every value bit for bit."""

from __future__ import annotations

from oracle.frame import Frame, shown

_SHOWN = 10


class Difference(AssertionError):
    """Two frames are not equal; the text names the first cells that differ."""


def assert_equal(
    actual: Frame,
    expected: Frame,
    keys: list[str] | None = None,
    *,
    ordered: bool = False,
    column_order: bool = True,
) -> None:
    """Raises Difference unless `actual` holds exactly the rows of `expected`.

    Rows are paired after sorting both by `keys` (all columns when None), or by place when `ordered`.
    """
    if column_order and actual.names != expected.names:
        raise Difference(f"columns {actual.names}, expected {expected.names}")
    if set(actual.names) != set(expected.names):
        raise Difference(f"columns {sorted(actual.names)}, expected {sorted(expected.names)}")
    wrong = [
        f"{n}: {actual.types[n]}, expected {expected.types[n]}"
        for n in expected.names
        if actual.types[n] != expected.types[n]
    ]
    if wrong:
        raise Difference("types differ: " + "; ".join(wrong))
    if actual.rows != expected.rows:
        raise Difference(
            f"{actual.rows} rows, expected {expected.rows}"
            + _key_difference(actual, expected, keys)
        )
    if not ordered:
        order = keys or expected.names
        actual, expected = actual.sorted_by(order), expected.sorted_by(order)
    cells: list[str] = []
    for name in expected.names:
        got, want = actual.columns[name], expected.columns[name]
        if got == want:
            continue
        for i, (a, b) in enumerate(zip(got, want)):
            if a != b:
                where = {k: expected.columns[k][i] for k in keys or []} or f"row {i}"
                kind = expected.types[name]
                cells.append(f"{name} at {where}: {shown(kind, a)}, expected {shown(kind, b)}")
                if len(cells) >= _SHOWN:
                    break
        if len(cells) >= _SHOWN:
            break
    if cells:
        raise Difference("values differ:\n  " + "\n  ".join(cells))


def _key_difference(actual: Frame, expected: Frame, keys: list[str] | None) -> str:
    if not keys:
        return ""

    def of(frame: Frame) -> set[str]:
        return {repr(key) for key in zip(*(frame.columns[k] for k in keys))}

    missing, extra = of(expected) - of(actual), of(actual) - of(expected)
    return (
        f"; {len(missing)} keys missing {sorted(missing)[:_SHOWN]}"
        f", {len(extra)} keys too many {sorted(extra)[:_SHOWN]}"
    )
