"""Servers that are down, cut off, locked, read only or strangely set."""

from __future__ import annotations

import json
import pathlib
import time
from collections.abc import Callable

import pytest

from e2e.shop import append, create, ids, sync, with_target
from emulators.gate import Gate
from emulators.postgres import PASSWORD, Database
from oracle import compare, golden, postgres
from program import Program
from scenarios.runner import stages

Tables = Callable[[str], pathlib.Path]


def test_server_down(
    shop_15: Program,
    spillway: Program,
    lake: pathlib.Path,
    gate: Callable[[int], Gate],
    database_15: Database,
) -> None:
    create(shop_15, lake, "--primary-key", "id")
    opened = gate(database_15.cluster.port)
    shop_15.done("target", "add", "far", database_15.url(port=opened.port))
    opened.set(refuse=True)
    began = time.monotonic()
    shop_15.fails(
        "synced-table",
        "create",
        "far.public.u",
        "--from",
        lake,
        error_class="CONNECTION_ERROR",
        timeout=60,
    )
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("limit", [2_000, 50_000, 1_000_000])
def test_connection_cut_while_loading(
    spillway: Program,
    database_15: Database,
    wide: pathlib.Path,
    gate: Callable[[int], Gate],
    limit: int,
) -> None:
    """A lost connection is an error or is retried; a later run completes; no row is doubled."""
    opened = gate(database_15.cluster.port)
    program = with_target(spillway, database_15, opened.port)
    program.done("synced-table", "create", "shop.public.t", "--from", wide, "--no-sync")
    opened.set(cut_after_client_bytes=limit)
    outcome = program.run("sync", "shop.public.t", "-o", "json", "--progress", "none")
    assert outcome.code in (0, 1), outcome
    if outcome.code == 1:
        assert outcome.failure().error_class in ("CONNECTION_ERROR", "COMMIT_UNKNOWN"), outcome
    opened.set()
    sync(program)
    assert database_15.query("SELECT count(*), count(DISTINCT id) FROM public.t") == [
        (200_000, 200_000)
    ]
    assert not stages(database_15)


def test_wrong_password(spillway: Program, database_15: Database, lake: pathlib.Path) -> None:
    program = spillway.with_environment(PGPASSWORD="wrong")
    program.done("target", "add", "shop", database_15.url())
    program.fails(
        "synced-table",
        "create",
        "shop.public.t",
        "--from",
        lake,
        error_class="TARGET_AUTHENTICATION",
    )


def test_role_without_permission(
    spillway: Program, database_15: Database, lake: pathlib.Path
) -> None:
    database_15.query("DROP ROLE IF EXISTS weak")
    quoted = PASSWORD.replace("'", "''")
    database_15.query(f"CREATE ROLE weak LOGIN PASSWORD '{quoted}'")
    program = spillway.with_environment(**database_15.environment)
    program.done("target", "add", "shop", database_15.url(user="weak"))
    failure = program.fails(
        "synced-table", "create", "shop.public.t", "--from", lake, error_class="TARGET_PERMISSION"
    )
    assert failure.mend


def test_a_locked_table_is_waited_for_in_bounds(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    create(shop_15, lake, "--primary-key", "id", "--lock-timeout", "1s")
    append(lake, 4)
    with database_15.connect() as holder:
        holder.autocommit = False
        holder.execute("SELECT * FROM public.t")
        failure = shop_15.fails(
            "sync", "shop.public.t", error_class="LOCK_TIMEOUT", codes=(1,), timeout=30
        )
        pid = holder.info.backend_pid
        assert str(pid) in failure.message + json.dumps(failure.details), failure.outcome
    assert ids(database_15) == [1, 2, 3] and not stages(database_15)
    assert sync(shop_15) == "synced" and ids(database_15) == [1, 2, 3, 4]


def test_timeout_bounds_the_whole_sync(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    create(shop_15, lake, "--primary-key", "id", "--timeout", "2s", "--lock-timeout", "1m")
    append(lake, 4)
    with database_15.connect() as holder, holder.transaction():
        holder.execute("SELECT * FROM public.t")
        began = time.monotonic()
        shop_15.fails("sync", "shop.public.t", error_class="DEADLINE_EXCEEDED", timeout=30)
        assert 1.5 < time.monotonic() - began < 15
    assert ids(database_15) == [1, 2, 3] and not stages(database_15)
    assert sync(shop_15) == "synced" and ids(database_15) == [1, 2, 3, 4]


@pytest.mark.parametrize(("flags", "code"), [((), 0), (("--retries", "0"), 1)])
def test_a_task_is_retried(
    shop_15: Program,
    database_15: Database,
    lake: pathlib.Path,
    flags: tuple[str, ...],
    code: int,
) -> None:
    create(shop_15, lake, "--primary-key", "id", "--no-sync", *flags)
    once = shop_15.with_environment(SPILLWAY_FAILPOINTS="task.batch=error-once")
    assert once.run("sync", "shop.public.t").code == code
    assert not stages(database_15)
    assert (database_15.query("SELECT to_regclass('public.t')") == [(None,)]) == bool(code)


def test_read_only_database(shop_15: Program, database_15: Database, lake: pathlib.Path) -> None:
    name = database_15.name
    database_15.query(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    create(shop_15, lake, "--primary-key", "id")
    assert ids(database_15) == [1, 2, 3]


def test_hostile_session_settings_do_not_matter(
    shop_15: Program, database_15: Database, tables: Tables
) -> None:
    """The database's own defaults change how values are read and written; a sync pins what it needs."""
    for setting in (
        "DateStyle = 'SQL, DMY'",
        "TimeZone = 'Asia/Kathmandu'",
        "IntervalStyle = 'sql_standard'",
        "bytea_output = 'escape'",
        "extra_float_digits = -10",
        "search_path = 'nowhere'",
        "standard_conforming_strings = off",
        "default_transaction_isolation = 'serializable'",
        "statement_timeout = '10ms'",
        "lock_timeout = '1ms'",
        "row_security = on",
        "idle_in_transaction_session_timeout = '5ms'",
        "default_tablespace = ''",
    ):
        database_15.query(f'ALTER DATABASE "{database_15.name}" SET {setting}')
    want = golden.rows("dv")
    create(shop_15, tables("dv"), "--primary-key", "id")
    with database_15.connect() as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute("SET TimeZone = 'UTC'")
        got = postgres.table(connection, "public", "t", want)
    compare.assert_equal(got, postgres.as_jsonb(want), ["id"])
