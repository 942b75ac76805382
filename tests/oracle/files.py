"""Readers of the files and streams that `spillway lake read` writes."""

from __future__ import annotations

import io
import pathlib
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq

from oracle import text_values, variant
from oracle.frame import Frame, Variant, from_arrow_table
from oracle.logical_type import STRING, LogicalType


def parquet(path: pathlib.Path, expected: Frame | None = None) -> Frame:
    """A Parquet file. Where `expected` has variants, JSON texts in their place are read as variants."""
    frame = from_arrow_table(pq.ParquetFile(path).read())
    if expected is not None:
        for name, kind in expected.types.items():
            if _holds_variant(kind) and frame.types.get(name) == _as_text(kind):
                frame.columns[name] = [_text_to_variant(kind, v) for v in frame.columns[name]]
                frame.types[name] = kind
    return frame


def _holds_variant(kind: LogicalType) -> bool:
    return kind.kind == "variant" or any(_holds_variant(child) for _, child in kind.fields)


def _as_text(kind: LogicalType) -> LogicalType:
    if kind.kind == "variant":
        return STRING
    return LogicalType(
        kind.kind,
        kind.precision,
        kind.scale,
        tuple((n, _as_text(child)) for n, child in kind.fields),
    )


def _text_to_variant(kind: LogicalType, value: Any) -> Any:
    if value is None:
        return None
    if kind.kind == "variant":
        return Variant(variant.parse_json(value))
    if kind.kind == "struct":
        return tuple(_text_to_variant(child, v) for (_, child), v in zip(kind.fields, value))
    if kind.kind == "list":
        return [_text_to_variant(kind.child(), v) for v in value]
    return value


def ndjson(text: str, expected: Frame) -> Frame:
    """One JSON object a line, read by the expected types.

    JSON cannot tell a variant's null from NULL: both are NULL here, see `without_json_null`.
    """
    names = expected.names
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for number, line in enumerate(
        text.split("\n")[:-1] if text.endswith("\n") else [text + "?"], 1
    ):
        row = variant.parse_json(line)
        if not isinstance(row, dict) or list(row) != names:
            raise ValueError(f"line {number} holds {list(row)}, expected {names}")
        for name, kind in expected.types.items():
            try:
                columns[name].append(_null_variants(kind, text_values.of_json(kind, row[name])))
            except ValueError as error:
                raise ValueError(f"line {number}, {name}: {error}") from error
    return Frame(expected.types, columns)


def _null_variants(kind: LogicalType, value: Any) -> Any:
    if kind.kind == "variant":
        return None if value == Variant(None) else value
    if value is None or not _holds_variant(kind):
        return value
    if kind.kind == "struct":
        return tuple(_null_variants(child, v) for (_, child), v in zip(kind.fields, value))
    if kind.kind == "list":
        return [_null_variants(kind.child(), v) for v in value]
    return value


def without_json_null(frame: Frame) -> Frame:
    """The frame as a format tells it that writes a variant's null and NULL alike."""
    return Frame(
        frame.types,
        {
            name: [_null_variants(kind, v) for v in frame.columns[name]]
            if _holds_variant(kind)
            else frame.columns[name]
            for name, kind in frame.types.items()
        },
    )


def csv(text: str, expected: Frame) -> Frame:
    """RFC 4180 with a header; an unquoted empty cell is NULL, a quoted one the empty string."""
    records = list(csv_records(text))
    names = expected.names
    header = [cell for cell, _ in records[0]] if records else []
    if header != names:
        raise ValueError(f"header {header}, expected {names}")
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for number, record in enumerate(records[1:], 2):
        if len(record) != len(names):
            raise ValueError(f"record {number} has {len(record)} cells, expected {len(names)}")
        for (name, kind), (cell, quoted) in zip(expected.types.items(), record):
            try:
                null = cell == "" and not quoted
                columns[name].append(None if null else text_values.of_text(kind, cell))
            except ValueError as error:
                raise ValueError(f"record {number}, {name}: {error}") from error
    return Frame(expected.types, columns)


def csv_records(text: str) -> Iterator[list[tuple[str, bool]]]:
    """Records as (cell, was it quoted). Raises ValueError for a stray or an open quote."""
    record: list[tuple[str, bool]] = []
    at, end = 0, len(text)
    while at < end:
        if text[at] == '"':
            cell = io.StringIO()
            at += 1
            while True:
                close = text.find('"', at)
                if close < 0:
                    raise ValueError("a quoted cell does not end")
                cell.write(text[at:close])
                at = close + 1
                if text[at : at + 1] != '"':
                    break
                cell.write('"')
                at += 1
            record.append((cell.getvalue(), True))
        else:
            stop = min((i for i in (text.find(c, at) for c in ",\r\n") if i >= 0), default=end)
            cell_text = text[at:stop]
            if '"' in cell_text:
                raise ValueError(f"a stray quote in {cell_text!r}")
            record.append((cell_text, False))
            at = stop
        if text[at : at + 1] == ",":
            at += 1
            if at == end or text[at] in "\r\n":
                record.append(("", False))
            else:
                continue
        if at < end and text[at] not in "\r\n":
            raise ValueError(f"{text[at : at + 10]!r} after a quoted cell")
        at += 2 if text[at : at + 2] == "\r\n" else 1
        yield record
        record = []
    if record:
        yield record
