"""The program on a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import subprocess
import termios
import time
from collections.abc import Callable, Sequence

from program import BINARY, Program


_SETTLED = 0.15  # seconds without output: a line that is drawn again comes in pieces
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def _end_of(text: str, shown: str, since: int) -> int:
    """Where `text` ends that was shown since then, or 0. A prompt with something behind it is one that is drawn again
    while a line is edited: what is typed then can be lost."""
    at = shown.rfind(text, since)
    end = at + len(text)
    edited = text.endswith("> ") and _CONTROL.sub("", shown[end:]).strip()
    return 0 if at < 0 or edited else end


def converse(
    spillway: Program,
    arguments: list[str],
    lines: Sequence[tuple[str, str | Callable[[], str]]],
    code: int = 0,
    terminal: str = "xterm",
) -> str:
    """Types each line, or what it gives when called, when the text before it has appeared; everything that was shown."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [BINARY, *arguments],
        stdin=child,
        stdout=child,
        stderr=child,
        env={**spillway.environment, "TERM": terminal},
        cwd=spillway.home,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C is a signal
    )
    os.close(child)
    shown = ""
    deadline = time.monotonic() + 30
    pending = list(lines)
    seen = 0
    while time.monotonic() < deadline:
        ready, _, _ = select.select([parent], [], [], _SETTLED)
        if ready:
            try:
                data = os.read(parent, 65536)
            except OSError:
                break
            if not data:
                break
            shown += data.decode(errors="replace")
            continue
        if pending and (end := _end_of(pending[0][0], shown, seen)):
            seen = end
            line = pending.pop(0)[1]
            os.write(parent, (line if isinstance(line, str) else line()).encode())
    try:
        ended = process.wait(10)  # before the terminal closes, which would be a SIGHUP
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"still running, {len(pending)} to be typed: {shown!r}") from None
    finally:
        os.close(parent)
    assert ended == code, shown
    assert not pending, f"never saw {pending[0][0]!r} in {shown!r}"
    return shown
