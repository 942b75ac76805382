"""A standby's readers and a swap on the primary: waited for where the standby tells of them, else told."""

from __future__ import annotations

import contextlib
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import deltalake
import psycopg
import pyarrow as pa
import pytest

from emulators.postgres import PASSWORD, Database
from emulators.server_process import ServerProcess, free_port
from program import Program

NAME = "shop.public.products"


def rows(*ids: int) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int64()), "name": [f"n{i}" for i in ids]})


@contextlib.contextmanager
def standby(database: Database, *settings: str, slot: str = "") -> Iterator[int]:
    """A hot standby of the database's cluster, on the port that it gives."""
    cluster = database.cluster
    directory = cluster._directory / f"standby{time.monotonic_ns()}"
    cluster._run(
        *("pg_basebackup", f"--host={cluster._directory}", f"--port={cluster.port}"),
        *("--username=owner", f"--pgdata={directory}", "--checkpoint=fast", "--write-recovery-conf"),
        *(("--create-slot", f"--slot={slot}") if slot else ()),
    )
    port = free_port()
    with open(directory / "postgresql.auto.conf", "a", encoding="utf-8") as conf:
        conf.write(f"port = {port}\n" + "".join(setting + "\n" for setting in settings))
    server = ServerProcess(
        [*cluster._as_user(), str(cluster._binaries / "postgres"), "-D", str(directory)],
        cluster._directory / f"{directory.name}.log",
        port,
        env={"LC_ALL": "C"},
    )
    try:
        yield port
    finally:
        server.stop()
        if slot:
            database.query("SELECT pg_drop_replication_slot(%s)", (slot,))


def connect(database: Database, port: int) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host="127.0.0.1", port=port, dbname=database.name, user="owner", password=PASSWORD
    )


def caught_up(database: Database, port: int) -> None:
    """Waits until the standby has all that the primary wrote."""
    (position,) = database.query("SELECT pg_current_wal_lsn()::text")[0]
    for _ in range(600):
        with contextlib.suppress(psycopg.OperationalError), connect(database, port) as session:
            query = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
            if session.execute(query, (position,)).fetchone() == (True,):
                return
        time.sleep(0.05)
    raise AssertionError("the standby does not catch up")


def wait_for_report(database: Database) -> None:
    """Waits until a standby has told of its snapshots. An earlier report names the same horizon: nobody writes."""
    query = (
        "SELECT 1 FROM pg_stat_replication WHERE backend_xmin IS NOT NULL"
        " UNION ALL SELECT 1 FROM pg_replication_slots WHERE xmin IS NOT NULL"
    )
    for _ in range(600):
        if database.query(query):
            return
        time.sleep(0.05)
    raise AssertionError("the standby does not report")


@pytest.fixture
def shop(spillway: Program, database: Database) -> Program:
    program = spillway.with_environment(**database.environment)
    program.done("target", "add", "shop", database.url())
    return program


@pytest.mark.parametrize("slot", ["", "spillway_test"])
def test_a_reader_that_the_standby_tells_of_is_waited_for(
    shop: Program, database: Database, tmp_path: pathlib.Path, slot: str
) -> None:
    lake = tmp_path / "products"
    deltalake.write_deltalake(str(lake), rows(1, 2))
    shop.done("synced-table", "create", NAME, "--from", str(lake), "--primary-key", "id")
    shop.done("synced-table", "alter", NAME, "--lock-timeout", "1s")
    feedback = ("hot_standby_feedback = on", "wal_receiver_status_interval = 1s")
    with standby(database, *feedback, slot=slot) as port:
        caught_up(database, port)
        with connect(database, port) as reader:
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            reader.execute("SELECT 1")
            wait_for_report(database)
            deltalake.write_deltalake(str(lake), rows(2, 3, 4), mode="overwrite")
            said = shop.done("sync", NAME, "--progress", "plain").stderr
            assert "began before the load ended" in said
            assert reader.execute("SELECT count(*) FROM public.products").fetchone() == (2,)
    assert database.query("SELECT count(*) FROM public.products") == [(3,)]


def test_a_standby_that_tells_nothing_is_named(
    shop: Program, database: Database, tmp_path: pathlib.Path
) -> None:
    lake = tmp_path / "products"
    deltalake.write_deltalake(str(lake), rows(1, 2))
    shop.done("synced-table", "create", NAME, "--from", str(lake), "--primary-key", "id")
    with standby(database) as port:
        caught_up(database, port)
        deltalake.write_deltalake(str(lake), rows(2, 3, 4), mode="overwrite")
        said = shop.done("sync", NAME, "--progress", "plain").stderr
        assert "hot_standby_feedback" in said
    deltalake.write_deltalake(str(lake), rows(3, 4), mode="overwrite")
    assert "hot_standby_feedback" not in shop.done("sync", NAME, "--progress", "plain").stderr


def test_a_table_on_a_server_that_became_a_standby_can_be_let_go(
    shop: Program, database: Database, tmp_path: pathlib.Path
) -> None:
    lake = tmp_path / "products"
    deltalake.write_deltalake(str(lake), rows(1, 2))
    shop.done("synced-table", "create", NAME, "--from", str(lake), "--primary-key", "id")
    with standby(database) as port:
        caught_up(database, port)
        url = database.url(port=port)
        (shop.home / "moved.yaml").write_text(
            f'version: 1\ntargets: {{ shop: {{ url: "{url}" }} }}\n'
        )
        shop.done("apply", "-f", "moved.yaml", "--yes")
        refused = shop.run("synced-table", "delete", NAME, "--drop-table", "--yes")
        assert refused.code != 0
        assert "TARGET_UNSUITABLE" in refused.stderr
        kept = shop.done("synced-table", "delete", NAME, "--keep-table")
        assert "still has its position" in kept.stderr
        shop.done("target", "remove", "shop")
