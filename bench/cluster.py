"""A PostgreSQL of the benchmark's own: temporary, on a free port, durable, with the settings below.

The postmaster refuses root, so root runs it as `postgres`, else as `nobody`. The benchmark and every
client connect over TCP on 127.0.0.1 with a password.
"""

import glob
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from typing import Self

import psycopg

# Everything that differs from PostgreSQL's defaults, and the durability that the comparison rests on.
SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "wal_level": "replica",
    "shared_buffers": "1GB",
    "maintenance_work_mem": "512MB",
    "max_parallel_maintenance_workers": "2",
    "max_wal_size": "16GB",
    "min_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "wal_buffers": "16MB",
    "wal_compression": "off",
    "autovacuum": "off",
    "jit": "off",
    "ssl": "off",
}

PEOPLE = ("postgres", "nobody")


def binaries() -> pathlib.Path:
    """The folder of `postgres` and `initdb`, the newest 15 if there is one, else the newest of all."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[-2]))
    preferred = [path for path in found if "/15/" in path]
    if not found:
        raise SystemExit(
            "no PostgreSQL server found under /usr/lib/postgresql: install postgresql-15"
        )
    return pathlib.Path((preferred or found)[-1])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    """Started by `with`, stopped and removed at the end of it."""

    def __init__(self, settings: dict[str, str] | None = None):
        self.settings = dict(SETTINGS, **(settings or {}))
        self.user = "bench"
        self.password = secrets.token_urlsafe(12)
        self.port = free_port()
        self.process: subprocess.Popen | None = None
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="spillway-bench-pg-"))

    @property
    def url(self) -> str:
        return f"postgresql://{self.user}:{self.password}@127.0.0.1:{self.port}/bench"

    def as_owner(self, command: list[str]) -> list[str]:
        """`command`, run as someone whom the postmaster accepts."""
        if os.geteuid() != 0:
            return command
        owner = self.owner()
        return [
            "setpriv",
            f"--reuid={owner.pw_uid}",
            f"--regid={owner.pw_gid}",
            "--clear-groups",
            *command,
        ]

    @staticmethod
    def owner() -> pwd.struct_passwd:
        for name in PEOPLE:
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
        raise SystemExit("neither `postgres` nor `nobody` is a user here; PostgreSQL refuses root")

    def __enter__(self) -> Self:
        programs = binaries()
        if os.geteuid() == 0:
            os.chown(self.root, self.owner().pw_uid, self.owner().pw_gid)
        password_file = self.root / "password"
        password_file.write_text(self.password)
        password_file.chmod(0o600)
        if os.geteuid() == 0:
            os.chown(password_file, self.owner().pw_uid, self.owner().pw_gid)
        data = self.root / "data"
        init = [
            *(str(programs / "initdb"), "-D", str(data), "-U", self.user, "-E", "UTF8"),
            *("--locale=C.UTF-8", "-A", "scram-sha-256", f"--pwfile={password_file}"),
        ]
        done = subprocess.run(
            self.as_owner(init), cwd="/", capture_output=True, text=True, timeout=120
        )
        if done.returncode != 0:
            raise SystemExit(f"initdb failed:\n{done.stderr}")
        command = [
            *(str(programs / "postgres"), "-D", str(data), "-p", str(self.port)),
            *("-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.root}"),
        ]
        for name, value in self.settings.items():
            command += ["-c", f"{name}={value}"]
        self.log = open(self.root / "server.log", "wb")
        self.process = subprocess.Popen(
            self.as_owner(command), cwd="/", stdout=self.log, stderr=self.log
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                with psycopg.connect(
                    self.url.rsplit("/", 1)[0] + "/postgres", autocommit=True
                ) as c:
                    c.execute("CREATE DATABASE bench")
                return self
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    self.__exit__(None, None, None)
                    raise SystemExit(f"PostgreSQL did not start: {error}") from error
                time.sleep(0.05)

    def __exit__(self, *_) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait(60)
        self.log.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.url, autocommit=True)

    def described(self) -> dict[str, str]:
        """What the running server says of itself."""
        with self.connect() as connection:
            found = {"version": connection.execute("SHOW server_version").fetchone()[0]}
            for name in self.settings:
                found[name] = connection.execute(f"SHOW {name}").fetchone()[0]
        return found
