"""Azure Blob Storage: Azurite in memory, with an account and key of our own."""

from __future__ import annotations

import base64
import datetime
import email.utils
import hashlib
import hmac
import pathlib
import urllib.parse
import xml.etree.ElementTree as ElementTree

import requests

from emulators import install
from emulators.server_process import ServerProcess, free_port

ACCOUNT = "spillwaytest"
KEY = base64.b64encode(hashlib.sha256(b"a key of the tests").digest()).decode()
CONTAINER = "lake"
_VERSION = "2023-11-03"


class Azure:
    """One running Azurite with the container `lake`."""

    scheme = "az"

    def __init__(self, directory: pathlib.Path) -> None:
        program = install.azurite()
        root = directory / "azure"
        root.mkdir()
        self.port = free_port()
        self._process = ServerProcess(
            [
                *program,
                "--silent",
                "--inMemoryPersistence",
                "--blobHost",
                "127.0.0.1",
                "--blobPort",
                str(self.port),
                "--disableTelemetry",
                "--skipApiVersionCheck",
            ],
            root / "log",
            self.port,
            env={"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
        )
        self._request("PUT", "", {"restype": "container"})

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    def url(self, path: str) -> str:
        return f"az://{CONTAINER}/{path}"

    def options(self, port: int | None = None) -> dict[str, str]:
        """Storage options by delta-rs' key names."""
        return {
            "azure_storage_account_name": ACCOUNT,
            "azure_storage_account_key": KEY,
            "azure_storage_endpoint": f"http://127.0.0.1:{port or self.port}/{ACCOUNT}",
            "allow_http": "true",
        }

    def wrong_options(self) -> dict[str, str]:
        wrong = base64.b64encode(hashlib.sha256(b"another key").digest()).decode()
        return {**self.options(), "azure_storage_account_key": wrong}

    def environment(self) -> dict[str, str]:
        """The standard variables that say the same as `options`."""
        return {
            key.upper(): value for key, value in self.options().items() if key.startswith("azure")
        }

    def put_tree(self, tree: pathlib.Path, prefix: str) -> None:
        for file in sorted(p for p in tree.rglob("*") if p.is_file()):
            self._request("PUT", f"{prefix}/{file.relative_to(tree)}", {}, file.read_bytes())

    def remove(self, path: str) -> None:
        self._request("DELETE", path, {})

    def paths(self, prefix: str) -> list[str]:
        answer = self._request(
            "GET", "", {"restype": "container", "comp": "list", "prefix": prefix + "/"}
        )
        return sorted(e.text or "" for e in ElementTree.fromstring(answer).iter("Name"))

    def stop(self) -> None:
        self._process.stop()

    def _request(self, method: str, blob: str, query: dict[str, str], body: bytes = b"") -> bytes:
        path = f"/{ACCOUNT}/{CONTAINER}" + (f"/{urllib.parse.quote(blob)}" if blob else "")
        now = email.utils.format_datetime(datetime.datetime.now(datetime.UTC), usegmt=True)
        headers = {"x-ms-date": now, "x-ms-version": _VERSION}
        if method == "PUT" and blob:
            headers |= {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/octet-stream"}
        fields = [
            method,
            "",
            "",
            str(len(body)) if body else "",
            "",
            headers.get("Content-Type", ""),
            "",
            "",
            "",
            "",
            "",
            "",
        ]
        fields += [f"{k}:{headers[k]}" for k in sorted(headers) if k.startswith("x-ms-")]
        resource = f"/{ACCOUNT}{path}" + "".join(f"\n{k}:{query[k]}" for k in sorted(query))
        signed = hmac.new(
            base64.b64decode(KEY), "\n".join([*fields, resource]).encode(), hashlib.sha256
        )
        signature = base64.b64encode(signed.digest()).decode()
        headers["Authorization"] = f"SharedKey {ACCOUNT}:{signature}"
        answer = requests.request(
            method,
            f"http://127.0.0.1:{self.port}{path}",
            params=query,
            headers=headers,
            data=body,
            timeout=30,
        )
        answer.raise_for_status()
        return answer.content
