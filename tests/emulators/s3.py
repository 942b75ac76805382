"""An S3 endpoint with real credentials: versitygw over a temporary directory."""

from __future__ import annotations

import os
import pathlib
import shutil

from emulators import install
from emulators.server_process import ServerProcess, free_port

ACCESS_KEY = "spillwaytestaccess"
SECRET_KEY = "s3cret/with+signs=and~more"
REGION = "us-east-1"


class S3:
    """One running gateway with the bucket `lake`. Objects are plain files below `bucket`."""

    scheme = "s3"

    def __init__(self, directory: pathlib.Path) -> None:
        self._root = directory / "s3"
        self.bucket = self._root / "data" / "lake"
        self.bucket.mkdir(parents=True)
        iam = self._root / "iam"
        iam.mkdir()
        program = install.versitygw()
        self.port = free_port()
        self._process = ServerProcess(
            [
                str(program),
                "--access",
                ACCESS_KEY,
                "--secret",
                SECRET_KEY,
                "--region",
                REGION,
                "--port",
                f"127.0.0.1:{self.port}",
                "--iam-dir",
                str(iam),
                "posix",
                str(self._root / "data"),
            ],
            self._root / "log",
            self.port,
        )

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"s3://lake/{path}"

    def options(self, port: int | None = None) -> dict[str, str]:
        """Storage options by delta-rs' key names."""
        return {
            "aws_access_key_id": ACCESS_KEY,
            "aws_secret_access_key": SECRET_KEY,
            "aws_region": REGION,
            "aws_endpoint_url": f"http://127.0.0.1:{port or self.port}",
            "aws_allow_http": "true",
        }

    def wrong_options(self) -> dict[str, str]:
        return {**self.options(), "aws_secret_access_key": "not-the-secret"}

    def environment(self) -> dict[str, str]:
        """The standard variables that say the same as `options`."""
        return {key.upper(): value for key, value in self.options().items()}

    def put_tree(self, tree: pathlib.Path, prefix: str) -> None:
        shutil.copytree(tree, self.bucket / prefix)

    def remove(self, path: str) -> None:
        os.unlink(self.bucket / path)

    def paths(self, prefix: str) -> list[str]:
        return sorted(
            str(p.relative_to(self.bucket))
            for p in (self.bucket / prefix).rglob("*")
            if p.is_file()
        )

    def stop(self) -> None:
        self._process.stop()
