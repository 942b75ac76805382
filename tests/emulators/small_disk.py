"""A disk that a test can fill."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import subprocess


class SmallDisk:
    """A tmpfs of its own, which can be filled to the last byte and emptied again. Root only."""

    def __init__(self, path: pathlib.Path, megabytes: int) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(path)],
            check=True,
        )
        self._ballast = path / "ballast"

    def fill(self) -> None:
        """Leaves no byte."""
        with open(self._ballast, "ab", buffering=0) as ballast:
            for size in (1 << 20, 1 << 12):
                with contextlib.suppress(OSError):
                    while True:
                        ballast.write(b"\0" * size)
            try:
                ballast.write(b"\0")
            except OSError as error:
                assert error.errno == errno.ENOSPC, error

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)

    def remove(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.path)], check=False)
