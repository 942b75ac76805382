"""Syncs that are stopped, killed or doubled."""

from __future__ import annotations

import pathlib
import shutil
import signal
import time

import pytest

from e2e.shop import append, create, ids, sync, with_target
from emulators.postgres import Database
from program import Program
from scenarios.runner import stages


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
@pytest.mark.parametrize(
    "point", ["observe.source", "fence.after", "stage.create.after", "task.batch", "index.before"]
)
def test_interrupted(
    shop_15: Program, database_15: Database, wide: pathlib.Path, sent: signal.Signals, point: str
) -> None:
    """Old rows still served, nothing left behind, within a second or so; the next sync completes."""
    create(shop_15, wide, "--primary-key", "id")
    append(wide, 200_000)
    armed = shop_15.with_environment(SPILLWAY_FAILPOINTS=f"{point}=1*stop")
    process = armed.start("sync", "shop.public.t", "-o", "json", "--progress", "none")
    assert process.wait_until_stopped()
    began = time.monotonic()
    process.send(sent)
    process.send(signal.SIGCONT)
    outcome = process.wait(20)
    assert outcome.code == 128 + sent, outcome
    assert time.monotonic() - began < 3, f"took long to stop: {outcome}"
    assert outcome.failure().error_class == "CANCELLED", outcome
    assert database_15.query("SELECT count(*) FROM public.t") == [(200_000,)]
    assert not stages(database_15), outcome
    sync(shop_15)
    assert database_15.query("SELECT count(*) FROM public.t") == [(200_001,)]


def test_a_group_is_interrupted_in_the_time_of_one(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    """Stages that cannot be taken away now do not keep the user waiting one after the other."""
    names = [f"t{i}" for i in range(5)]
    for name in names:
        create(shop_15, lake, "--primary-key", "id", "--group", "g", "--no-sync", table=name)
    armed = shop_15.with_environment(SPILLWAY_FAILPOINTS="publish.begin=1*stop")
    process = armed.start("sync", "--all", "-o", "json", "--progress", "none")
    assert process.wait_until_stopped()
    with database_15.connect() as other, other.transaction():
        other.execute("LOCK TABLE spillway.stage")
        began = time.monotonic()
        process.send(signal.SIGINT)
        process.send(signal.SIGCONT)
        outcome = process.wait(20)
        assert time.monotonic() - began < 2, f"took long to stop: {outcome}"
    assert outcome.code == 130, outcome
    shop_15.done("sync", "--all")
    assert all(ids(database_15, name) == [1, 2, 3] for name in names)
    assert not stages(database_15)


@pytest.mark.parametrize("after", [0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6])
def test_killed(shop_15: Program, database_15: Database, wide: pathlib.Path, after: float) -> None:
    """kill -9 at any time: the target holds the old rows or the new; the next run cleans up and completes."""
    create(shop_15, wide, "--primary-key", "id", "--no-sync")
    process = shop_15.start("sync", "shop.public.t", "--progress", "none")
    time.sleep(after)
    process.send(signal.SIGKILL)
    process.wait(20, crash_allowed=True)
    if database_15.query("SELECT to_regclass('public.t')") != [(None,)]:
        assert database_15.query("SELECT count(*) FROM public.t") == [(200_000,)]
    sync(shop_15)
    assert database_15.query("SELECT count(*), count(DISTINCT id) FROM public.t") == [
        (200_000, 200_000)
    ]
    assert not stages(database_15)


def test_a_killed_resync_is_cleaned_up_though_nothing_changed(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    create(shop_15, lake, "--primary-key", "id")
    killed = shop_15.with_environment(SPILLWAY_FAILPOINTS="index.before=kill")
    killed.run("resync", "shop.public.t", "--yes", crash_allowed=True)
    assert stages(database_15)
    assert shop_15.json("runs", "list")[0]["state"] == "interrupted"
    assert sync(shop_15) == "nothing"
    assert not stages(database_15) and ids(database_15) == [1, 2, 3]
    state = "SELECT state FROM spillway.status"
    assert database_15.query(state) == [("online",)]

    # One that another machine is loading stays.
    running = shop_15.with_environment(SPILLWAY_FAILPOINTS="index.before=1*stop").start(
        "resync", "shop.public.t", "--yes"
    )
    assert running.wait_until_stopped()
    assert sync(twin_of(shop_15)) == "nothing" and stages(database_15)
    running.send(signal.SIGCONT)
    assert running.wait().code == 0
    assert not stages(database_15)


def twin_of(program: Program) -> Program:
    """The program on another machine, with a copy of the home."""
    home = program.home.parent / f"{program.home.name}-twin"
    shutil.copytree(program.home / "spillway", home / "spillway")
    return Program(home, {**program.environment, "SPILLWAY_HOME": str(home / "spillway")})


def test_two_runs_at_once(shop_15: Program, database_15: Database, wide: pathlib.Path) -> None:
    create(shop_15, wide, "--primary-key", "id", "--no-sync")
    armed = shop_15.with_environment(SPILLWAY_FAILPOINTS="task.begin=1*stop")
    first = armed.start("sync", "shop.public.t", "-o", "json", "--progress", "none")
    assert first.wait_until_stopped()
    second = shop_15.run("sync", "shop.public.t", "-o", "json", "--progress", "none")
    assert second.code == 4, second
    failure = second.failure()
    assert failure.error_class == "RUN_IN_PROGRESS"
    assert failure.details["pid"] == str(first.pid)
    first.send(signal.SIGCONT)
    assert first.wait().code == 0
    assert database_15.query("SELECT count(*) FROM public.t") == [(200_000,)] and not stages(
        database_15
    )


def test_two_homes_at_once_are_fenced(
    spillway: Program, database_15: Database, wide: pathlib.Path
) -> None:
    """Two machines with a copy of one home: one fence wins, the rows are whole."""
    first = with_target(spillway, database_15)
    create(first, wide, "--primary-key", "id", "--no-sync")
    second = twin_of(first)
    runs = [
        p.start("sync", "shop.public.t", "-o", "json", "--progress", "none")
        for p in (first, second)
    ]
    for outcome in [run.wait() for run in runs]:
        assert outcome.code in (0, 1, 4), outcome
        if outcome.code == 1:
            assert outcome.failure().error_class in ("FENCED", "COMMIT_UNKNOWN"), outcome
    assert sync(first) in ("nothing", "synced")
    assert database_15.query("SELECT count(*), count(DISTINCT id) FROM public.t") == [
        (200_000, 200_000)
    ]
    assert not stages(database_15)


def test_a_signal_that_is_repeated_at_once_is_one(
    shop_15: Program, database_15: Database, wide: pathlib.Path
) -> None:
    """timeout(1) signals a process and then its group."""
    create(shop_15, wide, "--primary-key", "id")
    append(wide, 200_000)
    armed = shop_15.with_environment(SPILLWAY_FAILPOINTS="task.batch=1*stop")
    process = armed.start("sync", "shop.public.t", "-o", "json", "--progress", "none")
    assert process.wait_until_stopped()
    process.send(signal.SIGTERM)
    process.send(signal.SIGCONT)
    process.send(signal.SIGINT)
    outcome = process.wait(20)
    assert outcome.failure().error_class == "CANCELLED", outcome
    assert not stages(database_15), outcome
    assert shop_15.json("runs", "list")[0]["state"] == "cancelled"


@pytest.mark.parametrize(
    "ignored, code", [(signal.SIGHUP, 0), (signal.SIGINT, 130)], ids=["nohup", "background"]
)
def test_a_signal_that_the_caller_ignores(
    shop_15: Program, wide: pathlib.Path, ignored: signal.Signals, code: int
) -> None:
    """nohup is respected. That shells ignore an interrupt for what they start in the background says nothing."""
    create(shop_15, wide, "--primary-key", "id")
    append(wide, 200_000)
    armed = shop_15.with_environment(SPILLWAY_FAILPOINTS="task.batch=1*stop")
    kept = signal.signal(ignored, signal.SIG_IGN)
    try:
        process = armed.start("sync", "shop.public.t", "-o", "json", "--progress", "none")
    finally:
        signal.signal(ignored, kept)
    assert process.wait_until_stopped()
    process.send(ignored)
    process.send(signal.SIGCONT)
    assert process.wait(60).code == code


def test_a_killed_run_is_not_shown_as_going_on(shop_15: Program, wide: pathlib.Path) -> None:
    create(shop_15, wide, "--primary-key", "id")
    append(wide, 200_000)
    armed = shop_15.with_environment(SPILLWAY_FAILPOINTS="task.batch=1*stop")
    process = armed.start("sync", "shop.public.t", "--progress", "none")
    assert process.wait_until_stopped()
    assert shop_15.json("synced-table", "get", "shop.public.t")["state"] == "updating"
    process.send(signal.SIGKILL)
    process.wait(20, crash_allowed=True)
    assert shop_15.json("synced-table", "get", "shop.public.t")["state"] == "online"
    assert shop_15.json("runs", "list")[0]["state"] == "interrupted"


def test_a_table_that_is_gone_is_told(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    create(shop_15, lake, "--primary-key", "id")
    database_15.query("DROP TABLE public.t")
    assert shop_15.json("synced-table", "get", "shop.public.t")["state"] == "failed"
    database_15.query("CREATE TABLE public.t (note text)")
    refused = shop_15.fails(
        "synced-table", "delete", "shop.public.t", "--drop-table", error_class="TARGET_CHANGED"
    )
    assert "not dropped" in refused.message
    shop_15.done("synced-table", "delete", "shop.public.t", "--keep-table")
    assert database_15.query("SELECT count(*) FROM public.t") == [(0,)]


def test_what_was_never_published_is_not_dropped(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    create(shop_15, lake, "--primary-key", "id", "--no-sync")
    database_15.query("CREATE TABLE public.t (note text)")
    shop_15.fails(
        "synced-table", "delete", "shop.public.t", "--drop-table", error_class="TARGET_CHANGED"
    )
    shop_15.done("synced-table", "delete", "shop.public.t", "--keep-table")
