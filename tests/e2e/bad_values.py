"""A column for each kind of value that no target takes: a good value, then the bad one."""

import pyarrow as pa

# name, column, class of its error
BAD_VALUES = [
    ("nul in a string", pa.array(["fine", "a\0b"]), "CHARACTER_NOT_IN_REPERTOIRE"),
    ("nul in a struct", pa.array([{"a": "fine"}, {"a": "\0"}]), "CHARACTER_NOT_IN_REPERTOIRE"),
    (
        "nul in a map key",
        pa.array([[("k", 1)], [("\0", 1)]], pa.map_(pa.string(), pa.int64())),
        "CHARACTER_NOT_IN_REPERTOIRE",
    ),
    (
        "invalid utf-8",
        pa.Array.from_buffers(
            pa.string(), 2, pa.array([b"ok", b"\xff\xfe"], pa.binary()).buffers()
        ),
        "CHARACTER_NOT_IN_REPERTOIRE",
    ),
    (
        "a timestamp too early",
        pa.array([0, -(2**63) + 1], pa.timestamp("us", "UTC")),
        "VALUE_OUT_OF_RANGE",
    ),
    (
        "a zoneless timestamp too early",
        pa.array([0, -210866803200000001], pa.timestamp("us")),
        "VALUE_OUT_OF_RANGE",
    ),
    ("a date too late", pa.array([0, 2**31 - 1], pa.date32()), "VALUE_OUT_OF_RANGE"),
    ("a date too early", pa.array([0, -(2**31)], pa.date32()), "VALUE_OUT_OF_RANGE"),
    ("nan in json", pa.array([[1.0], [float("nan")]]), "VALUE_OUT_OF_RANGE"),
    ("infinity in json", pa.array([{"d": 1.0}, {"d": float("inf")}]), "VALUE_OUT_OF_RANGE"),
    (
        "a repeated map key",
        pa.array([[("k", 1)], [("k", 1), ("k", 2)]], pa.map_(pa.string(), pa.int64())),
        "VALUE_OUT_OF_RANGE",
    ),
]
