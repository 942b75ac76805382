"""The faults that every scenario must survive: what breaks, at which moment, and how a run under it went."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import os
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator

from emulators.gate import Gate
from emulators.postgres import Cluster
from emulators.small_disk import SmallDisk
from program import BINARY, Outcome, Program, Running

# At a failpoint. The first three are the program's own doing; for the others it stops itself there, and the world is
# changed before it goes on.
ACTIONS = (
    "error-once",
    "error",
    "kill",
    "server-restart",
    "server-crash",
    "target-full",
    "home-full",
)
CUTS = ("cut-before", "cut-after")  # at the N-th COMMIT
COMMITS = 8  # more than a sync of one small table has
FULL = ("target-full", "home-full")  # need a small disk of their own


@dataclasses.dataclass(frozen=True)
class Fault:
    """One way to break a sync: an action at a failpoint, or a connection cut at the N-th COMMIT."""

    point: str  # name of a failpoint, or the number of a COMMIT
    action: str

    @property
    def name(self) -> str:
        return f"{self.point}={self.action}"


@functools.cache
def failpoints() -> tuple[str, ...]:
    """The failpoints that the program under test has; none when it is built without."""
    if not BINARY.exists():
        return ()
    listed = subprocess.run(
        [str(BINARY), "doctor", "--failpoints"], capture_output=True, text=True, timeout=60
    )
    return tuple(listed.stdout.split()) if listed.returncode == 0 else ()


def all_faults() -> list[Fault]:
    """Every fault there is, in a fixed order."""
    return [Fault(point, action) for point in failpoints() for action in ACTIONS] + [
        Fault(str(number), cut) for number in range(1, COMMITS + 1) for cut in CUTS
    ]


@dataclasses.dataclass
class World:
    """What a fault may break."""

    cluster: Cluster
    gate: Gate | None = None  # the program's way to the server, for cuts
    server_disk: SmallDisk | None = None
    home_disk: SmallDisk | None = None


@dataclasses.dataclass(frozen=True)
class Struck:
    """How a run under a fault went."""

    outcome: Outcome
    times: int  # how often the fault struck; 0: the run did not pass its point


def run(program: Program, arguments: tuple[str, ...], fault: Fault, world: World) -> Struck:
    """Runs the program under the fault, to its end; the world is whole again afterwards."""
    if fault.action in CUTS:
        return _cut(program, arguments, fault, world)
    if fault.action in ("error-once", "error", "kill"):
        armed = program.with_environment(SPILLWAY_FAILPOINTS=fault.name)
        outcome = armed.run(*arguments, crash_allowed=fault.action == "kill")
    else:
        armed = program.with_environment(SPILLWAY_FAILPOINTS=f"{fault.point}=1*stop")
        with _broken(fault.action, world) as strike:
            outcome = _stopped_at_failpoint(armed.start(*arguments), strike)
    return Struck(outcome, outcome.stderr.count(f"failpoint {fault.point}:"))


def _cut(program: Program, arguments: tuple[str, ...], fault: Fault, world: World) -> Struck:
    assert world.gate is not None
    cuts = world.gate.cuts
    world.gate.set(cut_commit=int(fault.point), cut_before=fault.action == "cut-before")
    outcome = program.run(*arguments)
    world.gate.set()
    return Struck(outcome, world.gate.cuts - cuts)


def _stopped_at_failpoint(running: Running, strike: Callable[[], None]) -> Outcome:
    """Waits until the program stops itself or ends; then breaks the world and lets it go on."""
    if running.wait_until_stopped():
        try:
            strike()
        finally:
            running.send(signal.SIGCONT)
    return running.wait()


@contextlib.contextmanager
def _broken(action: str, world: World) -> Iterator[Callable[[], None]]:
    """What to do when the program stands at the failpoint; mends the world at the end."""
    if action in ("server-restart", "server-crash"):
        yield lambda: world.cluster.restart(crash=action == "server-crash")
        return
    disk = world.server_disk if action == "target-full" else world.home_disk
    assert disk is not None
    try:
        yield disk.fill
    finally:
        disk.free()
        if action == "target-full":
            world.cluster.ensure_running()


def table(rows: Iterable[tuple[str, str, str, list[str]]]) -> list[str]:
    """Lines of a table: for each point and action, in how many scenarios it struck, and how the syncs went."""
    cells: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
    for point, action, scenario, told in rows:
        where, went = cells.setdefault((point, action), ([], []))
        if told:
            where.append(scenario)
        went += told
    order = {name: place for place, name in enumerate(failpoints())}
    lines = [f"{'at':24} {'fault':16} {'scenarios':>9}  syncs"]
    for (point, action), (where, went) in sorted(
        cells.items(), key=lambda cell: (order.get(cell[0][0], len(order)), cell[0])
    ):
        counts = collections.Counter(went)
        how = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "never struck"
        names = f" ({where[0]})" if len(where) == 1 else ""
        at = f"COMMIT {point}" if point.isdigit() else point
        lines.append(f"{at:24} {action:16} {len(where):9}  {how}{names}")
    struck = sum(1 for where, _ in cells.values() if where)
    lines.append(f"{struck} of {len(cells)} faults struck, {sum(len(w) for _, w in cells.values())} syncs")
    return lines
