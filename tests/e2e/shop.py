"""The program with the target `shop`, and what tests do with it again and again."""

from __future__ import annotations

import pathlib
from typing import Any

import deltalake
import pyarrow as pa

from emulators.postgres import Database
from program import Outcome, Program
from scenarios.runner import outcome_of


def with_target(spillway: Program, database: Database, port: int | None = None) -> Program:
    program = spillway.with_environment(**database.environment)
    program.done("target", "add", "shop", database.url(port=port))
    return program


def create(program: Program, source: pathlib.Path | str, *flags: str, table: str = "t") -> Outcome:
    return program.done("synced-table", "create", f"shop.public.{table}", "--from", source, *flags)


def sync(program: Program, table: str = "t", **options: Any) -> str:
    return outcome_of(
        program.done("sync", f"shop.public.{table}", "-o", "json", "--progress", "none", **options)
    )


def ids(database: Database, table: str = "t") -> list[int]:
    return [r[0] for r in database.query(f"SELECT id FROM public.{table} ORDER BY id")]


def append(path: pathlib.Path, *keys: int) -> None:
    deltalake.write_deltalake(
        str(path), pa.table({"id": list(keys), "name": [f"n{k}" for k in keys]}), mode="append"
    )
