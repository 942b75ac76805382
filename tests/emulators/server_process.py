"""A child process that is a server: started, waited for, and ended by its own process group."""

from __future__ import annotations

import contextlib
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import time


class Unavailable(Exception):
    """An emulator cannot be had on this machine; the text says why and how to get it."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on now, below those that the system gives to outgoing connections:
    a server that is restarted must find it free again."""
    while True:
        port = 12_000 + secrets.randbelow(20_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def accepts(port: int) -> bool:
    """True when something accepts connections on the port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def end_at_once(pid: int) -> None:
    """Kills a process, which need not be a child of ours, and returns when it holds nothing any more."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    with contextlib.suppress(OSError):
        while "(zombie)" not in pathlib.Path(f"/proc/{pid}/status").read_text():
            if time.monotonic() > deadline:
                raise RuntimeError(f"process {pid} outlives its end")
            time.sleep(0.005)


class ServerProcess:
    """One running server. `stop` ends it and everything it started; repeating it is harmless."""

    def __init__(
        self,
        command: list[str],
        log: pathlib.Path,
        port: int,
        *,
        env: dict[str, str] | None = None,
        within: float = 60,
    ) -> None:
        self.port = port
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, **(env or {})},
                cwd="/",
            )
        deadline = time.monotonic() + within
        while not accepts(port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(
                    f"{command[0]} does not listen on port {port}:\n"
                    + log.read_text(errors="replace")[-2000:]
                )
            time.sleep(0.02)

    @property
    def pid(self) -> int:
        return self._process.pid

    def children(self) -> list[int]:
        """The processes that it started and that live."""
        try:
            path = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children")
            return [int(pid) for pid in path.read_text().split()]
        except OSError:
            return []

    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self, sent: signal.Signals = signal.SIGTERM, within: float = 10) -> None:
        if self._process.poll() is None:
            self._signal(sent)
            try:
                self._process.wait(within)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                self._process.wait(10)

    def _signal(self, sent: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, sent)
