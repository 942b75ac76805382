"""Sling: its Delta source (through DuckDB's command line), its Postgres target, then the key.

Sling makes its own table; its types are compared with the floor's by the caller.
"""

import glob
import importlib.metadata
import os
import pathlib
import shutil
import site
import subprocess
import sys

from task import Task


def prepare(folder: str) -> dict[str, str]:
    """A home of its own, where Sling's DuckDB finds its extensions without a download."""
    packages = site.getsitepackages()[0]
    version = importlib.metadata.version("duckdb-cli")
    place = pathlib.Path(folder) / ".duckdb" / "extensions" / f"v{version}" / "linux_amd64"
    place.mkdir(parents=True)
    for name in ("json", "delta"):
        pattern = f"{packages}/duckdb_extension_{name}/extensions/*/{name}.duckdb_extension"
        shutil.copy(glob.glob(pattern)[0], place)
    return dict(
        os.environ,
        HOME=folder,
        SLING_HOME_DIR=os.path.join(folder, ".sling"),
        SLING_DISABLE_TELEMETRY="TRUE",
        DUCKDB_PATH=os.path.join(os.path.dirname(sys.executable), "duckdb"),
    )


def main() -> None:
    task = Task()
    if task.json_columns:
        sys.exit(
            "Sling hands nested columns over in DuckDB's display form, which the server refuses as "
            "JSON, and then waits for ever"
        )
    packages = site.getsitepackages()[0]
    env = prepare(task.folder)
    command = [
        *(f"{packages}/sling_linux_amd64/bin/sling-linux-amd64", "run"),
        *("--src-stream", f"file://{task.source}", "--src-options", "{format: delta}"),
        *("--tgt-conn", f"{task.url}?sslmode=disable", "--tgt-object", task.table),
        *("--mode", "full-refresh"),
    ]
    with task.clock():
        done = subprocess.run(command, env=env, cwd=task.folder, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(done.stdout[-3000:] + done.stderr[-3000:])
        task.add_key()
    task.done(f"Sling {importlib.metadata.version('sling-linux-amd64')}")


main()
