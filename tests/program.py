"""The program under test, run as a user runs it; and the one place that knows the keys of its JSON."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

BINARY = pathlib.Path(
    os.environ.get("SPILLWAY_BIN")
    or pathlib.Path(__file__).resolve().parent.parent / "build" / "bin" / "spillway"
)

_CRASH_SIGNS = (
    "AddressSanitizer",
    "LeakSanitizer",
    "ThreadSanitizer",
    "runtime error:",
    "terminate called",
    "panicked at",
    "invariant broken",
    "Assertion `",
)


class Keys:
    """Names in `-o json` output."""

    ERROR = ("code", "class", "message", "object", "mend")
    CLASS, MESSAGE, OBJECT, MEND, DETAILS = "class", "message", "object", "mend", "details"
    NAME, URL, STATE = "name", "url", "state"
    OUTCOME, ROWS, VERSION = "outcome", "rows", "version"
    OUTCOME_NOTHING, OUTCOME_DONE = "nothing to do", "done"


@dataclasses.dataclass
class Failure:
    """An error as `-o json` tells it."""

    error_class: str
    message: str
    object: str
    mend: str
    details: dict[str, Any]
    outcome: Outcome


@dataclasses.dataclass
class Outcome:
    """What one run of the program gave."""

    command: list[str]
    code: int
    stdout: bytes
    stderr: str
    seconds: float

    @property
    def text(self) -> str:
        return self.stdout.decode()

    def json(self) -> Any:
        """The document on stdout."""
        try:
            return json.loads(self.stdout)
        except ValueError as error:
            raise AssertionError(f"stdout is not one JSON document: {self}") from error

    def documents(self) -> list[dict[str, Any]]:
        """The JSON objects on stderr, one a line (progress events and the error)."""
        found = []
        for line in self.stderr.splitlines():
            if line.startswith("{"):
                found.append(json.loads(line))
        return found

    def failure(self) -> Failure:
        """The one error object on stderr."""
        assert self.code != 0, f"did not fail: {self}"
        errors = [d for d in self.documents() if Keys.CLASS in d]
        assert len(errors) == 1, f"{len(errors)} error objects on stderr: {self}"
        missing = [k for k in Keys.ERROR if k not in errors[0]]
        assert not missing, f"the error lacks {missing}: {self}"
        error = errors[0]
        assert error[Keys.MESSAGE] and error[Keys.MEND], f"no message or no mend: {self}"
        return Failure(
            error[Keys.CLASS],
            error[Keys.MESSAGE],
            error[Keys.OBJECT] or "",
            error[Keys.MEND],
            error.get(Keys.DETAILS) or {},
            self,
        )

    def __str__(self) -> str:
        return (
            f"\n$ {' '.join(self.command)}\nexit code {self.code} after {self.seconds:.2f} s\n"
            f"stdout: {self.stdout[:2000]!r}\nstderr: {self.stderr[-4000:]}"
        )


class Program:
    """Spillway with a home of its own. The environment is bare, so that nothing of the machine leaks into a test."""

    def __init__(self, home: pathlib.Path, environment: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "TZ": "Asia/Kathmandu",  # an offset of 5:45 shows every use of the process's own zone
            "SPILLWAY_HOME": str(home / "spillway"),
            **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")},
            **(environment or {}),
        }

    def with_environment(self, **more: str) -> Program:
        """The same home with more variables."""
        return Program(self.home, {**self.environment, **more})

    def start(
        self,
        *arguments: str | os.PathLike[str],
        cwd: pathlib.Path | None = None,
    ) -> Running:
        """Starts the program and does not wait."""
        return Running(
            [str(BINARY), *map(str, arguments)],
            self.environment,
            cwd or self.home,
        )

    def run(
        self,
        *arguments: str | os.PathLike[str],
        timeout: float = 60,
        cwd: pathlib.Path | None = None,
        crash_allowed: bool = False,
    ) -> Outcome:
        """Runs to the end. A crash, a sanitizer's report or `timeout` seconds are failures of the test."""
        return self.start(*arguments, cwd=cwd).wait(timeout, crash_allowed=crash_allowed)

    def done(self, *arguments: str | os.PathLike[str], **options: Any) -> Outcome:
        """Runs and demands exit code 0."""
        outcome = self.run(*arguments, **options)
        assert outcome.code == 0, f"failed: {outcome}"
        return outcome

    def json(self, *arguments: str | os.PathLike[str], **options: Any) -> Any:
        """The document of `-o json`."""
        return self.done(*arguments, "-o", "json", **options).json()

    def fails(
        self,
        *arguments: str | os.PathLike[str],
        error_class: str | Sequence[str],
        codes: Sequence[int] = (1, 2),
        timeout: float = 20,
        **options: Any,
    ) -> Failure:
        """Runs with `-o json` and demands an error of the class, nothing on stdout, and one of the exit codes."""
        outcome = self.run(*arguments, "-o", "json", timeout=timeout, **options)
        assert outcome.code in codes, f"expected exit code in {codes}: {outcome}"
        assert outcome.stdout == b"", f"data on stdout of a failed command: {outcome}"
        failure = outcome.failure()
        wanted = [error_class] if isinstance(error_class, str) else list(error_class)
        assert failure.error_class in wanted, f"expected class {wanted}: {outcome}"
        return failure


class Running:
    """A started program."""

    def __init__(
        self, command: list[str], environment: Mapping[str, str], cwd: pathlib.Path
    ) -> None:
        self._command = command
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def read_line_and_leave(self) -> bytes:
        """Reads one line of stdout and closes it, as `head -1` does."""
        stream = self._process.stdout
        assert stream is not None
        line: bytes = stream.readline()
        self.leave()
        return line

    def leave(self) -> None:
        """Closes stdout, as a reader does that has ended."""
        stream = self._process.stdout
        assert stream is not None
        stream.close()
        self._process.stdout = None

    def wait_for_signal_handling(self, within: float = 20) -> None:
        """Waits until the program has taken signals into its own hands, which is the first thing it does."""
        deadline = time.monotonic() + within
        while self.running() and time.monotonic() < deadline:
            status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
            blocked = next(line for line in status.splitlines() if line.startswith("SigBlk:"))
            if int(blocked.split()[1], 16) != 0:
                return
            time.sleep(0.002)

    def wait_until_stopped(self) -> bool:
        """Waits until the program has stopped itself at a failpoint (`NAME=stop`), or ended; whether it stopped."""
        state = os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        return state is not None and state.si_code == os.CLD_STOPPED

    def running(self) -> bool:
        return self._process.poll() is None

    def send(self, sent: signal.Signals) -> None:
        if self.running():
            self._process.send_signal(sent)

    def wait(self, timeout: float = 60, *, crash_allowed: bool = False) -> Outcome:
        """Waits for the end; past `timeout` the program is killed and the test fails."""
        try:
            stdout, stderr = self._process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            stdout, stderr = self._process.communicate()
            outcome = self._outcome(stdout, stderr)
            raise AssertionError(f"still running after {timeout} s: {outcome}") from None
        outcome = self._outcome(stdout, stderr)
        if not crash_allowed:
            assert outcome.code >= 0, f"killed by {signal.Signals(-outcome.code).name}: {outcome}"
        signs = [sign for sign in _CRASH_SIGNS if sign in outcome.stderr]
        assert not signs, f"the program reports {signs}: {outcome}"
        return outcome

    def _outcome(self, stdout: bytes, stderr: bytes) -> Outcome:
        return Outcome(
            self._command,
            self._process.returncode,
            stdout,
            stderr.decode(errors="replace"),
            time.monotonic() - self._began,
        )
