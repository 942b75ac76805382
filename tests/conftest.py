"""Shared by all tests here: the emulators' fixtures, the program under test and the tables it reads."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

from oracle import golden
from program import BINARY, Program

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
