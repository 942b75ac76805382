"""The bars that are not a race: peak memory, a sync with nothing to do, and planning."""

import contextlib
import json
import os
import pathlib
import re
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass

import cluster as clusters
import data
import measure
from contest import BENCH, Spillway, last_line, reset, say

# What is run to plan a full read of a table, and what prepares it outside the clock.
PLAN_TABLE = "bench.public.planned"
PLAN_PREPARE = [
    ["synced-table", "delete", PLAN_TABLE, "--drop-table", "--yes"],
    [
        "synced-table",
        "create",
        PLAN_TABLE,
        "--from",
        "{source}",
        "--primary-key",
        "id",
        "--no-sync",
    ],
]
PLAN_COMMAND = ["explain", PLAN_TABLE]
NOTHING_CHANGED_RUNS = 20
PLAN_RUNS = 5


@dataclass
class Figure:
    name: str
    value: float | None
    unit: str
    goal: float | None = None
    better: str = "lower"
    reason: str = ""  # why there is no value


def attempt(figures: list[Figure], names: list[tuple[str, str, float | None]], work) -> None:
    """Adds the figures that `work` returns, in the order of `names`, or the reason there are none."""
    try:
        values = work()
        reason = ""
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        values = [None] * len(names)
        reason = last_line(str(error))
        say(f"{names[0][0]}: {reason}")
    for (name, unit, goal), value in zip(names, values):
        figures.append(Figure(name, value, unit, goal, reason=reason))
        if value is not None:
            say(f"{name}: {value:.3g} {unit}")


def peak(spillway: Spillway, source: str, env: dict[str, str] | None = None) -> list[float]:
    spillway.forget()
    reset(spillway.cluster)
    outcome = spillway.load(source, check=True, env=env or {})
    spillway.forget()
    return [outcome.peak_bytes / 2**20, outcome.wall]


@contextlib.contextmanager
def s3_of(folder: pathlib.Path):
    """An S3 endpoint (versitygw over files) whose bucket `bench` holds `folder`: URL and settings."""
    program = os.environ.get("VERSITYGW") or shutil.which("versitygw")
    if not program:
        raise RuntimeError("no S3 endpoint: versitygw is not installed (it needs Go)")
    access, secret = "bench", secrets.token_urlsafe(16)
    port = clusters.free_port()
    with tempfile.TemporaryDirectory(prefix="spillway-bench-s3-", dir=folder.parent) as root:
        bucket = pathlib.Path(root) / "data" / "bench"
        iam = pathlib.Path(root) / "iam"
        iam.mkdir(parents=True)
        # Hard links: the gateway serves files in place.
        shutil.copytree(folder, bucket / folder.name, copy_function=os.link)
        process = subprocess.Popen(
            [
                *(program, "--access", access, "--secret", secret),
                *("--region", "us-east-1", "--port", f"127.0.0.1:{port}", "--iam-dir", str(iam)),
                *("posix", str(bucket.parent)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + 20
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2)
                    break
                except urllib.error.HTTPError:
                    break  # it answers: unsigned requests are refused
                except OSError:
                    if time.monotonic() > deadline or process.poll() is not None:
                        raise RuntimeError("versitygw did not start") from None
                    time.sleep(0.05)
            yield (
                f"s3://bench/{folder.name}",
                {
                    "AWS_ACCESS_KEY_ID": access,
                    "AWS_SECRET_ACCESS_KEY": secret,
                    "AWS_REGION": "us-east-1",
                    "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                    "AWS_ALLOW_HTTP": "true",
                },
            )
        finally:
            process.terminate()
            process.wait(10)


def memory(spillway: Spillway, scale: float) -> list[Figure]:
    figures: list[Figure] = []

    def sized(name: str, shape: str, rows: int) -> None:
        attempt(
            figures,
            [(f"memory.{name}", "MiB", 512.0), (f"memory.{name}.seconds", "s", None)],
            lambda: peak(spillway, str(data.make(shape, rows))),
        )

    sized("narrow_1m", "narrow", round(1_000_000 * scale))
    sized("narrow_30m", "narrow", round(30_000_000 * scale))
    group_rows = round(data.SHAPES["bigrowgroup"].rows * scale)
    sized("one_row_group_disk", "bigrowgroup", group_rows)

    def from_s3() -> list[float]:
        with s3_of(data.make("bigrowgroup", group_rows)) as (url, env):
            return peak(spillway, url, env)

    attempt(
        figures,
        [
            ("memory.one_row_group_s3", "MiB", 512.0),
            ("memory.one_row_group_s3.seconds", "s", None),
        ],
        from_s3,
    )
    return figures


def nothing_changed(spillway: Spillway) -> list[Figure]:
    table = "bench.public.quiet"
    figures: list[Figure] = []

    def work() -> list[float]:
        spillway.forget(table)
        reset(spillway.cluster)
        spillway.load(str(data.make("narrow", 100_000)), table, check=True)
        walls = [
            spillway.run(["sync", table], check=True).wall * 1000
            for _ in range(NOTHING_CHANGED_RUNS)
        ]
        spillway.forget(table)
        return [statistics.median(walls), max(walls)]

    attempt(
        figures,
        [("nothing_changed.p50", "ms", 50.0), ("nothing_changed.max", "ms", None)],
        work,
    )
    return figures


def planning(spillway: Spillway | None, postmaster: int, scale: float) -> list[Figure]:
    figures: list[Figure] = []
    goals = {
        "commits20k_checkpoint": (0.5, None),
        "commits20k": (5.0, None),
        "files1m": (2.0, 256.0),
        "files1m_one_commit": (2.0, 256.0),
    }
    for name, (seconds, mebibytes) in goals.items():
        files = max(100, round(data.PLANS[name][0] * scale))
        source = data.make(name, files)

        def by_spillway(source=source, files=files) -> list[float]:
            for arguments in PLAN_PREPARE:
                spillway.run([a.format(source=source) for a in arguments])
            outcomes = [spillway.run(PLAN_COMMAND, check=True) for _ in range(PLAN_RUNS)]
            if not re.search(rf"^files\s+{files}$", outcomes[0].stdout, re.MULTILINE):
                raise RuntimeError(f"explain does not plan {files} files: {outcomes[0].stdout}")
            return [
                statistics.median(outcome.wall for outcome in outcomes),
                max(outcome.peak_bytes for outcome in outcomes) / 2**20,
            ]

        def by_delta_rs(source=source) -> list[float]:
            script = str(BENCH / "peers" / "plan_delta_rs.py")
            outcome = measure.run([sys.executable, script, str(source)], postmaster, 300)
            if outcome.code != 0:
                raise RuntimeError(last_line(outcome.stderr))
            found = json.loads(outcome.stdout)
            return [found["seconds"], outcome.peak_bytes / 2**20]

        if spillway is not None:
            attempt(
                figures,
                [
                    (f"plan.{name}", "s", seconds),
                    (f"plan.{name}.peak", "MiB", mebibytes),
                ],
                by_spillway,
            )
        attempt(
            figures,
            [(f"plan.{name}.delta_rs", "s", None), (f"plan.{name}.delta_rs.peak", "MiB", None)],
            by_delta_rs,
        )
    return figures
