"""Many synced tables at once: patterns, pauses, groups, runs and what is told about them."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import pathlib
import sqlite3
import threading
import time

import deltalake
import psycopg
import pyarrow as pa
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from e2e.shop import with_target
from emulators.gate import Gate
from emulators.postgres import Database
from program import Outcome, Program


@pytest.fixture
def shop(spillway: Program, database_15: Database) -> Program:
    program = spillway.with_environment(**database_15.environment)
    program.done("target", "add", "shop", database_15.url())
    return program


def source(folder: pathlib.Path, *keys: int | None) -> pathlib.Path:
    values = pa.table({"id": pa.array(keys, pa.int64()), "name": [f"n{key}" for key in keys]})
    deltalake.write_deltalake(str(folder), values)
    return folder


def replace(folder: pathlib.Path, *keys: int | None) -> None:
    values = pa.table({"id": pa.array(keys, pa.int64()), "name": [f"n{key}" for key in keys]})
    deltalake.write_deltalake(str(folder), values, mode="overwrite")


def define(program: Program, table: str, folder: pathlib.Path, *flags: str) -> None:
    name = f"shop.public.{table}"
    program.done(
        "synced-table", "create", name, "--from", folder, "--primary-key", "id", "--no-sync", *flags
    )


def outcomes(outcome: Outcome) -> dict[str, str]:
    listed = outcome.json()
    return {one["synced_table"].rpartition(".")[2]: one["outcome"] for one in listed}


def count(database: Database, table: str) -> int:
    return int(database.query(f"SELECT count(*) FROM public.{table}")[0][0])


def test_one_poisoned_table_among_many(
    shop: Program, database_15: Database, tmp_path: pathlib.Path
) -> None:
    for number in range(100):
        keys = (1, 1, None) if number == 42 else (1, 2, 3)
        define(shop, f"t{number}", source(tmp_path / str(number), *keys))
    said = shop.run("sync", "--all", "--progress", "none", timeout=300)
    assert said.code == 1
    assert "99 synced, 1 failed" in said.stderr
    assert "PRIMARY_KEY_CONSTRAINT_VIOLATION" in said.stderr
    assert "t42" in said.stderr
    arrived = database_15.query(
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 't%'"
    )
    assert int(arrived[0][0]) == 99
    assert count(database_15, "t99") == 3


def test_patterns_and_pauses(shop: Program, database_15: Database, tmp_path: pathlib.Path) -> None:
    for table in ("orders", "orders_old", "products"):
        define(shop, table, source(tmp_path / table, 1, 2))
    shop.done("synced-table", "pause", "shop.public.orders_old")
    got = shop.done("synced-table", "get", "shop.public.orders_old", "-o", "json").json()
    assert got["state"] == "paused"
    done = shop.done("sync", "shop.public.orders*", "-o", "json")
    assert outcomes(done) == {"orders": "done", "orders_old": "skipped"}
    refused = shop.run("sync", "shop.public.orders_old")
    assert refused.code == 1
    assert "SYNCED_TABLE_PAUSED" in refused.stderr
    shop.done("synced-table", "resume", "shop.public.orders_old")
    assert outcomes(shop.done("sync", "--all", "-o", "json")) == {
        "orders": "nothing to do",
        "orders_old": "done",
        "products": "done",
    }
    nothing = shop.run("sync", "other.*")
    assert nothing.code == 1
    assert "SYNCED_TABLE_NOT_FOUND" in nothing.stderr


def test_a_group_is_published_as_one(
    shop: Program, database_15: Database, tmp_path: pathlib.Path
) -> None:
    folders = [source(tmp_path / name, 0) for name in ("heads", "lines")]
    for folder in folders:
        define(shop, folder.name, folder, "--group", "orders")
    told = shop.done("sync", "shop.public.heads").stderr
    assert "orders of shop is published as one, so these are synced too: shop.public.lines" in told
    assert count(database_15, "lines") == 1  # brought along
    for arguments in (["resync", "shop.public.heads", "--dry-run"], ["resync", "shop.public.heads"]):
        assert "these are rebuilt too: shop.public.lines" in shop.done(*arguments).stderr
    assert "published as one" not in shop.done("sync", "shop.public.*").stderr

    wrong: list[tuple[int, int]] = []
    stop = threading.Event()

    def read() -> None:
        with database_15.connect() as connection:
            while not stop.is_set():
                try:
                    row = connection.execute(
                        "SELECT (SELECT max(id) FROM heads), (SELECT max(id) FROM lines)"
                    ).fetchone()
                    connection.commit()
                except psycopg.errors.UndefinedTable:
                    connection.rollback()
                    continue
                if row is not None and row[0] != row[1]:
                    wrong.append((row[0], row[1]))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(1, 8):
            for folder in folders:
                replace(folder, number)
            shop.done("sync", "shop.public.lines", "--allow-deletes", "--progress", "none")
    finally:
        stop.set()
        reader.join()
    assert wrong == []

    replace(folders[0], 9)
    replace(folders[1], 9, 9)
    failed = shop.run("sync", "--all", "--allow-deletes", "--progress", "none")
    assert failed.code == 1
    assert "GROUP_NOT_PUBLISHED" in failed.stderr
    assert "PRIMARY_KEY_CONSTRAINT_VIOLATION" in failed.stderr
    assert database_15.query("SELECT max(id) FROM heads")[0][0] == 7


def test_runs_and_metrics(shop: Program, tmp_path: pathlib.Path) -> None:
    good, bad = source(tmp_path / "good", 1, 2), source(tmp_path / "bad", 1, 1)
    define(shop, "good", good)
    define(shop, "bad", bad)
    shop.run("sync", "--all")
    shop.done("sync", "shop.public.good")
    runs = shop.done("runs", "list", "-o", "json").json()
    assert [(run["synced_table"], run["state"]) for run in runs] == [
        ("shop.public.good", "nothing_to_do"),
        ("shop.public.good", "succeeded"),
        ("shop.public.bad", "failed"),
    ]
    failed = shop.done("runs", "show", runs[2]["run"][:10], "-o", "json").json()
    assert failed["error"]["class"] == "PRIMARY_KEY_CONSTRAINT_VIOLATION"
    loaded = shop.done("runs", "show", runs[1]["run"], "-o", "json").json()
    assert loaded["rows"] == 2
    assert [loaded[f"rows_{what}"] for what in ("inserted", "updated", "deleted", "rejected")] == [
        2, 0, 0, 0,
    ]  # fmt: skip
    assert list(loaded["phases_ms"]) == ["observe", "fence", "plan", "load", "index", "publish"]
    assert failed["failed_in"] == "index"
    assert list(failed["phases_ms"]) == ["observe", "fence", "plan", "load", "index"]
    only = shop.done("runs", "list", "shop.public.bad", "-o", "json").json()
    assert len(only) == 1
    assert shop.json("runs", "list", "shop.public.*", "--limit", "2") == runs[:2]
    assert shop.json("runs", "list", "shop.public.*", "--limit", "0") == runs
    assert shop.run("runs", "show", "no-such").code == 1

    families = {
        family.name: family
        for family in text_string_to_metric_families(shop.done("metrics").text)
    }
    states = {
        (sample.labels["synced_table"], sample.labels["spillway_synced_table_state"]): sample.value
        for sample in families["spillway_synced_table_state"].samples
    }
    assert states[("shop.public.bad", "failed")] == 1
    assert states[("shop.public.good", "online")] == 1
    failures = {
        sample.labels["synced_table"]: sample.value
        for sample in families["spillway_synced_table_failed_runs"].samples
    }
    assert failures == {"shop.public.bad": 1, "shop.public.good": 0}


def test_rejected_rows_are_counted_in_runs_and_metrics(
    shop: Program, tmp_path: pathlib.Path
) -> None:
    define(shop, "t", source(tmp_path / "t", 1, 2, 2, None), "--on-bad-row", "reject")
    shop.done("sync", "shop.public.t")
    run = shop.done("runs", "list", "-o", "json").json()[0]["run"]
    shown = shop.done("runs", "show", run, "-o", "json").json()
    assert (shown["rows"], shown["rows_rejected"]) == (1, 3)
    families = {
        family.name: family
        for family in text_string_to_metric_families(shop.done("metrics").text)
    }
    rejected = families["spillway_synced_table_rejected_rows"].samples
    assert [(one.labels["synced_table"], one.value) for one in rejected] == [("shop.public.t", 3)]


def test_wait(shop: Program, tmp_path: pathlib.Path) -> None:
    folder = source(tmp_path / "t", 1)
    define(shop, "t", folder)
    late = shop.run("synced-table", "wait", "shop.public.t", "--latest", "--timeout", "300ms")
    assert late.code == 1
    assert "DEADLINE_EXCEEDED" in late.stderr
    waiter = shop.start("synced-table", "wait", "shop.public.t", "--latest", "--timeout", "30s")
    shop.done("sync", "shop.public.t")
    assert waiter.wait(timeout=30).code == 0
    shop.done("synced-table", "wait", "shop.public.t", "--version", "0")


def test_resync_loads_again(shop: Program, database_15: Database, tmp_path: pathlib.Path) -> None:
    define(shop, "t", source(tmp_path / "t", 1, 2))
    shop.done("sync", "shop.public.t")
    database_15.query("UPDATE public.t SET name = 'by hand' RETURNING id")
    assert "nothing to do" in shop.done("sync", "shop.public.t").text
    shop.done("resync", "shop.public.t", "--dry-run")
    shop.done("resync", "shop.public.t")
    assert [row[0] for row in database_15.query("SELECT name FROM t ORDER BY id")] == ["n1", "n2"]


def test_another_machine_holds_the_table(
    shop: Program, database_15: Database, tmp_path: pathlib.Path
) -> None:
    """Two homes stand for two machines: what one holds, the other is told of."""
    define(shop, "t", source(tmp_path / "t", 1, 2))
    held = shop.with_environment(SPILLWAY_FAILPOINTS="task.begin=sleep(3000)")
    other_home = tmp_path / "other"
    other = shop.with_environment(SPILLWAY_HOME=str(other_home))
    copy_home(shop.home / "spillway", other_home)
    running = held.start("sync", "shop.public.t")
    try:
        deadline = time.monotonic() + 20
        while not database_15.query(
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"
        ):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        refused = other.run("sync", "shop.public.t")
        assert refused.code == 4
        assert "RUN_IN_PROGRESS" in refused.stderr
        assert "pid" in refused.stderr
    finally:
        assert running.wait(timeout=60).code == 0
    assert "nothing to do" in other.done("sync", "shop.public.t").text


def copy_home(home: pathlib.Path, to: pathlib.Path) -> None:
    to.mkdir()
    for path in home.iterdir():
        if path.is_file():
            (to / path.name).write_bytes(path.read_bytes())
            (to / path.name).chmod(0o600)


def test_log_format_json(shop: Program, tmp_path: pathlib.Path) -> None:
    define(shop, "t", source(tmp_path / "t", 1, 1))
    said = shop.run("--log-format", "json", "sync", "shop.public.t")
    lines = [json.loads(line) for line in said.stderr.splitlines()]
    assert all({"time", "level"} <= line.keys() for line in lines)
    assert lines[-1]["level"] == "error"
    assert lines[-1]["class"] == "PRIMARY_KEY_CONSTRAINT_VIOLATION"
    assert any(line.get("event") == "phase_started" for line in lines)


def test_applications_read_the_status_and_are_notified(
    shop: Program, database_15: Database, tmp_path: pathlib.Path
) -> None:
    define(shop, "t", source(tmp_path / "t", 1, 2))
    with database_15.connect() as listener:
        listener.execute("LISTEN spillway")
        shop.done("sync", "shop.public.t")
        told = next(listener.notifies(timeout=10))
    event = json.loads(told.payload)
    assert event["event"] == "published"
    assert (event["schema"], event["table"], event["version"]) == ("public", "t", 0)
    assert database_15.query(
        "SELECT table_name, state, version, rows, rejected_rows, age >= interval '0'"
        " FROM spillway.status"
    ) == [("t", "online", 0, 2, 0, True)]
    broken = shop.with_environment(SPILLWAY_FAILPOINTS="task.begin=kill")
    replace(tmp_path / "t", 1, 2, 3)
    broken.run("sync", "shop.public.t", crash_allowed=True)
    assert database_15.query("SELECT state FROM spillway.status") == [("updating",)]
    shop.done("sync", "shop.public.t")
    assert database_15.query("SELECT state, version FROM spillway.status") == [("online", 1)]


def test_the_status_tells_failures_and_pauses(
    shop: Program, database_15: Database, tmp_path: pathlib.Path
) -> None:
    status = "SELECT table_name, state, version, error_class, error FROM spillway.status"
    define(shop, "t", source(tmp_path / "t", 1, 2))
    shop.done("sync", "shop.public.t")
    away = (tmp_path / "t").rename(tmp_path / "away")
    shop.fails("sync", "shop.public.t", error_class="SOURCE_NOT_FOUND")
    [(table, state, version, error_class, error)] = database_15.query(status)
    assert (table, state, version, error_class) == ("t", "failed", 0, "SOURCE_NOT_FOUND")
    assert str(tmp_path / "t") in error
    away.rename(tmp_path / "t")
    shop.done("sync", "shop.public.t")
    assert database_15.query(status) == [("t", "online", 0, None, None)]

    define(shop, "u", source(tmp_path / "u", 1, 1))
    shop.run("sync", "shop.public.u")
    failed = status + " WHERE table_name = 'u'"
    assert [row[1:4] for row in database_15.query(failed)] == [
        ("failed", None, "PRIMARY_KEY_CONSTRAINT_VIOLATION")
    ]
    replace(tmp_path / "u", 1, 2)
    shop.done("sync", "shop.public.u")
    assert database_15.query(failed) == [("u", "online", 1, None, None)]

    shop.done("synced-table", "pause", "shop.public.t")
    assert database_15.query(status + " ORDER BY 1")[0][:3] == ("t", "paused", 0)
    shop.done("synced-table", "resume", "shop.public.t")
    assert database_15.query(status + " ORDER BY 1")[0][:3] == ("t", "online", 0)
    shop.done("synced-table", "delete", "shop.public.t", "--drop-table")
    assert database_15.query("SELECT table_name FROM spillway.status") == [("u",)]


def test_a_pause_whose_target_is_away_holds_and_says_so(
    spillway: Program, database_15: Database, tmp_path: pathlib.Path
) -> None:
    gate = Gate(database_15.cluster.port)
    shop = with_target(spillway, database_15, gate.port)
    define(shop, "t", source(tmp_path / "t", 1, 2))
    shop.done("sync", "shop.public.t")
    gate.close()
    said = shop.done("synced-table", "pause", "shop.public.t")
    assert "spillway.status does not show it" in said.stderr
    shop.fails("sync", "shop.public.t", error_class="SYNCED_TABLE_PAUSED", codes=(1,))


def rewrite_definition(home: pathlib.Path, name: str, definition: str) -> None:
    """Puts another definition into the state, as another release would have written it."""
    with contextlib.closing(sqlite3.connect(next(home.rglob("state.db")))) as state:
        columns = "id, name, target, schema_name, table_name, source, definition, created_us, changed_us"
        row = list(
            state.execute(f"SELECT {columns} FROM synced_table WHERE name = ?", (name,)).fetchone()
        )
        row[6] = definition
        text = "synced_table" + "".join(
            f"\ni{value}" if isinstance(value, int) else f"\nt{len(value.encode())}:{value}"
            for value in row
        )
        checksum = hashlib.sha256(text.encode()).hexdigest()[:16]
        state.execute(
            "UPDATE synced_table SET definition = ?, checksum = ? WHERE name = ?",
            (definition, checksum, name),
        )
        state.commit()


def test_what_cannot_be_understood_stops_no_other_table(
    shop: Program, database_15: Database, tmp_path: pathlib.Path
) -> None:
    for table in ("a", "b", "c"):
        define(shop, table, source(tmp_path / table, 1, 2))
    rewrite_definition(shop.home, "shop.public.b", '{"from": "a later release"}')
    said = shop.run("sync", "shop.public.a", "shop.public.typo", "shop.public.c", "-o", "json")
    assert said.code == 1
    assert outcomes(said) == {"a": "done", "typo": "failed", "c": "done"}
    assert said.json()[1]["error"]["class"] == "SYNCED_TABLE_NOT_FOUND"
    said = shop.run("sync", "--all", "-o", "json")
    assert outcomes(said) == {"a": "nothing to do", "b": "failed", "c": "nothing to do"}
    assert said.code == 2, "the code that all failures share"
    assert said.json()[1]["error"]["class"] == "INVALID_DEFINITION"
    assert shop.done("runs", "list", "shop.public.b", "-o", "json").json()[0]["state"] == "failed"
    listed = shop.done("synced-table", "list", "-o", "json").json()
    assert [one["state"] for one in listed] == ["online", "failed", "online"]
    explained = shop.run("explain", "shop.public.typo", "shop.public.a", "-o", "json")
    assert explained.code == 1 and explained.json()[0]["synced_table"] == "shop.public.a"
    assert count(database_15, "c") == 2


def test_only_the_culprit_of_a_group_has_an_error_of_its_own(
    shop: Program, database_15: Database, tmp_path: pathlib.Path
) -> None:
    folders = [source(tmp_path / name, 1, 2, 3) for name in ("heads", "lines", "notes")]
    for folder in folders:
        define(shop, folder.name, folder, "--group", "orders")
    shop.done("sync", "--all")
    replace(folders[0], 1, 2, 3, 4)
    replace(folders[1], 4)
    said = shop.run("sync", "--all", "-o", "json")
    assert said.code == 5, "what --allow-deletes would mend"
    errors = {one["synced_table"].rpartition(".")[2]: one["error"] for one in said.json()}
    assert {name: error["class"] for name, error in errors.items()} == {
        "heads": "GROUP_NOT_PUBLISHED",
        "lines": "TOO_MANY_DELETES",
        "notes": "GROUP_NOT_PUBLISHED",
    }
    assert errors["heads"]["details"]["failed"] == "shop.public.lines"
    assert count(database_15, "heads") == 3
    runs = shop.done("runs", "list", "shop.public.lines", "-o", "json").json()
    failed = shop.done("runs", "show", runs[0]["run"], "-o", "json").json()
    assert failed["failed_in"] == "publish"
    assert list(failed["phases_ms"]) == ["observe", "fence", "plan", "load", "index", "publish"]
    shop.done("sync", "shop.public.heads", "--allow-deletes")
    assert count(database_15, "lines") == 1


def test_a_group_may_be_larger_than_the_pool(
    shop: Program, database_15: Database, tmp_path: pathlib.Path
) -> None:
    for number in range(25):
        define(shop, f"g{number}", source(tmp_path / str(number), 1, 2), "--group", "all")
    said = shop.done("sync", "shop.public.g7", "-o", "json", timeout=240)
    assert set(outcomes(said).values()) == {"done"} and len(said.json()) == 25
    transactions = database_15.query("SELECT count(DISTINCT xmin::text) FROM spillway.position")
    assert int(transactions[0][0]) == 1


def test_a_group_is_of_one_target(
    shop: Program, database_15: Database, tmp_path: pathlib.Path
) -> None:
    shop.done("target", "add", "archive", database_15.url())
    define(shop, "heads", source(tmp_path / "heads", 1), "--group", "orders")
    create = ["synced-table", "create", "archive.public.lines", "--from", source(tmp_path / "l", 1)]
    create += ["--primary-key", "id", "--no-sync"]
    for verb in (
        [*create, "--group", "orders"],
        [*create, "--group", "orders", "--dry-run"],
    ):
        refused = shop.fails(*verb, error_class="INVALID_DEFINITION", codes=(2,))
        assert "shop.public.heads" in refused.message and refused.details["field"] == "group"
    shop.done(*create)
    shop.fails(
        "synced-table", "alter", "archive.public.lines", "--group", "orders",
        error_class="INVALID_DEFINITION", codes=(2,),
    )  # fmt: skip
    file = tmp_path / "shop.yaml"
    file.write_text(
        "version: 1\nsynced_tables:\n"
        f"  archive.public.lines: {{ source: {tmp_path / 'l'}, group: orders }}\n"
    )
    refused = shop.fails("plan", "-f", file, error_class="INVALID_DEFINITION", codes=(2,))
    assert ":3:" in refused.message and "shop.public.heads" in refused.message


def test_one_table_of_one_database_has_one_definition(
    shop: Program, database_15: Database, tmp_path: pathlib.Path
) -> None:
    folder = source(tmp_path / "t", 1)
    url = database_15.url()
    url += ("&" if "?" in url else "?") + "application_name=again"
    shop.done("target", "add", "again", url)
    define(shop, "t", folder)
    create = ["synced-table", "create", "again.public.t", "--from", folder, "--no-sync"]
    refused = shop.fails(*create, error_class="INVALID_DEFINITION", codes=(2,))
    assert "shop.public.t" in refused.message
    file = tmp_path / "shop.yaml"
    file.write_text(f"version: 1\nsynced_tables:\n  again.public.t: {{ source: {folder} }}\n")
    refused = shop.fails("plan", "-f", file, error_class="INVALID_DEFINITION", codes=(2,))
    assert "shop.public.t" in refused.message
    shop.done("synced-table", "delete", "shop.public.t", "--keep-table")
    shop.done(*create)


def test_wait_keeps_its_time_when_the_server_is_silent(
    spillway: Program, database_15: Database, tmp_path: pathlib.Path
) -> None:
    gate = Gate(database_15.cluster.port)
    shop = with_target(spillway, database_15, gate.port)
    define(shop, "t", source(tmp_path / "t", 1))
    gate.set(delay=30)
    said = shop.run("synced-table", "wait", "shop.public.t", "--version", "0", "--timeout", "1s")
    assert said.code == 1 and "DEADLINE_EXCEEDED" in said.stderr
    assert said.seconds < 5
    gate.close()


def test_zoneless_partition_values_are_of_the_zone_said(
    shop: Program, database_15: Database, tmp_path: pathlib.Path
) -> None:
    folder = tmp_path / "t"
    moment = datetime.datetime(2024, 1, 1, 8, tzinfo=datetime.UTC)
    rows = pa.table({"id": [1], "at": pa.array([moment], pa.timestamp("us", "UTC"))})
    deltalake.write_deltalake(str(folder), rows, partition_by=["at"])
    log = folder / "_delta_log" / f"{0:020}.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        if "add" in action:
            action["add"]["partitionValues"]["at"] = "2024-01-01 08:00:00"
    log.write_text("".join(json.dumps(action) + "\n" for action in actions))
    define(shop, "t", folder)

    def arrived() -> list[str]:
        shop.done("sync", "shop.public.t", "--allow-deletes")
        return [row[0] for row in database_15.query("SELECT (at AT TIME ZONE 'UTC')::text FROM t")]

    assert arrived() == ["2024-01-01 08:00:00"]
    alter = ["synced-table", "alter", "shop.public.t"]
    shop.done(*alter, "--partition-zone", "+05:30")
    assert arrived() == ["2024-01-01 02:30:00"]
    shop.done(*alter, "--where", "at = TIMESTAMP '2024-01-01T02:30:00Z'")
    assert arrived() == ["2024-01-01 02:30:00"]
    shop.done(*alter, "--where", "at = TIMESTAMP '2024-01-01T08:00:00Z'")
    assert arrived() == []
    refused = shop.fails(*alter, "--partition-zone", "Mars", error_class="INVALID_DEFINITION")
    assert refused.details["field"] == "partition_zone"
