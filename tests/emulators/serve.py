"""Emulators for programs that are not pytest: starts them, runs a command with their addresses, ends them.

    tests/run python -m emulators.serve s3 azure gcs pg15 pg18 [--seed DIR]… -- COMMAND…

Each DIR (a Delta table, say) is uploaded to every store under its own name. COMMAND finds in its environment, as
JSON, SPILLWAY_TEST_S3, SPILLWAY_TEST_AZURE, SPILLWAY_TEST_GCS = {"url", "storage_options", "wrong_options",
"environment"} and SPILLWAY_TEST_PG15, SPILLWAY_TEST_PG18 = {"url", "superuser_url", "password"}. An emulator that
cannot be had is named and left out, and COMMAND runs without it; with CI=true it is a failure. COMMAND's exit code is
this program's.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import Any

from emulators import install
from emulators.azure import Azure
from emulators.gcs import Gcs
from emulators.postgres import PASSWORD, Cluster
from emulators.s3 import S3
from emulators.server_process import Unavailable

_STORES = {"s3": S3, "azure": Azure, "gcs": Gcs}
_CLUSTERS = {"pg15": lambda _: install.postgres_15(), "pg18": install.postgres_18}


def _start(
    name: str, directory: pathlib.Path, seeds: list[pathlib.Path], end: contextlib.ExitStack
) -> dict[str, Any]:
    if name in _STORES:
        store: Any = _STORES[name](directory)
        end.callback(store.stop)
        for seed in seeds:
            store.put_tree(seed, seed.name)
        return {
            "url": store.url("").rstrip("/"),
            "storage_options": store.options(),
            "wrong_options": store.wrong_options(),
            "environment": store.environment(),
        }
    cluster = Cluster(_CLUSTERS[name](directory), directory, name)
    end.callback(cluster.remove)
    database = cluster.create_database("shop")
    return {
        "url": database.url(),
        "superuser_url": database.url(user="owner"),
        "password": PASSWORD,
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("emulators", nargs="+", choices=[*_STORES, *_CLUSTERS])
    parser.add_argument("--seed", action="append", type=pathlib.Path, default=[])
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    wanted = parser.parse_args(sys.argv[1:split])
    command = sys.argv[split + 1 :]
    if not command:
        parser.error("a COMMAND after -- is missing")
    with contextlib.ExitStack() as end:
        directory = pathlib.Path(tempfile.mkdtemp(prefix="spillway-test-"))
        directory.chmod(0o755)
        end.callback(shutil.rmtree, directory, ignore_errors=True)
        environment = dict(os.environ)
        for name in wanted.emulators:
            try:
                facts = _start(name, directory, wanted.seed, end)
            except Unavailable as reason:
                print(f"emulator missing: {name}: {reason}", file=sys.stderr)
                if os.environ.get("CI") == "true":
                    return 1
                continue
            environment[f"SPILLWAY_TEST_{name.upper()}"] = json.dumps(facts)
        return subprocess.run(command, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
