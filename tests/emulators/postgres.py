"""PostgreSQL clusters in temporary directories, run by an unprivileged user."""

from __future__ import annotations

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import time
import urllib.parse
from typing import Any

import psycopg

from emulators.server_process import ServerProcess, end_at_once, free_port

PASSWORD = "p@ss w/örd"  # every character here must survive a URL and a password file
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "max_prepared_transactions": "5",
    "log_min_messages": "warning",
    "autovacuum": "off",
}


def _unprivileged() -> pwd.struct_passwd | None:
    """The user that runs servers when the tests run as root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("neither postgres nor nobody is a user of this machine")


class Cluster:
    """One cluster with password authentication over TCP. Superuser `owner`, ordinary role `app`.

    `directory` must be reachable by the unprivileged user. `settings` are added to the usual ones.
    """

    def __init__(
        self,
        binaries: pathlib.Path,
        directory: pathlib.Path,
        name: str,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.name = name
        self._binaries = binaries
        self._directory = directory / name
        self._data = self._directory / "data"
        self._user = _unprivileged()
        self._directory.mkdir()
        if self._user:
            os.chown(self._directory, self._user.pw_uid, self._user.pw_gid)
        secret = self._directory / "password"
        secret.write_text(PASSWORD + "\n", encoding="utf-8")
        secret.chmod(0o644)
        self._run(
            "initdb",
            "--pgdata",
            str(self._data),
            "--username",
            "owner",
            "--no-sync",
            "--pwfile",
            str(secret),
            "--auth-host",
            "scram-sha-256",
            "--auth-local",
            "trust",
            "--encoding",
            "UTF8",
            "--locale",
            "C",
        )
        self.port = free_port()
        with open(self._data / "postgresql.auto.conf", "a", encoding="utf-8") as conf:
            for key, value in {
                **_SETTINGS,
                **(settings or {}),
                "port": str(self.port),
                "unix_socket_directories": str(self._directory),
            }.items():
                conf.write(f"{key} = '{value}'\n")
        self._process: ServerProcess | None = None
        self.start()
        with self.connect(user="owner") as admin:
            quoted = PASSWORD.replace("'", "''")
            admin.execute(f"CREATE ROLE app LOGIN PASSWORD '{quoted}'")

    def _as_user(self) -> list[str]:
        if not self._user:
            return []
        return [
            "setpriv",
            f"--reuid={self._user.pw_uid}",
            f"--regid={self._user.pw_gid}",
            "--init-groups",
            "--",
        ]

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [*self._as_user(), str(self._binaries / program), *arguments],
            capture_output=True,
            text=True,
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr or done.stdout}")
        return done.stdout

    def dump_schema(self, database: str) -> list[str]:
        """What pg_dump tells of a database but for rows and schema spillway, line by line."""
        told = self._run(
            "pg_dump",
            f"--host={self._directory}",
            f"--port={self.port}",
            "--username=owner",
            "--schema-only",
            "--exclude-schema=spillway",
            database,
        )
        lines = told.splitlines()
        return [line for line in lines if line and not line.startswith(("--", "\\"))]

    def ensure_running(self) -> None:
        """Returns when the server accepts writes again, starting it anew if it has given up."""
        if self._process is None or not self._process.running():
            self.start()
        self._wait_until_writable()

    def start(self) -> None:
        """Starts the server and returns when it accepts writes."""
        self._process = ServerProcess(
            [*self._as_user(), str(self._binaries / "postgres"), "-D", str(self._data)],
            self._directory / "log",
            self.port,
            env={"LC_ALL": "C"},
        )
        self._wait_until_writable()

    def _wait_until_writable(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                with self.connect(user="owner") as probe:
                    if probe.execute("SELECT pg_is_in_recovery()").fetchone() == (False,):
                        return
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.02)

    def stop(self, *, crash: bool = False) -> None:
        """Stops fast, or as if the power went: every process of the cluster killed."""
        if self._process:
            backends = self._process.children() if crash else []
            self._process.stop(signal.SIGKILL if crash else signal.SIGINT)
            self._process = None
            if crash:
                # Each backend leads a session of its own, and keeps the shared memory while it lives.
                for backend in backends:
                    end_at_once(backend)
                (self._data / "postmaster.pid").unlink(missing_ok=True)

    def restart(self, *, crash: bool = False) -> None:
        self.stop(crash=crash)
        self.start()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def log_text(self) -> str:
        return (self._directory / "log").read_text(errors="replace")

    def connect(
        self, database: str = "postgres", user: str = "owner", **options: Any
    ) -> psycopg.Connection[Any]:
        """A connection in autocommit mode."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            dbname=database,
            user=user,
            password=PASSWORD,
            autocommit=True,
            connect_timeout=10,
            **options,
        )

    def create_database(self, name: str) -> Database:
        """A fresh database that `app` owns."""
        with self.connect() as admin:
            admin.execute(f'CREATE DATABASE "{name}" OWNER app TEMPLATE template0')
        return Database(self, name)


class Database:
    """One database of a cluster, for one test."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.name = name

    def url(self, *, user: str = "app", port: int | None = None) -> str:
        """A libpq URL without a password; give that by PGPASSWORD."""
        return (
            f"postgresql://{user}@127.0.0.1:{port or self.cluster.port}/"
            f"{urllib.parse.quote(self.name)}?sslmode=disable"
        )

    @property
    def environment(self) -> dict[str, str]:
        """What a libpq client needs besides the URL."""
        return {"PGPASSWORD": PASSWORD}

    def connect(self, user: str = "app", **options: Any) -> psycopg.Connection[Any]:
        return self.cluster.connect(self.name, user, **options)

    def query(self, text: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Rows of one statement, run by the superuser."""
        with self.connect("owner") as connection:
            cursor = connection.execute(text, parameters)
            return cursor.fetchall() if cursor.description else []

    def drop(self) -> None:
        with self.cluster.connect() as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')
