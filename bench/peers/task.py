"""What every peer is asked to do, and how it answers.

The first argument is a JSON object: source (folder of the Delta table), url (of the PostgreSQL), table,
ddl, key, columns (pairs of name and type), json_columns. A peer prepares (imports, sessions), then loads
inside `Task.clock()`, and ends with `Task.done()`, which prints its seconds as JSON. The clock of a peer
starts after its imports and session start, and so does the count of its CPU time: a favour that Spillway,
whose whole command counts, does not get.
"""

import contextlib
import json
import os
import sys
import time

import psycopg


class Task:
    def __init__(self) -> None:
        given = json.loads(sys.argv[1])
        self.source: str = given["source"]
        self.url: str = given["url"]
        self.table: str = given["table"]
        self.ddl: str = given["ddl"]
        self.key: str = given["key"]
        self.columns: list[list[str]] = given["columns"]
        self.json_columns: list[str] = given["json_columns"]
        self.folder: str = given["folder"]  # for this peer's own files, removed afterwards
        self.seconds = 0.0
        self.cpu: float | None = 0.0

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.columns]

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def create_table(self) -> None:
        self.execute(f"CREATE TABLE {self.table} ({self.ddl})")

    def add_key(self) -> None:
        self.execute(f"ALTER TABLE {self.table} ADD PRIMARY KEY ({self.key})")

    @contextlib.contextmanager
    def clock(self):
        start, before = time.monotonic(), sum(os.times()[:4])
        yield
        self.seconds = time.monotonic() - start
        self.cpu = sum(os.times()[:4]) - before

    def done(self, version: str) -> None:
        print(json.dumps({"seconds": self.seconds, "cpu": self.cpu, "version": version}))
