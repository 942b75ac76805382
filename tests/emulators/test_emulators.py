"""The emulators themselves, seen by clients nobody here wrote: delta-rs (object_store), boto3 and libpq."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import boto3
import botocore.exceptions
import deltalake
import psycopg
import pyarrow as pa
import pytest

from emulators.gate import Gate, Messages
from emulators.gcs import Gcs
from emulators.postgres import Database
from emulators.s3 import S3


@pytest.fixture(scope="module")
def small_table(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("lake") / "small"
    deltalake.write_deltalake(str(path), pa.table({"id": [1, 2, 3]}))
    return path


def test_delta_rs_reads_and_writes_through_the_store(store: Any, small_table: pathlib.Path) -> None:
    store.put_tree(small_table, "emulator/small")
    table = deltalake.DeltaTable(store.url("emulator/small"), storage_options=store.options())
    assert sorted(table.to_pyarrow_table()["id"].to_pylist()) == [1, 2, 3]
    deltalake.write_deltalake(table, pa.table({"id": [4]}), mode="append")
    again = deltalake.DeltaTable(store.url("emulator/small"), storage_options=store.options())
    assert again.version() == 1 and again.to_pyarrow_table().num_rows == 4
    assert any(p.endswith("00000000000000000001.json") for p in store.paths("emulator/small"))


def test_wrong_credentials_are_refused(store: Any, small_table: pathlib.Path) -> None:
    store.put_tree(small_table, "emulator/secret")
    with pytest.raises(Exception) as error:
        deltalake.DeltaTable(store.url("emulator/secret"), storage_options=store.wrong_options())
    assert any(
        sign in str(error.value)
        for sign in (
            "401",
            "403",
            "Forbidden",
            "Unauthorized",
            "denied",
            "Signature",
            "Authorization",
            "Authentication",
        )
    )


def test_gcs_counts_refusals(gcs: Gcs) -> None:
    before = gcs.refused
    assert not gcs.allows(None) and not gcs.allows("Bearer a.b.c") and not gcs.allows("Bearer ")
    assert gcs.refused == before + 3


def test_s3_signatures_are_real(s3: S3) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=s3.endpoint,
        aws_access_key_id="nobody",
        aws_secret_access_key="nothing",
        region_name="us-east-1",
    )
    with pytest.raises(botocore.exceptions.ClientError):
        client.list_objects_v2(Bucket="lake")


def test_clusters_are_of_both_versions(database: Database) -> None:
    version = int(database.query("SHOW server_version_num")[0][0]) // 10000
    assert f"pg{version}" == database.cluster.name
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(database.url(), password="wrong")


def test_cluster_survives_a_crash(database_15: Database) -> None:
    with database_15.connect() as c:
        c.execute("CREATE TABLE t AS SELECT 1 AS x")
    database_15.cluster.restart(crash=True)
    assert database_15.query("SELECT x FROM t") == [(1,)]


def through(database: Database, gate: Gate) -> psycopg.Connection[Any]:
    return psycopg.connect(
        database.url(port=gate.port), **{"password": database.environment["PGPASSWORD"]}
    )


def test_gate_passes(database_15: Database, gate: Callable[[int], Gate]) -> None:
    opened = gate(database_15.cluster.port)
    with through(database_15, opened) as c:
        assert c.execute("SELECT repeat('x', 1000000)").fetchone() == ("x" * 1000000,)


@pytest.mark.parametrize("before, rows", [(True, 0), (False, 1)])
def test_gate_loses_a_commit_or_its_answer(
    database_15: Database, gate: Callable[[int], Gate], before: bool, rows: int
) -> None:
    opened = gate(database_15.cluster.port)
    database_15.query("CREATE TABLE public.t (x int)")
    database_15.query("GRANT ALL ON public.t TO app")
    opened.set(cut_commit=1, cut_before=before)
    connection = through(database_15, opened)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("INSERT INTO t VALUES (1)")
        connection.commit()
    assert opened.cuts == 1
    assert database_15.query("SELECT count(*) FROM t") == [(rows,)]


def test_gate_cuts_after_bytes_and_refuses(
    database_15: Database, gate: Callable[[int], Gate]
) -> None:
    opened = gate(database_15.cluster.port)
    opened.set(cut_after_server_bytes=100_000)
    with pytest.raises(psycopg.OperationalError), through(database_15, opened) as c:
        c.execute("SELECT repeat('x', 1000000)")
    opened.set(refuse=True)
    with pytest.raises(psycopg.OperationalError):
        through(database_15, opened)


def test_messages_are_found_however_the_bytes_arrive() -> None:
    startup = b"\0\0\0\x08\x04\xd2\x16\x2f" + b"\0\0\0\x09\0\x03\0\0\0"
    query = b"Q\0\0\0\x0bCOMMIT\0"
    data = startup + b"d\0\0\0\x0aCOMMIT" + query
    for size in (1, 2, 7, len(data)):
        messages = Messages()
        texts = [t for i in range(0, len(data), size) for t in messages.feed(data[i : i + size])]
        assert texts == ["COMMIT"]
