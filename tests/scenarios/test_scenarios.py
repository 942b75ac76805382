"""Every scenario under every regime, and the scenario language itself."""

from __future__ import annotations

import functools
import json
import pathlib
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from emulators.gate import Gate
from emulators.postgres import Cluster
from program import BINARY, Program
from scenarios import script, source
from scenarios.runner import REGIMES, Regime, Run

FOLDER = pathlib.Path(__file__).parent
SCENARIOS = sorted(FOLDER.glob("*.scenario"))
ACTIONS = ("error", "error-once", "kill")
COMMITS_AT_LEAST = 3  # fence, task, publish
COMMITS = 10  # more than a first load of the scenarios' size has


@functools.cache
def failpoints() -> tuple[str, ...]:
    """The failpoints that the program under test has; none when it is built without."""
    if not BINARY.exists():
        return ()
    listed = subprocess.run(
        [str(BINARY), "doctor", "--failpoints"], capture_output=True, text=True, timeout=60
    )
    return tuple(listed.stdout.split()) if listed.returncode == 0 else ()


def cases() -> list[Any]:
    found = []
    for path in SCENARIOS:
        parsed = script.parse(path)
        for regime in REGIMES:
            if set(parsed.regimes) <= {"failpoints", "cuts"} or regime.name in parsed.regimes:
                found.append(pytest.param(parsed, regime, id=f"{path.stem}-{regime.name}"))
        if "failpoints" in parsed.regimes:
            found += [
                pytest.param(
                    parsed,
                    Regime(f"failpoint {name}={action}", failpoint=f"{name}={action}"),
                    id=f"{path.stem}-{name}={action}",
                )
                for name in failpoints()
                for action in ACTIONS
            ]
        if "cuts" in parsed.regimes:
            found += [
                pytest.param(
                    parsed,
                    Regime(f"cut {number} {when}", cut=number, cut_before=when == "before"),
                    id=f"{path.stem}-cut-{number}-{when}",
                )
                for number in range(1, COMMITS + 1)
                for when in ("before", "after")
            ]
    return found


@pytest.mark.parametrize("parsed, regime", cases())
def test_scenario(
    request: pytest.FixtureRequest,
    parsed: script.Script,
    regime: Regime,
    spillway: Program,
    gate: Callable[[int], Gate],
    tmp_path: pathlib.Path,
) -> None:
    cluster: Cluster = request.getfixturevalue(
        "cluster_18" if regime.name == "pg18" else "cluster_15"
    )
    database = cluster.create_database("scenario")
    try:
        run = Run(parsed, regime, spillway, database, gate, tmp_path / "lake")
        run.perform()
        if regime.failpoint or 0 < regime.cut <= COMMITS_AT_LEAST:
            assert run.faults > 0, "the fault never struck, so nothing was proved"
    finally:
        database.drop()


def test_the_program_has_failpoints(spillway: Program) -> None:
    """Without them a third of the regimes does not run: use a build with failpoints."""
    assert failpoints(), spillway.run("doctor", "--failpoints")


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("make x\n", "no directive"),
        ("  row [1]\n", "nothing that this"),
        ("create x\n  colunm id long\n", "colunm"),
        ("sql x\n", "takes no name"),
        ("sync\n", "needs a name"),
    ],
)
def test_a_wrong_script_is_refused(tmp_path: pathlib.Path, text: str, complaint: str) -> None:
    path = tmp_path / "x.scenario"
    path.write_text(text)
    with pytest.raises(ValueError, match=complaint):
        script.parse(path)


def test_sources_are_real_tables(tmp_path: pathlib.Path) -> None:
    """What a scenario writes, delta-rs reads."""
    import deltalake

    lake = source.Source(tmp_path)
    lake.write(
        "t",
        "create",
        [("id", "long"), ("v", "array<struct<a:decimal(9,2),b:date>>")],
        [[[1, [{"a": "1.50", "b": "2024-02-29"}]]], [[2, None]]],
        [],
        {},
    )
    lake.write("t", "append", [], [[[3, []]]], [], {})
    lake.delete("t", "id = 2")
    table = deltalake.DeltaTable(str(lake.path("t")))
    rows = table.to_pyarrow_table().sort_by("id").to_pylist()
    assert json.loads(json.dumps(rows, default=str)) == [
        {"id": 1, "v": [{"a": "1.50", "b": "2024-02-29"}]},
        {"id": 3, "v": []},
    ]
    lake.write("t", "overwrite", [("k", "string")], [[["a"]]], [], {})
    assert deltalake.DeltaTable(str(lake.path("t"))).to_pyarrow_table().to_pylist() == [{"k": "a"}]
