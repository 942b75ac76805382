"""Shared by all tests here: the emulators' fixtures, the program under test and the tables it reads."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable
from typing import Any

import pytest

from oracle import golden
from program import BINARY, Program
from scenarios import faults

pytest_plugins = ["emulators.fixtures"]


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], pathlib.Path]:
    """Gives the folder of a table of tests/data, unpacked once. Read only: copy it to break it."""
    directory = tmp_path_factory.mktemp("tables")
    return lambda name: golden.unpack(name, directory)


@pytest.fixture
def spillway(tmp_path: pathlib.Path) -> Program:
    """The program with an empty home."""
    if not BINARY.exists():
        pytest.fail(f"{BINARY} is not built; make build, or set SPILLWAY_BIN", pytrace=False)
    return Program(tmp_path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """SPILLWAY_FAULTS_ONE_IN=4 keeps every fourth test of the faults, always the same ones."""
    one_in = int(os.environ.get("SPILLWAY_FAULTS_ONE_IN", "1"))
    found = [item for item in items if item.name.startswith(("test_fault[", "test_cuts["))]
    left = {item for place, item in enumerate(found) if place % one_in != 0}
    config.hook.pytest_deselected(items=list(left))
    items[:] = [item for item in items if item not in left]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Prints what each fault did, gathered from all workers."""
    reports = [
        report
        for found in terminalreporter.stats.values()
        for report in found
        if getattr(report, "when", "") == "call"
    ]
    rows = [value for r in reports for name, value in r.user_properties if name == "fault"]
    if rows:
        terminalreporter.section("faults")
        for line in faults.table(rows):
            terminalreporter.write_line(line)
