"""First loads, timed against each other: the floor, Spillway and its peers, in alternating rounds.

Every run starts from an empty schema and a CHECKPOINT outside the clock, and ends with a table that has
the same primary key; afterwards the table is compared with the floor's, count and every column.
"""

import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass, field

import psycopg

import data
import measure
from cluster import Cluster

BENCH = pathlib.Path(__file__).resolve().parent
TABLE = "public.loaded"
PEERS = ("duckdb", "adbc", "polars", "dlt", "sling", "spark")
TITLES = {
    "floor": "floor",
    "spillway": "Spillway",
    "duckdb": "DuckDB",
    "adbc": "ADBC + delta-rs",
    "polars": "polars",
    "dlt": "dlt",
    "sling": "Sling",
    "spark": "Spark JDBC",
}
# A contestant slower than this many times the floor gets so many rounds, to keep the whole affordable.
SLOW_ROUNDS = ((10.0, 1), (4.0, 2))


@dataclass
class Run:
    seconds: float
    outcome: measure.Outcome
    detail: dict

    @property
    def client_cpu(self) -> float:
        """A peer's own count, without its imports, where it has one; else the process tree's."""
        own = self.detail.get("cpu")
        return self.outcome.client_cpu if own is None else own


@dataclass
class Contestant:
    name: str
    runs: list[Run] = field(default_factory=list)
    reason: str = ""  # why there are no (more) runs
    notes: set[str] = field(default_factory=set)
    version: str = ""

    @property
    def seconds(self) -> float:
        return min(run.seconds for run in self.runs)

    @property
    def median(self) -> float:
        return statistics.median(run.seconds for run in self.runs)

    @property
    def best(self) -> Run:
        return min(self.runs, key=lambda run: run.seconds)


@dataclass
class Contest:
    """All that was measured for one shape."""

    shape: data.Shape
    rows: int
    bytes: int = 0
    connections: int = 0
    floors: dict[int, float] = field(default_factory=dict)  # best seconds by number of connections
    contestants: list[Contestant] = field(default_factory=list)
    timelines: dict[str, list[dict]] = field(default_factory=dict)

    def find(self, name: str) -> Contestant | None:
        return next((c for c in self.contestants if c.name == name and c.runs), None)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no message"


def reset(cluster: Cluster) -> None:
    with cluster.connect() as connection:
        connection.execute("DROP SCHEMA IF EXISTS public CASCADE")
        connection.execute("CREATE SCHEMA public")
        connection.execute("CHECKPOINT")


def content(cluster: Cluster, shape: data.Shape) -> dict[str, str]:
    """Count and, per column, a sum of hashes of (key, value): hashed again, since sums of
    hash_record_extended alone would not see two rows exchange a value."""
    sums = ", ".join(
        f'sum(hashint8extended(hash_record_extended(ROW("{data.KEY}", "{name}"), 0), 0))'
        for name, _ in shape.columns
    )
    with cluster.connect() as connection:
        row = connection.execute(f"SELECT count(*), {sums} FROM {TABLE}").fetchone()
    return dict(zip(["count", *(name for name, _ in shape.columns)], map(str, row)))


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    return [name for name in expected if expected[name] != found.get(name)]


def form(cluster: Cluster, shape: data.Shape) -> tuple[bool, set[str]]:
    """Whether the key is the table's primary key, and how its columns differ from what was asked."""
    with cluster.connect() as connection:
        rows = connection.execute(
            "SELECT attname, format_type(atttypid, atttypmod), coalesce(attnum = ANY(indkey), false) "
            "FROM pg_attribute LEFT JOIN pg_index ON indrelid = attrelid AND indisprimary "
            "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            [TABLE],
        ).fetchall()
    long_names = {"timestamptz": "timestamp with time zone"}
    wanted = {name: long_names.get(kind, kind) for name, kind in shape.columns}
    notes = {
        f"{name} is {kind}" if name in wanted else f"adds column {name}"
        for name, kind, _ in rows
        if wanted.get(name) != kind
    }
    return [name for name, _, in_key in rows if in_key] == [data.KEY], notes


def capture(cluster: Cluster, shape: data.Shape, rows: int, source: pathlib.Path) -> pathlib.Path:
    """The rows as PostgreSQL itself encodes them, in the order of the key; made once per table."""
    path = source.with_name(source.name + ".copy")
    if path.exists():
        return path
    say(f"{shape.name}: encoding {rows} rows once, for the floor")
    reset(cluster)
    outcome = run_peer(cluster, "duckdb", shape, source, timeout=1800)
    if outcome.code != 0:
        raise SystemExit(f"the floor's rows need DuckDB once: {last_line(outcome.stderr)}")
    unfinished = path.with_name(path.name + ".unfinished")
    with cluster.connect() as connection, open(unfinished, "wb") as file:
        query = f"COPY (SELECT * FROM {TABLE} ORDER BY {data.KEY}) TO STDOUT (FORMAT binary)"
        with connection.cursor().copy(query) as stream:
            file.writelines(stream)
    unfinished.rename(path)
    return path


def run_floor(
    cluster: Cluster, program: str, shape: data.Shape, rows: pathlib.Path, connections: int, **more
) -> Run:
    command = [
        *(program, "--url", cluster.url, "--table", TABLE, "--columns", shape.ddl),
        *("--key", data.KEY, "--data", str(rows), "--connections", str(connections)),
    ]
    outcome = measure.run(command, cluster.process.pid, 600, **more)
    if outcome.code != 0:
        raise SystemExit(f"the floor failed: {last_line(outcome.stderr)}")
    detail = json.loads(outcome.stdout)
    return Run(detail["total_s"], outcome, detail)


def run_peer(
    cluster: Cluster, name: str, shape: data.Shape, source: pathlib.Path, timeout: float
) -> measure.Outcome:
    with tempfile.TemporaryDirectory(prefix="spillway-bench-") as folder:
        task = {
            "source": str(source),
            "url": cluster.url,
            "table": TABLE,
            "ddl": shape.ddl,
            "key": data.KEY,
            "columns": shape.columns,
            "json_columns": shape.json_columns,
            "folder": folder,
        }
        script = BENCH / "peers" / f"load_{name}.py"
        command = [sys.executable, str(script), json.dumps(task)]
        return measure.run(command, cluster.process.pid, timeout, cwd=folder)


class Spillway:
    """The program with a home of its own and the target `bench` registered in it."""

    def __init__(self, program: pathlib.Path, cluster: Cluster):
        self.program = str(program)
        self.cluster = cluster
        self.home = tempfile.mkdtemp(prefix="spillway-bench-home-")
        self.env = dict(os.environ, SPILLWAY_HOME=self.home)
        self.run(["target", "add", "bench", cluster.url], check=True)

    def close(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)

    def run(
        self, arguments: list[str], timeout: float = 600, check: bool = False, **more
    ) -> measure.Outcome:
        env = dict(self.env, **more.pop("env", {}))
        command = [self.program, *arguments]
        outcome = measure.run(command, self.cluster.process.pid, timeout, env=env, **more)
        if check and outcome.code != 0:
            raise RuntimeError(
                f"spillway {' '.join(arguments[:2])} ended with {outcome.code}: "
                f"{last_line(outcome.stderr)}"
            )
        return outcome

    def version(self) -> str:
        return last_line(self.run(["--version"]).stdout)

    def forget(self, table: str = f"bench.{TABLE}") -> None:
        """Deletes the synced table with its target table, which must still be there."""
        self.run(["synced-table", "delete", table, "--drop-table", "--yes"])

    def load(self, source: str, table: str = f"bench.{TABLE}", **more) -> measure.Outcome:
        arguments = ["synced-table", "create", table, "--from", source, "--primary-key", data.KEY]
        return self.run(arguments, **more)


def hold(
    cluster: Cluster,
    shape: data.Shape,
    rows: int,
    rounds: int,
    peers: list[str],
    floor_program: str,
    spillway: Spillway | None,
) -> Contest:
    source = data.make(shape.name, rows)
    contest = Contest(shape, rows)
    encoded = capture(cluster, shape, rows, source)
    contest.bytes = encoded.stat().st_size

    expected: dict[str, str] = {}
    for connections in (1, 2, 3, 4):
        best = None
        for _ in range(2):
            reset(cluster)
            run = run_floor(cluster, floor_program, shape, encoded, connections)
            best = min(run.seconds, best or run.seconds)
            if not expected:
                expected = content(cluster, shape)
        contest.floors[connections] = best
    contest.connections = min(contest.floors, key=contest.floors.get)
    floor_seconds = contest.floors[contest.connections]
    floors = ", ".join(f"{n}: {s:.2f} s" for n, s in contest.floors.items())
    say(f"{shape.name}: floor by connections {floors}")
    timeout = max(60.0, 40 * floor_seconds)

    contest.contestants = [Contestant("floor")]
    if spillway is not None:
        contest.contestants.append(Contestant("spillway", version=spillway.version()))
    contest.contestants += [Contestant(name) for name in peers]

    def start(contestant: Contestant) -> Run | str:
        """One run, or why there is none."""
        if contestant.name == "floor":
            return run_floor(cluster, floor_program, shape, encoded, contest.connections)
        if contestant.name == "spillway":
            outcome = spillway.load(str(source), timeout=timeout)
        else:
            outcome = run_peer(cluster, contestant.name, shape, source, timeout)
        if outcome.timed_out:
            return f"took more than {timeout:.0f} s"
        if outcome.code != 0:
            return last_line(outcome.stderr)
        if contestant.name == "spillway":
            return Run(outcome.wall, outcome, {})
        detail = json.loads(last_line(outcome.stdout))
        contestant.version = detail["version"]
        return Run(detail["seconds"], outcome, detail)

    for number in range(rounds):
        turn = number % len(contest.contestants)
        order = contest.contestants[turn:] + contest.contestants[:turn]
        for contestant in order:
            if contestant.reason:
                continue
            slow = next(
                (
                    limit
                    for factor, limit in SLOW_ROUNDS
                    if contestant.runs and contestant.seconds > factor * floor_seconds
                ),
                rounds,
            )
            if number >= slow:
                continue
            reset(cluster)
            try:
                run = start(contestant)
                if isinstance(run, str):
                    contestant.reason = run
                    say(f"{shape.name}: {contestant.name}: {run}")
                    continue
                wrong = differences(expected, content(cluster, shape))
                has_key, notes = form(cluster, shape)
                if contestant.name == "spillway":
                    spillway.forget()
            except (psycopg.Error, ValueError, KeyError) as error:
                contestant.reason = f"no table to compare: {last_line(str(error))}"
                continue
            if wrong or not has_key:
                contestant.reason = (
                    f"differs from the floor's table in {', '.join(wrong)}"
                    if wrong
                    else "has no primary key"
                )
                contestant.runs.clear()
                continue
            contestant.notes |= notes
            contestant.runs.append(run)
            say(
                f"{shape.name}: round {number + 1}: {contestant.name} {run.seconds:.2f} s, "
                f"client CPU {run.client_cpu:.2f} s, "
                f"peak {run.outcome.peak_bytes / 2**20:.0f} MiB, idle {run.outcome.idle:.0%}"
            )

    reset(cluster)
    drawn = run_floor(cluster, floor_program, shape, encoded, contest.connections, timeline=True)
    # Without the time in which it reads its file, which no clock counts.
    read = drawn.outcome.wall - drawn.seconds
    contest.timelines["floor"] = [
        dict(sample, at=sample["at"] - read)
        for sample in drawn.outcome.timeline
        if sample["at"] >= read
    ]
    if spillway is not None and contest.find("spillway"):
        reset(cluster)
        drawn = spillway.load(str(source), timeline=True, check=True)
        contest.timelines["spillway"] = drawn.timeline
        spillway.forget()
    reset(cluster)
    return contest
