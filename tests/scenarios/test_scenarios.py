"""Every scenario under every regime, and the scenario language itself.

Faults: in every run each fault strikes in one scenario, another one for each fault, and every scenario is struck by
some. SPILLWAY_FAULTS=all tries each fault in each scenario. A table of what struck and how it went closes the run.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emulators.gate import Gate
from emulators.postgres import Cluster
from program import Program
from scenarios import faults, script, source
from scenarios.runner import PLAIN, REGIMES, Regime, Run, end_state

FOLDER = pathlib.Path(__file__).parent
SCENARIOS = [script.parse(path) for path in sorted(FOLDER.glob("*.scenario"))]


def cases() -> list[Any]:
    return [
        pytest.param(parsed, regime, id=f"{parsed.path.stem}-{regime.name}")
        for parsed in SCENARIOS
        for regime in REGIMES
        if not parsed.regimes or regime.name in parsed.regimes
    ]


@pytest.mark.parametrize("parsed, regime", cases())
def test_scenario(
    request: pytest.FixtureRequest,
    parsed: script.Script,
    regime: Regime,
    spillway: Program,
    tmp_path: pathlib.Path,
) -> None:
    cluster: Cluster = request.getfixturevalue(
        "cluster_18" if regime.name == "pg18" else "cluster_15"
    )
    database = cluster.create_database("scenario")
    try:
        Run(parsed, regime, spillway, database, tmp_path / "lake").perform()
    finally:
        database.drop()


# Faults


class Struggle:
    """Performs scenarios under faults and compares what they leave with what they leave undisturbed."""

    def __init__(
        self,
        request: pytest.FixtureRequest,
        gate: Callable[[int], Gate],
        folder: pathlib.Path,
    ) -> None:
        self._request = request
        self._gate = gate
        self._folder = folder
        self._runs = 0

    def perform(self, parsed: script.Script, fault: faults.Fault | None) -> Run:
        """Performs the scenario; under a fault, its end must be the undisturbed one's."""
        self._runs += 1
        home = self._folder / f"run-{self._runs}"
        home.mkdir()
        world = self._world(fault, home)
        database = world.cluster.create_database("fault")
        try:
            regime = Regime(fault.name, fault=fault) if fault else PLAIN
            run = Run(parsed, regime, Program(home), database, home / "lake", world)
            run.perform()
            left = end_state(database) if run.struck or fault is None else {}
        finally:
            database.drop()
            if world.home_disk:
                world.home_disk.remove()
        if fault is None:
            _undisturbed[parsed.path] = left
        elif run.struck:
            if parsed.path not in _undisturbed:
                self.perform(parsed, None)
            for part, wanted in _undisturbed[parsed.path].items():
                assert left[part] == wanted, f"{parsed.path.name} under {fault.name} leaves other {part}"
        return run

    def _world(self, fault: faults.Fault | None, home: pathlib.Path) -> faults.World:
        action = fault.action if fault else ""
        if action in faults.FULL and os.geteuid() != 0:
            pytest.skip("mounting a small disk needs root")
        if action == "target-full":
            cluster, disk = self._request.getfixturevalue("cluster_on_small_disk")
            return faults.World(cluster, server_disk=disk)
        world = faults.World(self._request.getfixturevalue("cluster_15"))
        if action in faults.CUTS:
            world.gate = self._gate(world.cluster.port)
        if action == "home-full":
            world.home_disk = faults.SmallDisk(home / "spillway", megabytes=8)
        return world


_undisturbed: dict[pathlib.Path, dict[str, Any]] = {}  # what each scenario leaves, once it has run


@pytest.fixture
def struggle(
    request: pytest.FixtureRequest, gate: Callable[[int], Gate], tmp_path: pathlib.Path
) -> Struggle:
    return Struggle(request, gate, tmp_path)


def told(run: Run) -> list[str]:
    """How each struck sync went: done all the same, the class of its error, or killed."""
    went = []
    for struck in run.struck:
        outcome = struck.outcome
        if outcome.code > 0:
            went.append(str(outcome.failure().error_class))
        else:
            went.append("done" if outcome.code == 0 else "killed")
    return went


def rotated(fault: faults.Fault) -> Iterator[script.Script]:
    """All scenarios, beginning with another one for each fault."""
    first = faults.all_faults().index(fault) * 7 % len(SCENARIOS)
    yield from SCENARIOS[first:] + SCENARIOS[:first]


@functools.cache
def _faults_of_failpoints() -> list[faults.Fault]:
    return [f for f in faults.all_faults() if f.action not in faults.CUTS]


@pytest.mark.timeout(600)  # several scenarios, on a busy machine
@pytest.mark.parametrize("fault", _faults_of_failpoints(), ids=lambda f: f.name)
def test_fault(
    fault: faults.Fault, struggle: Struggle, record_property: Callable[[str, object], None]
) -> None:
    """Strikes in the first scenario that passes its failpoint; one does."""
    for parsed in rotated(fault):
        run = struggle.perform(parsed, fault)
        if run.struck:
            record_property("fault", [fault.point, fault.action, parsed.path.stem, told(run)])
            return
    raise AssertionError("no scenario passes this failpoint, so nothing was proved")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("action", faults.CUTS)
def test_cuts(
    action: str, struggle: Struggle, record_property: Callable[[str, object], None]
) -> None:
    """At each COMMIT that a sync has: fence, tasks, indexes, publish."""
    for number in range(1, faults.COMMITS + 1):
        fault = faults.Fault(str(number), action)
        for parsed in rotated(fault):
            run = struggle.perform(parsed, fault)
            if run.struck:
                record_property("fault", [fault.point, action, parsed.path.stem, told(run)])
                break
        else:
            assert number > 3, "not even fence, task and publish were struck"
            return


def kinds() -> dict[str, list[faults.Fault]]:
    """The faults in the order in which a scenario is tried: where one does not strike, those after it cannot."""
    found: dict[str, list[faults.Fault]] = {}
    for fault in faults.all_faults():
        found.setdefault(fault.action if fault.action in faults.CUTS else fault.point, []).append(
            fault
        )
    return found


if os.environ.get("SPILLWAY_FAULTS") == "all":

    @pytest.mark.timeout(600)
    @pytest.mark.parametrize("kind", kinds())
    @pytest.mark.parametrize("parsed", SCENARIOS, ids=lambda p: p.path.stem)
    def test_every_fault(
        parsed: script.Script,
        kind: str,
        struggle: Struggle,
        record_property: Callable[[str, object], None],
    ) -> None:
        """Every action at one failpoint, or every COMMIT that is cut, as far as the scenario passes it."""
        for fault in kinds()[kind]:
            run = struggle.perform(parsed, fault)
            record_property("fault", [fault.point, fault.action, parsed.path.stem, told(run)])
            if not run.struck:
                return


def test_the_program_has_failpoints(spillway: Program) -> None:
    """Without them a third of the regimes does not run: use a build with failpoints."""
    assert faults.failpoints(), spillway.run("doctor", "--failpoints")


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
