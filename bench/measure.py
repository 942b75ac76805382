"""What the kernel says about a run: wall time, CPU of client and server, peak memory, idle cores.

Everything comes from /proc, so Linux only. A client's CPU is its user and system time with that of
every child it waited for (wait4); its peak memory is the sum of the high-water marks (VmHWM) of the
processes alive together, polled. The server's CPU is the postmaster's, its backends' and that of the
backends it has reaped.
"""

import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field

TICK = os.sysconf("SC_CLK_TCK")
POLL_SECONDS = 0.02
TIMELINE_SECONDS = 0.05


def stat_fields(path: str) -> list[str] | None:
    """The fields of a /proc stat file from the third on: what follows the name in parentheses."""
    try:
        with open(path) as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def descendants(root: int) -> list[int]:
    """`root` and every process below it."""
    found, waiting = [], [root]
    while waiting:
        process = waiting.pop()
        found.append(process)
        try:
            for thread in os.listdir(f"/proc/{process}/task"):
                with open(f"/proc/{process}/task/{thread}/children") as file:
                    waiting.extend(int(child) for child in file.read().split())
        except OSError:
            continue
    return found


def server_seconds(postmaster: int) -> float:
    """CPU seconds of the postmaster, of its living children, and of those it has reaped."""
    ticks = 0
    for process in descendants(postmaster):
        fields = stat_fields(f"/proc/{process}/stat")
        if fields is not None:
            ticks += sum(int(value) for value in fields[11 : 15 if process == postmaster else 13])
    return ticks / TICK


def core_times() -> list[tuple[int, int]]:
    """(all, idle) ticks of each core since boot."""
    cores = []
    with open("/proc/stat") as file:
        for line in file:
            if line.startswith("cpu") and line[3].isdigit():
                values = [int(value) for value in line.split()[1:9]]
                cores.append((sum(values), values[3] + values[4]))
    return cores


def idle_share(before: list[tuple[int, int]], after: list[tuple[int, int]]) -> float:
    every = sum(b[0] - a[0] for a, b in zip(before, after))
    idle = sum(b[1] - a[1] for a, b in zip(before, after))
    return idle / every if every else 0.0


def high_water_bytes(process: int) -> int:
    try:
        with open(f"/proc/{process}/status") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


@dataclass
class Outcome:
    """One client's run. Times in seconds, memory in bytes; `timeline` only when asked for."""

    code: int
    wall: float
    client_cpu: float
    server_cpu: float
    idle: float
    peak_bytes: int
    stdout: str
    stderr: str
    timed_out: bool = False
    timeline: list[dict] = field(default_factory=list)


class Timeline:
    """Samples, every 50 ms, how much of each core client and server used.

    A thread's run time (schedstat, in nanoseconds) is booked on the core it was last seen on; what the
    core was busy with beyond both is `other`. The cores' own counters tick every 10 ms, so a single
    sample is coarse; the sums are not.
    """

    def __init__(self, client: int, postmaster: int):
        self.client, self.postmaster = client, postmaster
        self.seen: dict[tuple[str, int], int] = {}
        self.samples: list[dict] = []
        self.start = self.last = time.monotonic()
        self.cores = core_times()
        self.read()

    def read(self) -> list[dict[str, float]]:
        used = [{"client": 0.0, "server": 0.0} for _ in self.cores]
        for side, root in (("client", self.client), ("server", self.postmaster)):
            for process in descendants(root):
                try:
                    threads = os.listdir(f"/proc/{process}/task")
                except OSError:
                    continue
                for thread in threads:
                    base = f"/proc/{process}/task/{thread}"
                    fields = stat_fields(f"{base}/stat")
                    try:
                        with open(f"{base}/schedstat") as file:
                            run = int(file.read().split()[0])
                    except (OSError, IndexError):
                        continue
                    if fields is None:
                        continue
                    key = (side, int(thread))
                    # A thread born since the last sample spent all its time in this one.
                    spent = run - self.seen.get(key, 0 if self.samples or self.seen else run)
                    self.seen[key] = run
                    used[int(fields[36])][side] += spent / 1e9
        return used

    def sample(self) -> None:
        used, cores, now = self.read(), core_times(), time.monotonic()
        width = now - self.last
        entry = {"at": self.last - self.start, "width": width, "cores": []}
        for core, (before, after) in enumerate(zip(self.cores, cores)):
            ticks = after[0] - before[0]
            busy = 1 - (after[1] - before[1]) / ticks if ticks else 0.0
            client = min(used[core]["client"] / width, 1.0)
            server = min(used[core]["server"] / width, 1.0 - client)
            other = max(0.0, min(busy, 1.0) - client - server)
            entry["cores"].append({"client": client, "server": server, "other": other})
        self.samples.append(entry)
        self.cores, self.last = cores, now


def run(
    command: list[str],
    postmaster: int,
    timeout: float,
    env: dict[str, str] | None = None,
    cwd: str | None = None,
    timeline: bool = False,
) -> Outcome:
    """Runs `command` to its end, or ends its process group after `timeout` seconds."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        server_before, cores_before = server_seconds(postmaster), core_times()
        start = time.monotonic()
        process = subprocess.Popen(
            command, stdout=out, stderr=err, env=env, cwd=cwd, start_new_session=True
        )
        ended = threading.Event()
        peak, polled = 0, 0.0
        late = False
        samples: list[dict] = []

        def watch() -> None:
            nonlocal peak, late, polled
            line = Timeline(process.pid, postmaster) if timeline else None
            marks: dict[int, int] = {}
            ticks: dict[int, int] = {}
            while not ended.wait(TIMELINE_SECONDS if timeline else POLL_SECONDS):
                alive = descendants(process.pid)
                marks = {p: max(high_water_bytes(p), marks.get(p, 0)) for p in alive}
                peak = max(peak, sum(marks.values()))
                for member in alive:
                    fields = stat_fields(f"/proc/{member}/stat")
                    if fields is not None:
                        ticks[member] = int(fields[11]) + int(fields[12])
                polled = sum(ticks.values()) / TICK
                if line is not None:
                    line.sample()
                if not late and time.monotonic() - start > timeout:
                    late = True
                    os.killpg(process.pid, signal.SIGKILL)
            if line is not None:
                samples.extend(line.samples)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            ended.set()
            raise
        wall = time.monotonic() - start
        ended.set()
        watcher.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        cores_after, server_after = core_times(), server_seconds(postmaster)
        out.seek(0)
        err.seek(0)
        return Outcome(
            code=process.returncode,
            wall=wall,
            # A child that its parent never waited for (Spark's JVM) is only in the polled sum.
            client_cpu=max(usage.ru_utime + usage.ru_stime, polled),
            server_cpu=server_after - server_before,
            idle=idle_share(cores_before, cores_after),
            peak_bytes=peak,
            stdout=out.read().decode(errors="replace"),
            stderr=err.read().decode(errors="replace"),
            timed_out=late,
            timeline=samples,
        )


def machine() -> dict[str, str]:
    """What a reader needs to judge the figures."""
    model = ""
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    release = pathlib.Path("/etc/os-release")
    name = ""
    if release.exists():
        for line in release.read_text().splitlines():
            if line.startswith("PRETTY_NAME="):
                name = line.split("=", 1)[1].strip('"')
    return {
        "cpu": model,
        "cores": str(os.cpu_count()),
        "memory": f"{memory / 2**30:.1f} GiB",
        "system": f"{name}, Linux {os.uname().release}",
        "load": " ".join(f"{value:.2f}" for value in os.getloadavg()),
    }
