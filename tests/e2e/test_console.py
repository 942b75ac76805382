"""The manners of the command line where something goes wrong: streams that cannot be written, interrupted questions,
empty values, names that lie, inputs that could never work."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import deltalake
import pyarrow as pa
import pytest
import yaml

from emulators.postgres import Database
from program import BINARY, Outcome, Program
from terminal import converse

READING = ("lake", "history", "t", "--limit", "0", "-o", "json")


@pytest.fixture
def table(spillway: Program) -> pathlib.Path:
    """A table of two versions in the folder t of the working folder, registered as t."""
    path = spillway.home / "t"
    for first in (1, 3):
        deltalake.write_deltalake(
            str(path), pa.table({"id": [first, first + 1], "v": ["a", "b"]}), mode="append"
        )
    spillway.done("source", "add", "t", path)
    return path


def shell(spillway: Program, redirection: str, *arguments: str) -> Outcome:
    """Runs the program with its streams redirected as a shell does it."""
    command = ["bash", "-c", f'"$0" "$@" {redirection}', str(BINARY), *arguments]
    done = subprocess.run(
        command,
        env=spillway.environment,
        cwd=spillway.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode < 128, f"{command} died: {done}"
    return Outcome(command, done.returncode, done.stdout, done.stderr.decode(), 0)


# Streams


@pytest.mark.parametrize("redirection", [">/dev/full", ">&-"])
@pytest.mark.parametrize(
    "arguments",
    [
        READING,
        ("doctor",),
        ("completion", "bash"),
        ("--help",),
        ("--version",),
        ("lake", "read", "t"),
        ("lake", "show", "t", "-o", "yaml"),
        ("source", "list"),
        ("export", "--all"),
        ("metrics",),
        ("sql", "SHOW SOURCES"),
    ],
    ids=" ".join,
)
def test_stdout_that_cannot_be_written(
    spillway: Program, table: pathlib.Path, redirection: str, arguments: tuple[str, ...]
) -> None:
    outcome = shell(spillway, redirection, *arguments)
    assert outcome.code == 1 and "standard output" in outcome.stderr, outcome
    assert "terminate" not in outcome.stderr


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
def test_stderr_that_cannot_be_written(
    spillway: Program, table: pathlib.Path, redirection: str
) -> None:
    assert shell(spillway, redirection, "lake", "show", "/nonexistent").code == 1
    assert shell(spillway, redirection, "lake", "raed").code == 2
    assert shell(spillway, redirection, "source", "add", "zz", "/x").code == 0
    assert len(spillway.json("source", "list")) == 2


def test_closed_stdout_is_not_taken_by_another_file(spillway: Program, table: pathlib.Path) -> None:
    shell(spillway, ">&-", "source", "list", "-o", "json")
    assert len(spillway.json("source", "list")) == 1, "the state file was written into"


def test_a_reader_that_has_gone_is_no_news(spillway: Program, table: pathlib.Path) -> None:
    outcome = shell(spillway, "| true; exit ${PIPESTATUS[0]}", *READING)
    assert outcome.code in (0, 1) and outcome.stderr == "", outcome


# Questions


def defined(spillway: Program, table: pathlib.Path) -> Program:
    """A synced table whose target is never reached."""
    spillway.done("target", "add", "shop", "postgresql://nobody@127.0.0.1:1/none")
    document = (
        "version: 1\nsynced_tables:\n"
        f"  shop.public.t: {{ source: {table}, primary_key: [id] }}\n"
    )
    (spillway.home / "shop.yaml").write_text(document)
    return spillway


def test_ctrl_c_at_a_question(spillway: Program, table: pathlib.Path) -> None:
    defined(spillway, table)
    shown = converse(spillway, ["apply", "-f", "shop.yaml"], [("[y/N]", "\x03")], 130)
    assert "interrupted" in shown


def test_a_stop_while_input_is_waited_for(spillway: Program) -> None:
    """Nothing is typed, and the first signal is enough."""
    waiting = subprocess.Popen(
        [BINARY, "plan", "-f", "-"],
        env=spillway.environment,
        cwd=spillway.home,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    unhandled = "SigBlk:\t0000000000000000"
    deadline = time.monotonic() + 20
    while unhandled in pathlib.Path(f"/proc/{waiting.pid}/status").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    waiting.send_signal(signal.SIGINT)
    assert waiting.wait(20) == 130  # with its input still open: an end of input may be seen first
    _, said = waiting.communicate()
    assert b"interrupted" in said, said


@pytest.mark.parametrize("answer", ["\n", "\x04", "y\n", "cancel\n"], ids=repr)
def test_deleting_wants_an_answer(spillway: Program, table: pathlib.Path, answer: str) -> None:
    arguments = ["synced-table", "delete", "shop.public.t"]
    converse(spillway, arguments, [("[keep/drop/CANCEL]", answer)], 5)


def test_yes_is_no_answer_to_keep_or_drop(spillway: Program) -> None:
    for yes in ((), ("-y",)):
        spillway.fails(
            "synced-table",
            "delete",
            "shop.public.t",
            *yes,
            error_class="CONFIRMATION_REQUIRED",
            codes=(5,),
        )
    shown = converse(spillway, ["synced-table", "delete", "shop.public.t", "-y"], [], 5)
    assert "--keep-table" in shown


# Secrets


def test_secrets_are_hidden_and_references_resolved(spillway: Program) -> None:
    hidden = "VerySecretIndeed"
    options = {
        "azure_storage_connection_string": f"AccountName=a;AccountKey={hidden}",
        "proxy_url": f"http://app:{hidden}@proxy:3128",
        "google_application_credentials": "/keys/google.json",
    }
    for i, (option, value) in enumerate(options.items()):
        url = {"a": "az://c/t", "p": "s3://b/t", "g": "gs://b/t"}[option[0]]
        told = spillway.done("source", "add", f"s{i}", url, "--storage-option", f"{option}={value}")
        assert hidden not in told.stderr
    shown = "".join(spillway.done("source", "show", f"s{i}", "-o", "json").text for i in range(3))
    assert hidden not in shown and "/keys/google.json" in shown
    assert hidden.encode() not in (spillway.home / "spillway" / "state.db").read_bytes()


@pytest.mark.parametrize(
    "url, said",
    [
        ("postgresql://app:p@ss@host/db", "%40"),
        ("postgresql://app@host/db?sslpassword=ss@hush", "sslpassword"),
        ("host=h sslpassword=hush", "sslpassword"),
        ("host=h oauth_client_secret=hush", "oauth_client_secret"),
        ("mysql://h/d", "mysql"),
        ("postgresql://h/d?nosuch=1", "nosuch"),
        ("postgresql://h/d?sslmoed=require", "sslmode"),
        ("postgresql://h:99999/d", "65535"),
    ],
    ids=str,
)
def test_targets_that_could_never_work(spillway: Program, url: str, said: str) -> None:
    failure = spillway.fails(
        "target", "add", "x", url, error_class="INVALID_ARGUMENT", codes=(2,)
    )
    assert said in failure.message + failure.mend and "hush" not in failure.outcome.stderr
    assert [one["name"] for one in spillway.json("target", "list")] == ["local"]


def test_references_are_resolved_wherever_they_stand(spillway: Program) -> None:
    option = "aws_region=${env:NOWHERE}"
    for source in ("s3://bucket/t", "far"):
        failure = spillway.fails(
            "lake", "show", source, "--storage-option", option, error_class=(
                "SECRET_UNAVAILABLE", "SOURCE_NOT_FOUND"
            )
        )
        if source != "far":
            assert "NOWHERE" in failure.message and "aws_region" in failure.message
    spillway.done("source", "add", "far", "s3://bucket/t", "--storage-option", option)
    assert spillway.json("source", "show", "far")["storage_options"] == {
        "aws_region": "${env:NOWHERE}"
    }
    spillway.fails("lake", "show", "far", error_class="SECRET_UNAVAILABLE")


def test_unknown_options_are_refused_when_given(spillway: Program, table: pathlib.Path) -> None:
    for url, option, said in (
        ("s3://b/t", "aws_regoin=x", "aws_region"),
        ("s3://b/t", "aws_regoin=${env:NOWHERE}", "aws_region"),
        (str(table), "aws_region=x", "aws_region"),
    ):
        failure = spillway.fails(
            "source", "add", "x", url, "--storage-option", option, error_class="INVALID_ARGUMENT"
        )
        assert said in failure.message + failure.mend, failure


# Values


@pytest.mark.parametrize(
    "arguments, flag",
    [
        (("lake", "show", "t", "--version", ""), "--version"),
        (("lake", "show", "t", "--version="), "--version"),
        (("lake", "read", "t", "--timestamp", ""), "--timestamp"),
        (("lake", "read", "t", "--where", ""), "--where"),
        (("lake", "read", "t", "--where=", "id = 1"), "--where"),
        (("lake", "read", "t", "--columns", ""), "--columns"),
        (("lake", "read", "t", "--out", ""), "--out"),
        (("--home", "", "source", "list"), "--home"),
        (("target", "add", "x", ""), "URL"),
        (("sql", ""), "TEXT"),
        (("synced-table", "alter", "a.b.c", "--where", ""), "--where"),
    ],
    ids=lambda a: " ".join(a) if isinstance(a, tuple) else "",
)
def test_empty_values_are_refused(
    spillway: Program, table: pathlib.Path, arguments: tuple[str, ...], flag: str
) -> None:
    failure = spillway.fails(*arguments, error_class="INVALID_ARGUMENT", codes=(2,))
    assert f"{flag} must not be empty" in failure.message


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("synced-table", "create", "a.b.c", "--from", "x", "--version", "3"), "no such flag"),
        (("synced-table", "create", "a.b.c", "--from", "x", "--version"), "no such flag"),
        (("-o", "JSON", "source", "list"), "table, json or yaml"),
        (("source", "list", "--progress", "loud"), "--progress must be"),
        (("lake", "read", "t", "--format=CSV"), "table, csv, ndjson or parquet"),
        (("lake", "history", "t", "--limit", "-1"), "at least 0"),
        (("runs", "list", "--limit", "-1"), "at least 0"),
        (("lake", "show", "t", "--version", "99999999999999999999"), "at most 9223372036854775807"),
        (("lake", "show", "t", "--version", "0x1"), "whole number"),
        (("synced-table", "wait", "a.b.c", "--version", "-1"), "at least 0"),
        (("pg", "start", "--port", "80"), "from 1024 to 65535"),
        (("lake", "read", "t", "--limit", "1", "--limit", "2"), "--limit is given more than once"),
        (("lake", "read", "t", "--limit"), "--limit wants a value"),
        (("--quiet=maybe", "source", "list"), "--quiet takes no value"),
        (
            ("target", "add", "x", "postgresql://a:b@h/d", "--password", "c"),
            "the password is given twice",
        ),
        (("export", "--all", "-o", "json"), "--format yaml, sql or cli"),
        (("metrics", "-o", "yaml"), "OpenMetrics text"),
        (("completion", "tcsh"), "SHELL must be bash, zsh or fish"),
        (("source", "add", "x", "s3://"), "names no bucket"),
        (
            ("lake", "show", "s3://b/t", "--storage-option", "k=1", "--storage-option", "k=2"),
            "--storage-option k is given twice",
        ),
    ],
    ids=lambda a: " ".join(a) if isinstance(a, tuple) else "",
)
def test_wrong_values_are_told_what_is_right(
    spillway: Program, table: pathlib.Path, arguments: tuple[str, ...], said: str
) -> None:
    outcome = spillway.run(*arguments)
    assert outcome.code == 2 and said in outcome.stderr and outcome.stdout == b"", outcome
    assert "no such command" not in outcome.stderr and len(outcome.stderr) < 500, outcome


def test_the_nearest_flag_is_told_once(spillway: Program) -> None:
    told = spillway.run("lake", "show", "t", "--versoin", "3").stderr
    assert told.count("--version") == 1, told


# Files


def test_out_leaves_its_neighbours_alone(
    spillway: Program, table: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "rows.partial").write_text("the user's")
    (folder / "real").write_text("before")
    (folder / "rows").symlink_to("real")
    for file_format in ("csv", "parquet"):
        told = spillway.done("lake", "read", "t", "--format", file_format, "--out", folder / "rows")
        assert "wrote 4 rows" in told.stderr
        assert (folder / "rows").is_symlink() and (folder / "real").read_bytes() != b"before"
    assert (folder / "rows.partial").read_text() == "the user's"
    assert sorted(p.name for p in folder.iterdir()) == ["real", "rows", "rows.partial"]


@pytest.mark.parametrize("file_format", ["csv", "ndjson", "parquet"])
def test_out_where_no_file_can_be(
    spillway: Program, table: pathlib.Path, tmp_path: pathlib.Path, file_format: str
) -> None:
    for out in (tmp_path, tmp_path / "missing" / "x", pathlib.Path("/proc/x")):
        spillway.fails(
            "lake", "read", "t", "--format", file_format, "--out", out, error_class="FILE_UNUSABLE"
        )


def rows_of(path: pathlib.Path, count: int) -> pathlib.Path:
    deltalake.write_deltalake(str(path), pa.table({"v": [f"value {i}" for i in range(count)]}))
    return path


def test_a_limit_of_the_size_of_files_is_an_error(spillway: Program, tmp_path: pathlib.Path) -> None:
    """SIGXFSZ would kill the program without a word."""
    rows_of(tmp_path / "big", 50_000)
    for file_format in ("csv", "parquet"):
        command = (
            f"ulimit -f 100; exec '{BINARY}' lake read '{tmp_path}/big' --format {file_format}"
            f" --out '{tmp_path}/rows'"
        )
        done = subprocess.run(
            ["bash", "-c", command], env=spillway.environment, capture_output=True, check=False
        )
        assert done.returncode == 1 and b"File too large" in done.stderr, done
        assert [p.name for p in tmp_path.iterdir() if p.is_file()] == []


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_of_an_export_that_was_ended(
    spillway: Program, tmp_path: pathlib.Path, end: signal.Signals
) -> None:
    rows_of(tmp_path / "big", 2_000_000)
    folder = tmp_path / "out"
    folder.mkdir()
    process = subprocess.Popen(
        [BINARY, "lake", "read", tmp_path / "big", "--format", "csv", "--out", folder / "rows"],
        env=spillway.environment,
        stderr=subprocess.PIPE,
    )
    files = pathlib.Path(f"/proc/{process.pid}/fd")

    def is_writing() -> bool:
        with contextlib.suppress(FileNotFoundError):  # one that was closed meanwhile: look again
            held = [file for file in files.iterdir() if str(folder) in os.readlink(file)]
            return any(file.stat().st_size > 0 for file in held)
        return False

    while process.poll() is None and not is_writing():
        time.sleep(0.001)
    process.send_signal(end)
    told = process.communicate()[1].decode()
    assert process.returncode == (-end if end == signal.SIGKILL else 128 + end)
    assert list(folder.iterdir()) == []
    assert end == signal.SIGKILL or "CANCELLED" in told and "Repeat it when" in told, told


# Names that come from tables


def test_control_characters_do_not_reach_the_terminal(
    spillway: Program, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "evil"
    name = "id\x1b[31m"
    deltalake.write_deltalake(
        str(path),
        pa.table({name: [1]}),
        name="a\x1b]0;owned\x07",
        configuration={"delta.columnMapping.mode": "none"},
    )
    for verb in ("show", "schema", "history", "read"):
        outcome = spillway.run("lake", verb, path)
        assert "\x1b" not in outcome.text + outcome.stderr, outcome
    assert "\\x1b[31m" in spillway.done("lake", "schema", path).text
    assert spillway.json("lake", "schema", path)[0]["column"] == name
    refused = spillway.run("lake", "read", path, "--columns", "nosuch")
    assert refused.code != 0 and "\x1b" not in refused.stderr, refused


# Homes


def test_looking_into_a_path_needs_no_home(
    spillway: Program, table: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    away = spillway.with_environment(SPILLWAY_HOME="/proc/nowhere")
    for verb in ("show", "schema", "history", "read"):
        away.done("lake", verb, table)
    away.fails("lake", "show", "t", error_class="FILE_UNUSABLE")
    fresh = spillway.with_environment(SPILLWAY_HOME=str(tmp_path / "fresh"))
    fresh.done("lake", "show", table)
    assert not (tmp_path / "fresh").exists()
    (spillway.home / "spillway" / "state.db").write_bytes(b"garbage" * 1000)
    spillway.done("lake", "show", table)


def checks(outcome: Outcome) -> dict[str, dict[str, str]]:
    return {line["check"]: line for line in outcome.json()}


def test_doctor_tells_all_it_can(
    spillway: Program, table: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "file").write_text("")
    for home in ("/proc/nowhere", str(tmp_path / "file")):
        outcome = spillway.run("doctor", "--home", home, "-o", "json")
        assert outcome.code == 1 and checks(outcome)["locale"]["outcome"] == "ok", outcome
    assert "Not a directory" in checks(outcome)["home"]["outcome"]
    assert checks(spillway.run("doctor", "-o", "json"))["state"]["outcome"] == "ok"
    assert "credential" in checks(spillway.run("doctor", "-o", "json"))["source t"]["note"]
    locks = spillway.home / "spillway" / "locks"
    locks.write_text("no folder")
    assert "FILE_UNUSABLE" in checks(spillway.run("doctor", "-o", "json"))["state"]["outcome"]
    locks.unlink()
    shutil.rmtree(table)
    gone = checks(spillway.run("doctor", "-o", "json"))["source t"]
    assert "SOURCE_NOT_FOUND" in gone["outcome"] and "register" not in gone["mend"], gone
    (spillway.home / "spillway" / "state.db").write_bytes(b"garbage" * 1000)
    broken = spillway.run("doctor", "-o", "json")
    assert broken.code == 1 and "STATE_CORRUPT" in checks(broken)["state"]["outcome"], broken
    assert checks(broken)["locale"]["outcome"] == "ok"


def test_doctor_makes_no_home(spillway: Program, tmp_path: pathlib.Path) -> None:
    spillway.run("doctor", "--home", tmp_path / "new")
    assert not (tmp_path / "new").exists()


# Programs that read


def test_json_all_over(spillway: Program, table: pathlib.Path) -> None:
    read = spillway.done("lake", "read", "t", "-o", "json").text.splitlines()
    assert sorted(json.loads(line)["id"] for line in read) == [1, 2, 3, 4]
    assert spillway.run("lake", "read", "t", "-o", "yaml").code == 2
    for verb in ("sync", "explain", "resync"):
        outcome = spillway.done(verb, "--all", "-o", "json")
        assert outcome.json() == []
        assert all(json.loads(line) for line in outcome.stderr.splitlines())
    told = spillway.run("source", "add", "u", table, "-o", "json")
    assert json.loads(told.stderr)["event"] == "message"
    assert "added w" in spillway.done("source", "add", "w", table).stderr


def test_every_name_is_tried(spillway: Program) -> None:
    for verb in ("get", "pause", "resume"):
        outcome = spillway.run("synced-table", verb, "local.public.a", "local.public.b")
        assert outcome.code == 1, outcome
        assert "local.public.a" in outcome.stderr and "local.public.b" in outcome.stderr, outcome
    deleted = ("synced-table", "delete", "local.public.a", "local.public.b", "--keep-table")
    assert "local.public.b" in spillway.run(*deleted).stderr


# Words


def test_mends_that_fit(spillway: Program, table: pathlib.Path) -> None:
    for verb in ("show", "remove"):
        mend = spillway.fails("source", verb, "nosuch", error_class="SOURCE_NOT_FOUND").mend
        assert "source list" in mend and "add" not in mend
    folder = spillway.home / "beside"
    shutil.copytree(table, folder)
    mend = spillway.fails("lake", "show", "beside", error_class="SOURCE_NOT_FOUND").mend
    assert "./beside" in mend
    assert "does not run" in spillway.done("pg", "stop").stderr


@pytest.fixture
def shop(spillway: Program, database_15: Database, table: pathlib.Path) -> Program:
    """Synced tables shop.public.one and shop.public.two of the table, the second from its folder."""
    program = spillway.with_environment(**database_15.environment)
    program.done("target", "add", "shop", database_15.url())
    for name, source in (("one", "t"), ("two", str(table))):
        create = ("synced-table", "create", f"shop.public.{name}", "--from", source)
        program.done(*create, "--primary-key", "id")
    return program


def test_lists_stay_lists(shop: Program) -> None:
    for verb in ("sync", "explain"):
        assert isinstance(shop.json(verb, "shop.public.one"), dict)
        for names, count in (
            (["--all"], 2),
            (["shop.public.o*"], 1),
            (["shop.public.one", "shop.public.one"], 1),
            (["shop.public.one", "shop.public.two"], 2),
        ):
            assert len(shop.json(verb, *names)) == count and isinstance(
                shop.json(verb, *names), list
            )
    assert isinstance(shop.json("synced-table", "get", "shop.public.one"), dict)
    assert len(shop.json("synced-table", "get", "shop.public.one", "shop.public.two")) == 2


def test_one_name_that_fails_stops_no_other(shop: Program) -> None:
    nosuch = "shop.public.nosuch"
    for verb, state in (("pause", "paused"), ("resume", "online")):
        outcome = shop.run("synced-table", verb, nosuch, "shop.public.one")
        assert outcome.code == 1 and nosuch in outcome.stderr, outcome
        assert shop.json("synced-table", "get", "shop.public.one")["state"] == state
    got = shop.run("synced-table", "get", nosuch, "shop.public.one", "-o", "json")
    assert got.code == 1 and [one["name"] for one in got.json()] == ["shop.public.one"], got
    names = (nosuch, "shop.public.one")
    assert shop.run("synced-table", "delete", *names, "--keep-table").code == 1
    assert [one["name"] for one in shop.json("synced-table", "list")] == ["shop.public.two"]


def test_the_version_served_stays_in_the_list(shop: Program, table: pathlib.Path) -> None:
    deltalake.write_deltalake(str(table), pa.table({"id": [1], "v": ["twice"]}), mode="append")
    assert shop.run("sync", "shop.public.one").code == 1
    listed = {one["name"]: one for one in shop.json("synced-table", "list")}
    assert listed["shop.public.one"]["last_run"] == "failed"
    assert listed["shop.public.one"]["version"] == 1


def test_doctor_tells_of_targets_and_of_sources_without_names(
    shop: Program, table: pathlib.Path
) -> None:
    told = checks(shop.run("doctor", "-o", "json"))
    assert "can be written" in told["target shop"]["note"]
    assert "credential" in told[f"source {table}"]["note"]


def test_a_name_too_long_for_a_table(shop: Program) -> None:
    create = ("synced-table", "create", f"shop.public.{'x' * 64}", "--from", "t")
    mend = shop.fails(*create, error_class="IDENTIFIER_COLLISION").mend
    assert "another name" in mend and "column" not in mend


def test_deletes_asked_for_on_a_terminal(shop: Program, table: pathlib.Path) -> None:
    asked = "[keep/drop/CANCEL]"
    converse(shop, ["synced-table", "delete", "shop.public.one"], [(asked, "\n")], 5)
    assert len(shop.json("synced-table", "list")) == 2
    converse(shop, ["synced-table", "delete", "shop.public.one"], [(asked, "keep\n")])
    converse(shop, ["synced-table", "delete", "shop.public.two", "--drop-table", "-y"], [])
    assert shop.json("synced-table", "list") == []


@pytest.mark.parametrize("name", ["NO", "True", "0x1F", "1_000", "~"])
def test_yaml_keeps_texts_that_look_like_something_else(
    spillway: Program, table: pathlib.Path, name: str
) -> None:
    spillway.done("source", "add", name, table)
    assert f'name: "{name}"' in spillway.done("source", "show", name, "-o", "yaml").text


def test_yaml_is_read_back_as_it_is(spillway: Program, tmp_path: pathlib.Path) -> None:
    points = [*range(1, 0x21), *range(0x7E, 0xA2), 0x3B1, 0x2028, 0x2029, 0xD7FF, 0xE000, 0xFDD0]
    points += [0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF, 0x1F600, 0x1FFFE, 0x10FFFF]
    texts = [text for c in map(chr, points) for text in (c, f"a{c}b", f"{c} 1", f"- {c}")]
    texts += ["k" * 2000, "x" * 5000, "1e3", "0o7", "1_000", "<<", "=", "1:30", "2024-01-01"]
    path = tmp_path / "t"
    deltalake.write_deltalake(str(path), pa.table({"v": ["a"]}))
    commit = path / "_delta_log" / "00000000000000000000.json"
    lines = [json.loads(line) for line in commit.read_text().splitlines()]
    for line in lines:
        if "metaData" in line:
            line["metaData"]["configuration"] = {f"p{text}": text for text in texts}
    commit.write_text("\n".join(map(json.dumps, lines)))
    shown = spillway.done("lake", "show", path, "-o", "yaml").stdout
    assert yaml.safe_load(shown.decode())["properties"] == {f"p{t}": t for t in texts}
    where = "v IN ({})".format(", ".join("'" + text.replace("'", "''") + "'" for text in texts))
    spillway.done(
        "synced-table", "create", "local.public.t", "--from", path, "--where", where, "--no-sync"
    )
    spillway.run("pg", "stop")
    exported = yaml.safe_load(spillway.done("export", "--all").stdout.decode())
    assert exported["synced_tables"]["local.public.t"]["where"] == where


def test_a_dumb_terminal_gets_lines(
    spillway: Program, database_15: Database, table: pathlib.Path
) -> None:
    program = spillway.with_environment(**database_15.environment)
    program.done("target", "add", "shop", database_15.url())
    create = ["synced-table", "create", "shop.public.t", "--from", "t"]
    assert "\x1b" not in converse(program, create, [], terminal="dumb")
    assert "\x1b[K" in converse(program, ["resync", "shop.public.t"], [])


def test_a_wait_of_no_time_looks_once(spillway: Program, database_15: Database, table: pathlib.Path) -> None:
    program = spillway.with_environment(**database_15.environment)
    program.done("target", "add", "shop", database_15.url())
    program.done("synced-table", "create", "shop.public.t", "--from", "t", "--no-sync")
    wait = ("synced-table", "wait", "shop.public.t", "--version", "1", "--timeout", "0s")
    assert "it reflects nothing yet" in program.run(*wait).stderr
    program.done("sync", "shop.public.t")
    program.done(*wait)
