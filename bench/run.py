"""Runs the benchmark and writes bench/results/latest.json and latest.html; the summary is on stdout.

Environment:
    ROWS      rows of the narrow table (10000000); every other size shrinks along with it
    PEERS     which peers: all, none, or a list such as duckdb,adbc
    SHAPES    which shapes to load: narrow,wide1k,nested
    PARTS     what to measure: load,memory,latency,planning
    RUNS      alternating rounds of each load (5)
    SPILLWAY  the program; build/bin/spillway if not set
    FLOOR     the floor; build/bin/spillway-floor if not set
    RESULTS   where the results go; bench/results if not set
"""

import datetime
import os
import pathlib
import signal
import sys

import bars
import contest
import data
import measure
import report
from cluster import Cluster

ROOT = pathlib.Path(__file__).resolve().parent.parent
PARTS = ("load", "memory", "latency", "planning")
LOADED = ("narrow", "wide1k", "nested")


def chosen(variable: str, known: tuple[str, ...]) -> list[str]:
    """The names in the environment's `variable`: all by default, each one known."""
    given = os.environ.get(variable, "all").strip()
    if given == "all":
        return list(known)
    names = [] if given in ("", "none") else [name.strip() for name in given.split(",")]
    for name in names:
        if name not in known:
            raise SystemExit(f"{variable}: {name} is none of {', '.join(known)}")
    return names


def number(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isdigit() or int(text) < 1:
        raise SystemExit(f"{variable}: {text} is not a positive whole number")
    return int(text)


def floor_program() -> str:
    floor = os.environ.get("FLOOR") or str(ROOT / "build" / "bin" / "spillway-floor")
    if not os.access(floor, os.X_OK):
        raise SystemExit(f"{floor} is missing: make build, or name another with FLOOR=")
    return floor


def stop(*_) -> None:
    """A SIGTERM unwinds like Ctrl-C, so that the server and the client are stopped."""
    raise KeyboardInterrupt


def main() -> int:
    signal.signal(signal.SIGTERM, stop)
    full = data.SHAPES["narrow"].rows
    rows = number("ROWS", full)
    rounds = number("RUNS", 5)
    peers = chosen("PEERS", contest.PEERS)
    shapes = chosen("SHAPES", LOADED)
    parts = chosen("PARTS", PARTS)
    scale = rows / full
    floor = floor_program()
    program = pathlib.Path(os.environ.get("SPILLWAY") or ROOT / "build" / "bin" / "spillway")

    contests: list[contest.Contest] = []
    figures: list[bars.Figure] = []
    with Cluster() as cluster:
        about = {
            "Run": {
                "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
                "narrow rows": f"{rows:,}" + ("" if scale == 1 else " (shrunk: the bars are not)"),
                "rounds": str(rounds),
                "seed": str(data.SEED),
            },
            "Machine": measure.machine(),
            "PostgreSQL": cluster.described(),
        }
        spillway = None
        try:
            if os.access(program, os.X_OK):
                spillway = contest.Spillway(program, cluster)
                about["Run"]["Spillway"] = spillway.version()
            else:
                contest.say(f"{program} is missing: only the floor and the peers are measured")
            if "load" in parts:
                for name in shapes:
                    size = round(data.SHAPES[name].rows * scale)
                    contests.append(
                        contest.hold(
                            cluster, data.SHAPES[name], size, rounds, peers, floor, spillway
                        )
                    )
                    figures += report.figures_of(contests[-1])
            if spillway is not None and "memory" in parts:
                figures += bars.memory(spillway, scale)
            if spillway is not None and "latency" in parts:
                figures += bars.nothing_changed(spillway)
            if "planning" in parts:
                figures += bars.planning(spillway, cluster.process.pid, scale)
        finally:
            if spillway is not None:
                spillway.close()
    versions = {
        contest.TITLES[c.name]: c.version
        for held in contests
        for c in held.contestants
        if c.version and c.name != "spillway"
    }
    if versions:
        about["Peers"] = versions
    results = pathlib.Path(os.environ.get("RESULTS") or ROOT / "bench" / "results")
    report.write(results, about, contests, figures)
    print(report.as_text(about, contests, figures))
    print(f"written: {results / 'latest.json'}, {results / 'latest.html'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
