"""What cannot be read is refused: with the error's class, never a crash, a hang, wrong rows or part of a file."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oracle import compare, files, golden
from program import Failure, Program

Tables = Callable[[str], pathlib.Path]
LOG_BROKEN = ("DELTA_LOG_CORRUPT", "DELTA_TRUNCATED_TRANSACTION_LOG")
FILE_BROKEN = ("DATA_FILE_CORRUPT",)


@pytest.fixture
def broken(tables: Tables, tmp_path: pathlib.Path) -> Callable[[str], pathlib.Path]:
    """Gives a copy of a table to break."""

    def copy(name: str) -> pathlib.Path:
        return pathlib.Path(shutil.copytree(tables(name), tmp_path / "lake" / name))

    return copy


def commit(root: pathlib.Path, version: int) -> pathlib.Path:
    return root / "_delta_log" / f"{version:020d}.json"


def refused(
    spillway: Program,
    source: pathlib.Path | str,
    *error_class: str,
    options: tuple[str, ...] = (),
    codes: tuple[int, ...] = (1, 2),
) -> Failure:
    """Reads into a file that exists, and demands that it is as it was and nothing is beside it."""
    folder = spillway.home / "out"
    folder.mkdir(exist_ok=True)
    out = folder / "rows.parquet"
    out.write_bytes(b"what was here before")
    failure = spillway.fails(
        "lake",
        "read",
        str(source),
        "--format",
        "parquet",
        "--out",
        str(out),
        *options,
        error_class=error_class,
        codes=codes,
    )
    assert out.read_bytes() == b"what was here before"
    assert [p.name for p in folder.iterdir()] == ["rows.parquet"]
    return failure


def named(failure: Failure, part: str) -> None:
    """The error names the object that is at fault."""
    said = json.dumps([failure.object, failure.message, failure.details], ensure_ascii=False)
    assert part in said, f"{part} is not named: {failure.outcome}"


def reads_as_golden(spillway: Program, root: pathlib.Path, name: str) -> None:
    out = spillway.home / "rows.parquet"
    spillway.done("lake", "read", root, "--format", "parquet", "--out", out)
    compare.assert_equal(
        files.parquet(out, golden.rows(name)), golden.rows(name), golden.keys(name)
    )


# Nothing there


def test_no_such_place(spillway: Program, tmp_path: pathlib.Path) -> None:
    named(
        refused(spillway, tmp_path / "nowhere", "SOURCE_NOT_FOUND", "DELTA_LOG_MISSING"), "nowhere"
    )


def test_folder_without_a_log(spillway: Program, tmp_path: pathlib.Path) -> None:
    (tmp_path / "plain").mkdir()
    named(refused(spillway, tmp_path / "plain", "DELTA_LOG_MISSING"), "plain")


def test_folder_with_an_empty_log(spillway: Program, tmp_path: pathlib.Path) -> None:
    (tmp_path / "empty" / "_delta_log").mkdir(parents=True)
    refused(spillway, tmp_path / "empty", "DELTA_LOG_MISSING")


def test_a_file_in_place_of_a_table(spillway: Program, tmp_path: pathlib.Path) -> None:
    (tmp_path / "file.parquet").write_bytes(b"PAR1")
    refused(spillway, tmp_path / "file.parquet", "SOURCE_NOT_FOUND", "DELTA_LOG_MISSING")


def test_unknown_scheme(spillway: Program) -> None:
    refused(
        spillway,
        "ftp://host/table",
        "INVALID_ARGUMENT",
        "NOT_YET_SUPPORTED",
        "SOURCE_NOT_FOUND",
        codes=(1, 2),
    )


def test_folder_that_may_not_be_read(spillway: Program, tmp_path: pathlib.Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    refused(
        spillway,
        loop,
        "FILE_UNUSABLE",
        "SOURCE_NOT_FOUND",
        "DELTA_LOG_MISSING",
        "STORE_UNREACHABLE",
    )


# Commits


@pytest.mark.parametrize("version", [0, 3, 5])
def test_missing_commit(spillway: Program, broken: Tables, version: int) -> None:
    root = broken("cdf")
    commit(root, version).unlink()
    refused(spillway, root, "DELTA_TRUNCATED_TRANSACTION_LOG")


def test_every_truncation_of_a_commit(spillway: Program, broken: Tables) -> None:
    """Cut at and around every structural character of the first action, and every 37 bytes after it."""
    root = broken("overwrite")
    last = commit(root, 4)
    whole = last.read_bytes()
    ends = {i + 1 for i, byte in enumerate(whole) if byte == ord("\n")} | {len(whole)}
    places = {0, 1, 2, 3, len(whole) - 2} | set(range(5, len(whole), 37))
    places |= {i for i, byte in enumerate(whole[:400]) if byte in b'{}[]":,'}
    for place in sorted(p for p in places if p not in ends and p + 1 not in ends):
        last.write_bytes(whole[:place])
        named(refused(spillway, root, "DELTA_LOG_CORRUPT"), last.name)
    last.write_bytes(whole)
    reads_as_golden(spillway, root, "overwrite")


@pytest.mark.parametrize(
    "text",
    [
        b"\n\n\n",
        b"{}{}",
        b"[]\n",
        b"null\n",
        b"not json\n",
        b"\x00\x00\x00\x00",
        b'{"add":5}\n',
        b'{"add":{}}\n',
        b'{"add":{"path":"x.parquet","size":"many","partitionValues":{},"modificationTime":0,"dataChange":true}}\n',
        b'{"metaData":{"id":1}}\n',
        b'{"add":{"path":"\xff\xfe"}}\n',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"protocol":{"minReaderVersion":"x","minWriterVersion":2}}\n',
    ],
    ids=lambda t: repr(t[:40]),
)
def test_garbage_commit(spillway: Program, broken: Tables, text: bytes) -> None:
    root = broken("cdf")
    commit(root, 7).write_bytes(text)
    named(refused(spillway, root, "DELTA_LOG_CORRUPT"), "00000000000000000007.json")


def actions(path: pathlib.Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def write_actions(path: pathlib.Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize("action", ["protocol", "metaData"])
def test_missing_action(spillway: Program, broken: Tables, action: str) -> None:
    root = broken("cdf")
    write_actions(commit(root, 0), [a for a in actions(commit(root, 0)) if action not in a])
    refused(spillway, root, *LOG_BROKEN)


@pytest.mark.parametrize(
    "schema",
    [
        "",
        "{",
        "[]",
        '{"type":"struct"}',
        '{"type":"struct","fields":[{"name":"id"}]}',
        '{"type":"struct","fields":[{"name":"id","type":"longest","nullable":true,"metadata":{}}]}',
        "[" * 50_000,
    ],
)
def test_broken_schema(spillway: Program, broken: Tables, schema: str) -> None:
    root = broken("cdf")
    lines = actions(commit(root, 0))
    for line in lines:
        if "metaData" in line:
            line["metaData"]["schemaString"] = schema
    write_actions(commit(root, 0), lines)
    refused(
        spillway, root, "DELTA_LOG_CORRUPT", "UNSUPPORTED_COLUMN_TYPE", "UNSUPPORTED_READER_FEATURE"
    )


@pytest.mark.parametrize(
    "protocol",
    [
        {
            "minReaderVersion": 3,
            "minWriterVersion": 7,
            "readerFeatures": ["timeMachine"],
            "writerFeatures": ["timeMachine"],
        },
        {"minReaderVersion": 9, "minWriterVersion": 9},
    ],
)
def test_unsupported_reader_feature(
    spillway: Program, broken: Tables, protocol: dict[str, Any]
) -> None:
    root = broken("cdf")
    write_actions(commit(root, 7), [{"protocol": protocol}])
    failure = refused(spillway, root, "UNSUPPORTED_READER_FEATURE")
    if "readerFeatures" in protocol:
        named(failure, "timeMachine")


# Checkpoints


def checkpoints(root: pathlib.Path) -> list[pathlib.Path]:
    return sorted(
        p
        for p in (root / "_delta_log").rglob("*")
        if "checkpoint" in p.name and p.suffix == ".parquet"
    )


@pytest.mark.parametrize("name", ["ckpt_multipart", "v2ckpt_parquet"])
def test_garbage_checkpoint(spillway: Program, broken: Tables, name: str) -> None:
    root = broken(name)
    for path in checkpoints(root):
        path.write_bytes(b"PAR1 this is no checkpoint PAR1")
    refused(spillway, root, *LOG_BROKEN)


@pytest.mark.parametrize("name", ["ckpt_multipart", "v2ckpt_parquet"])
def test_truncated_checkpoint(spillway: Program, broken: Tables, name: str) -> None:
    root = broken(name)
    last = checkpoints(root)[-1]
    whole = last.read_bytes()
    for place in (0, 3, 4, 100, len(whole) // 2, len(whole) - 9, len(whole) - 8, len(whole) - 1):
        last.write_bytes(whole[:place])
        refused(spillway, root, *LOG_BROKEN)


def test_missing_part_of_a_checkpoint(spillway: Program, broken: Tables) -> None:
    root = broken("ckpt_multipart")
    checkpoints(root)[-1].unlink()
    refused(spillway, root, *LOG_BROKEN)


@pytest.mark.parametrize("name", ["v2ckpt", "v2ckpt_parquet"])
@pytest.mark.parametrize("how", ["missing", "garbage", "empty"])
def test_broken_sidecar(spillway: Program, broken: Tables, name: str, how: str) -> None:
    root = broken(name)
    for sidecar in (root / "_delta_log" / "_sidecars").iterdir():
        if how == "missing":
            sidecar.unlink()
        else:
            sidecar.write_bytes(b"" if how == "empty" else b"PAR1 garbage PAR1")
    refused(spillway, root, *LOG_BROKEN, "DATA_FILE_MISSING")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"garbage",
        b'{"version":999,"size":1}',
        b'{"version":-1,"size":1}',
        b'{"version":0,"size":1}',
        b"\xff\xff",
    ],
    ids=repr,
)
def test_the_checkpoint_hint_is_only_a_hint(spillway: Program, broken: Tables, text: bytes) -> None:
    root = broken("ckpt_multipart")
    (root / "_delta_log" / "_last_checkpoint").write_bytes(text)
    reads_as_golden(spillway, root, "ckpt_multipart")


def test_strangers_in_the_log_folder_do_not_matter(spillway: Program, broken: Tables) -> None:
    root = broken("cdf")
    log = root / "_delta_log"
    for name in (
        ".00000000000000000007.json.tmp",
        "notes.txt",
        "00000000000000000099.json.bak",
        "7.json",
        "00000000000000000006.crc",
        ".tmp.00000000000000000004.checkpoint.parquet",
    ):
        (log / name).write_bytes(b"garbage")
    (log / "folder").mkdir()
    reads_as_golden(spillway, root, "cdf")


# Data files


def data_file(root: pathlib.Path) -> pathlib.Path:
    """A file of the newest version."""
    import deltalake

    return root / deltalake.DeltaTable(str(root)).file_uris()[0].removeprefix(str(root) + "/")


def test_missing_data_file(spillway: Program, broken: Tables) -> None:
    root = broken("overwrite")
    path = data_file(root)
    path.unlink()
    named(refused(spillway, root, "DATA_FILE_MISSING"), path.name)


def test_every_truncation_of_a_data_file(spillway: Program, broken: Tables) -> None:
    root = broken("overwrite")
    path = data_file(root)
    whole = path.read_bytes()
    for place in [0, 1, 4, 12, *range(20, len(whole) - 8, 61), *range(len(whole) - 8, len(whole))]:
        path.write_bytes(whole[:place])
        named(refused(spillway, root, *FILE_BROKEN), path.name)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PAR1",
        b"PAR1PAR1",
        b"not parquet at all, but text of some length",
        b"PAR1" + b"\0" * 100 + b"\xff\xff\xff\xff" + b"PAR1",
        b"PAR1" + b"\0" * 100 + b"\x10\0\0\0" + b"PAR1",
    ],
    ids=repr,
)
def test_garbage_data_file(spillway: Program, broken: Tables, content: bytes) -> None:
    root = broken("overwrite")
    path = data_file(root)
    path.write_bytes(content)
    named(refused(spillway, root, *FILE_BROKEN), path.name)


def test_overwritten_pages(spillway: Program, broken: Tables) -> None:
    """Whatever a run of zeros or ones destroys, the answer is the right rows or an error."""
    root = broken("overwrite")
    path = data_file(root)
    whole = path.read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for byte in (b"\0", b"\xff"):
        for place in range(footer, len(whole) - 8, 23):
            path.write_bytes(whole[:place] + byte * 8 + whole[place + 8 :])
            outcome = spillway.run("lake", "read", root, "--format", "ndjson", timeout=20)
            assert outcome.code in (0, 1), outcome


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["x"] * 40),
        pa.array([b"x"] * 40),
        pa.array([1.5] * 40),
        pa.array([[1]] * 40),
        pa.array([True] * 40),
    ],
    ids=lambda a: str(a.type),
)
def test_data_file_of_another_type(spillway: Program, broken: Tables, column: pa.Array) -> None:
    root = broken("overwrite")
    path = data_file(root)
    pq.write_table(pa.table({"k": column, "x": pa.array([1.0] * 40)}), path)
    refused(spillway, root, *FILE_BROKEN, "UNSUPPORTED_COLUMN_TYPE")


# Deletion vectors


def vectors(root: pathlib.Path) -> list[pathlib.Path]:
    return sorted(root.rglob("deletion_vector_*.bin"))


def test_missing_deletion_vector(spillway: Program, broken: Tables) -> None:
    root = broken("dv")
    for path in vectors(root):
        path.unlink()
    named(refused(spillway, root, "DATA_FILE_MISSING", *FILE_BROKEN), "deletion_vector")


@pytest.mark.parametrize("how", ["empty", "half", "flipped", "zeros", "longer size"])
def test_corrupt_deletion_vector(spillway: Program, broken: Tables, how: str) -> None:
    root = broken("dv")
    for path in vectors(root):
        whole = path.read_bytes()
        middle = len(whole) // 2
        path.write_bytes(
            {
                "empty": b"",
                "half": whole[:middle],
                "zeros": bytes(len(whole)),
                "flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
                "longer size": whole[:1] + b"\x7f\xff\xff\xff" + whole[5:],
            }[how]
        )
    named(refused(spillway, root, *FILE_BROKEN), "deletion_vector")


@pytest.mark.parametrize(
    "change",
    [
        {"cardinality": 1},
        {"storageType": "q"},
        {"pathOrInlineDv": "!"},
        {"offset": 10**9},
        {"sizeInBytes": 10**9},
        {"storageType": "i", "pathOrInlineDv": "0000"},
    ],
    ids=str,
)
def test_deletion_vector_that_the_log_describes_wrongly(
    spillway: Program, broken: Tables, change: dict[str, Any]
) -> None:
    root = broken("dv")
    for path in sorted((root / "_delta_log").glob("*.json")):
        lines = actions(path)
        for line in lines:
            if "deletionVector" in line.get("add", {}):
                line["add"]["deletionVector"].update(change)
        write_actions(path, lines)
    refused(spillway, root, *FILE_BROKEN, "DELTA_LOG_CORRUPT", "DATA_FILE_MISSING")


# Requests that cannot be met


@pytest.mark.parametrize(
    "options, error_class",
    [
        (("--version", "999"), "VERSION_NOT_FOUND"),
        (("--timestamp", "1999-01-01T00:00:00Z"), "VERSION_NOT_FOUND"),
        (("--columns", "id,nothing"), "COLUMN_NOT_FOUND"),
        (("--columns", "id,id"), "INVALID_ARGUMENT"),
        (("--version", "-1"), "INVALID_ARGUMENT"),
        (("--version", "one"), "INVALID_ARGUMENT"),
        (("--version", "9223372036854775807"), "VERSION_NOT_FOUND"),
        (("--timestamp", "yesterday"), "INVALID_ARGUMENT"),
        (("--timestamp", "2024-13-01T00:00:00Z"), "INVALID_ARGUMENT"),
        (("--timestamp", "2024-01-01T00:00:00Z", "--version", "1"), "INVALID_ARGUMENT"),
        (("--limit", "-1"), "INVALID_ARGUMENT"),
        (("--limit", "few"), "INVALID_ARGUMENT"),
    ],
    ids=str,
)
def test_wrong_request(
    spillway: Program, tables: Tables, options: tuple[str, ...], error_class: str
) -> None:
    refused(spillway, tables("ict"), error_class, options=options)


def test_unknown_format(spillway: Program, tables: Tables) -> None:
    spillway.fails(
        "lake",
        "read",
        tables("ict"),
        "--format",
        "parket",
        error_class="INVALID_ARGUMENT",
        codes=(2,),
    )


def test_a_column_that_is_almost_right_is_suggested(spillway: Program, tables: Tables) -> None:
    failure = refused(spillway, tables("colmap"), "COLUMN_NOT_FOUND", options=("--columns", "aded"))
    assert "added" in failure.message + failure.mend


@pytest.mark.parametrize(
    "predicate, token",
    [
        ("id =", ""),
        ("id = = 1", "="),
        ("id > 1 AND", ""),
        ("(id > 1", ""),
        ("id > 1)", ")"),
        ("id IN ()", ")"),
        ("id IN 1", "1"),
        ("id BETWEEN 1", ""),
        ("s LIKE 5", "5"),
        ("id = 'five'", "'five'"),
        ("dt = DATE '2024-02-30'", "'2024-02-30'"),
        ("ts > TIMESTAMP 'noon'", "'noon'"),
        ("s = 'open", "'open"),
        ('"id = 1', '"id = 1'),
        ("id = 1; DROP TABLE x", ";"),
        ("upper(s) = 'X'", "("),
        ("id + 1 = 2", "+"),
        ("now() > ts", "("),
        ("id = 1 -- why", "-"),
        ("SELECT 1", "1"),
        ("id = $1", "$"),
        ("s = E'x'", "'x'"),
        ("CASE WHEN id = 1 THEN TRUE END", "WHEN"),
        ("st = 5", "st"),
        ("\x01", "\x01"),
    ],
    ids=repr,
)
def test_wrong_predicate(spillway: Program, tables: Tables, predicate: str, token: str) -> None:
    failure = refused(
        spillway,
        tables("dv"),
        "INVALID_PREDICATE",
        "COLUMN_NOT_FOUND",
        options=("--where", predicate),
        codes=(2,),
    )
    if failure.error_class == "INVALID_PREDICATE":
        position = int(failure.details["position"])
        assert 0 <= position <= len(predicate.encode())
        assert failure.details["token"] == "" or predicate.encode()[position:].startswith(
            str(failure.details["token"]).encode()
        )


def test_a_column_in_a_predicate_is_suggested(spillway: Program, tables: Tables) -> None:
    failure = refused(
        spillway,
        tables("colmap"),
        "COLUMN_NOT_FOUND",
        "INVALID_PREDICATE",
        options=("--where", "aded = 1"),
    )
    assert "added" in failure.message + failure.mend


@pytest.mark.parametrize("depth", [100, 100_000])
def test_a_deep_predicate_does_not_break_the_stack(
    spillway: Program, tables: Tables, depth: int
) -> None:
    predicate = (
        "NOT " * min(depth, 20_000) + "(" * min(depth, 20_000) + "id = 1" + ")" * min(depth, 20_000)
    )
    outcome = spillway.run(
        "lake", "read", tables("ict"), "--format", "csv", "--where", predicate, timeout=20
    )
    assert outcome.code in (0, 2), outcome


# Where the rows go


def test_out_into_a_folder_that_is_not_there(
    spillway: Program, tables: Tables, tmp_path: pathlib.Path
) -> None:
    spillway.fails(
        "lake",
        "read",
        tables("ict"),
        "--format",
        "csv",
        "--out",
        tmp_path / "no" / "rows.csv",
        error_class=("FILE_UNUSABLE", "INVALID_ARGUMENT"),
    )
    assert not (tmp_path / "no").exists()


def test_out_onto_a_full_disk(spillway: Program, tables: Tables, tmp_path: pathlib.Path) -> None:
    """Through a link, so that a program that replaced what it should write into would do no harm."""
    link = tmp_path / "full"
    link.symlink_to("/dev/full")
    spillway.fails(
        "lake", "read", tables("dv"), "--format", "csv", "--out", link, error_class="STORE_NO_SPACE"
    )
    assert link.is_symlink()


def test_out_into_a_pipe(spillway: Program, tables: Tables, tmp_path: pathlib.Path) -> None:
    """What is no regular file is written into, never replaced."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # the rows fit the pipe's buffer
    try:
        spillway.done("lake", "read", tables("ict"), "--format", "csv", "--out", pipe)
        assert pipe.is_fifo() and os.read(reader, 65536).startswith(b"id,v")
    finally:
        os.close(reader)
    read = ("lake", "read", tables("ict"), "--format", "csv")
    piped = spillway.done(*read, "--out", "/dev/stdout")  # a link that leads to no path
    assert piped.stdout == spillway.done(*read).stdout
    spillway.fails(
        "lake",
        "read",
        tables("ict"),
        "--format",
        "parquet",
        "--out",
        pipe,
        error_class="INVALID_ARGUMENT",
    )


def test_a_reader_that_goes_away(spillway: Program, tables: Tables) -> None:
    """`spillway lake read … | head -1` ends soon and does not crash."""
    process = spillway.start("lake", "read", tables("dv"), "--format", "csv")
    assert process.read_line_and_leave().startswith(b"id,")
    outcome = process.wait(20, crash_allowed=True)
    assert outcome.code in (0, 1, -signal.SIGPIPE), outcome


def test_the_same_failure_for_people(spillway: Program, tables: Tables) -> None:
    outcome = spillway.run("lake", "read", tables("ict"), "--version", "999")
    assert outcome.code in (1, 2) and outcome.stdout == b""
    assert "VERSION_NOT_FOUND" in outcome.stderr and not outcome.stderr.lstrip().startswith("{")
