"""pytest fixtures of the emulators. Each runs once a session; a database is fresh for every test.

A missing emulator is a skip that says why; under CI=true it is a failure.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emulators import install
from emulators.azure import Azure
from emulators.gate import Gate
from emulators.gcs import Gcs
from emulators.postgres import Cluster, Database
from emulators.s3 import S3
from emulators.server_process import Unavailable
from emulators.small_disk import SmallDisk

_numbers = itertools.count(1)


@contextlib.contextmanager
def required() -> Iterator[None]:
    """Turns Unavailable into a skip, or a failure when CI=true."""
    try:
        yield
    except Unavailable as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"emulator missing: {reason}", pytrace=False)
        pytest.skip(f"emulator missing: {reason}")


@pytest.fixture(scope="session")
def open_directory() -> Iterator[pathlib.Path]:
    """A temporary directory that every user of the machine may enter."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="spillway-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def s3(open_directory: pathlib.Path) -> Iterator[S3]:
    with required():
        server = S3(open_directory)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def azure(open_directory: pathlib.Path) -> Iterator[Azure]:
    with required():
        server = Azure(open_directory)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def gcs(open_directory: pathlib.Path) -> Iterator[Gcs]:
    server = Gcs(open_directory)
    yield server
    server.stop()


@pytest.fixture(params=["s3", "azure", "gcs"], scope="session")
def store(request: pytest.FixtureRequest) -> Any:
    """Each object store in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def cluster_15(open_directory: pathlib.Path) -> Iterator[Cluster]:
    with required():
        cluster = Cluster(install.postgres_15(), open_directory, "pg15")
    yield cluster
    cluster.remove()


@pytest.fixture(scope="session")
def cluster_on_small_disk(open_directory: pathlib.Path) -> Iterator[tuple[Cluster, SmallDisk]]:
    """PostgreSQL 15 on a disk of its own that a test can fill. Root only."""
    with required():
        programs = install.postgres_15()
    disk = SmallDisk(open_directory / "small-disk", megabytes=256)
    try:
        cluster = Cluster(
            programs, disk.path, "pg15", {"min_wal_size": "32MB", "max_wal_size": "48MB"}
        )
        yield cluster, disk
        cluster.remove()
    finally:
        disk.remove()


@pytest.fixture(scope="session")
def cluster_18(open_directory: pathlib.Path) -> Iterator[Cluster]:
    with required():
        cluster = Cluster(install.postgres_18(open_directory), open_directory, "pg18")
    yield cluster
    cluster.remove()


@pytest.fixture(params=["cluster_15", "cluster_18"], ids=["pg15", "pg18"], scope="session")
def cluster(request: pytest.FixtureRequest) -> Any:
    """PostgreSQL 15 and 18 in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def database(cluster: Cluster) -> Iterator[Database]:
    """A fresh database on PostgreSQL 15 and on 18."""
    made = cluster.create_database(f"shop {next(_numbers)}")
    yield made
    made.drop()


@pytest.fixture
def database_15(cluster_15: Cluster) -> Iterator[Database]:
    """A fresh database on PostgreSQL 15, for what does not depend on the server's version."""
    made = cluster_15.create_database(f"shop_{next(_numbers)}")
    yield made
    made.drop()


@pytest.fixture
def gate() -> Iterator[Callable[[int], Gate]]:
    """Opens gates to ports; closed at the end of the test."""
    opened: list[Gate] = []

    def open_gate(port: int, **options: Any) -> Gate:
        opened.append(Gate(port, **options))
        return opened[-1]

    yield open_gate
    for one in opened:
        one.close()
