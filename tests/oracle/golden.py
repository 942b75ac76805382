"""The tables under tests/data: unpacked once, with the rows that Spark read from them."""

from __future__ import annotations

import functools
import json
import pathlib
import tarfile
from typing import Any

import pyarrow.parquet as pq

from oracle.frame import Frame, from_arrow_table, variants_of_json
from oracle.logical_type import VARIANT, array_of, struct_of

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
NAMES = sorted(p.name.removesuffix(".tar.gz") for p in (DATA / "delta").glob("*.tar.gz"))
VARIANT_NAMES = ["variant", "variant_shredded"]


def unpack(name: str, directory: pathlib.Path) -> pathlib.Path:
    """Unpacks one table below `directory` and returns the table's root. Repeating it is harmless."""
    root = directory / name
    if not root.exists():
        with tarfile.open(DATA / "delta" / f"{name}.tar.gz") as archive:
            archive.extractall(directory, filter="data")
    return root


@functools.cache
def facts(name: str) -> dict[str, Any]:
    """What golden/NAME.json says: version, keys, features, what is special."""
    return json.loads((DATA / "golden" / f"{name}.json").read_text())


@functools.cache
def rows(name: str, version: int | None = None) -> Frame:
    """The rows of a table as Spark read them, at its last version or at an earlier one."""
    suffix = "" if version is None else f"_v{version}"
    frame = from_arrow_table(pq.read_table(DATA / "golden" / f"{name}{suffix}.parquet"))
    if name in VARIANT_NAMES:
        return _variant_rows(frame)
    if name == "rowtrack":
        return frame.drop("row_id", "row_commit_version")
    return frame


def keys(name: str, version: int | None = None) -> list[str]:
    """The columns that tell the rows of a table apart."""
    return facts(name)["keys"] if version is None else [rows(name, version).names[0]]


def versions(name: str) -> list[int]:
    """The versions whose rows are known besides the last one."""
    found = (DATA / "golden").glob(f"{name}_v*.parquet")
    return sorted(int(p.stem.rpartition("_v")[2]) for p in found)


def _variant_rows(golden: Frame) -> Frame:
    """The table's own columns, put together from their JSON texts: v, st.x, and av = [av0, NULL]."""
    texts = variants_of_json(golden, ["v_json", "st_x_json", "av0_json"])
    for value, is_null in zip(texts.columns["v_json"], golden.columns["v_sqlnull"]):
        assert (value is None) == is_null
    types = {
        "id": golden.types["id"],
        "v": VARIANT,
        "st": struct_of(("x", VARIANT)),
        "av": array_of(VARIANT),
    }
    columns: dict[str, list[Any]] = {
        "id": golden.columns["id"],
        "v": texts.columns["v_json"],
        "st": [(x,) for x in texts.columns["st_x_json"]],
        "av": [[x, None] for x in texts.columns["av0_json"]],
    }
    return Frame(types, columns)
