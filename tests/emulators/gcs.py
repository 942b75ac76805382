"""A small, strict server of the part of Google Cloud Storage's XML API that object-store clients use.

Every request must carry a bearer token that the service account signed (RS256), with an expiry in the future: the
form that Google accepts without a token exchange. Objects live in memory. An unknown method, query or header of
consequence is answered 400 or 501, never guessed.
"""

from __future__ import annotations

import base64
import dataclasses
import email.utils
import hashlib
import http.server
import json
import pathlib
import re
import subprocess
import threading
import time
import urllib.parse
import uuid
from xml.sax.saxutils import escape

_SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")
_LIST_KEYS = {"list-type", "prefix", "delimiter", "continuation-token", "max-keys", "start-after"}


class ServiceAccount:
    """An RSA key pair and the key file that a client is given."""

    def __init__(self, name: str) -> None:
        self.email = f"{name}@spillway-test.iam.gserviceaccount.com"
        self.key_id = uuid.uuid4().hex
        self.pem = _openssl(
            ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], b""
        )
        text = _openssl(["rsa", "-noout", "-modulus"], self.pem).decode()
        self.modulus = int(text.strip().partition("=")[2], 16)

    def key_file(self, base_url: str) -> dict[str, str]:
        """The service-account key JSON, with the endpoint of the emulator in it."""
        return {
            "type": "service_account",
            "project_id": "spillway-test",
            "private_key_id": self.key_id,
            "private_key": self.pem.decode(),
            "client_email": self.email,
            "client_id": "1",
            "gcs_base_url": base_url,
            "token_uri": "http://127.0.0.1:9/never-asked",
        }

    def signed(self, message: bytes, signature: bytes) -> bool:
        """RSASSA-PKCS1-v1_5 with SHA-256, exponent 65537 (RFC 8017, 8.2.2)."""
        size = (self.modulus.bit_length() + 7) // 8
        tail = _SHA256_PREFIX + hashlib.sha256(message).digest()
        wanted = b"\x00\x01" + b"\xff" * (size - len(tail) - 3) + b"\x00" + tail
        opened = pow(int.from_bytes(signature, "big"), 65537, self.modulus)
        return opened.to_bytes(size, "big") == wanted


def _openssl(arguments: list[str], given: bytes) -> bytes:
    return subprocess.run(
        ["openssl", *arguments], input=given, capture_output=True, check=True
    ).stdout


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclasses.dataclass
class _Object:
    body: bytes
    generation: int
    modified: float

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body).hexdigest()}"'


class Gcs:
    """One running server with the bucket `lake`. `requests` counts by method, `refused` the failed authentications."""

    scheme = "gs"

    def __init__(self, directory: pathlib.Path, port: int = 0) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[str, dict[str, _Object]] = {"lake": {}}
        self._uploads: dict[str, tuple[str, str, dict[int, bytes]]] = {}
        self._generation = 1
        self.requests: dict[str, int] = {}
        self.refused = 0
        self.account = ServiceAccount("reader")
        owner = self

        class Handler(_Handler):
            store = owner

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()
        self._key_path = directory / "gcs-key.json"
        self._wrong_path = directory / "gcs-wrong-key.json"
        self._write(self._key_path, self.account)
        self._write(self._wrong_path, ServiceAccount("stranger"))
        self._directory = directory

    def _write(self, path: pathlib.Path, account: ServiceAccount, port: int | None = None) -> None:
        path.write_text(json.dumps(account.key_file(f"http://127.0.0.1:{port or self.port}")))
        path.chmod(0o600)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"gs://lake/{path}"

    def options(self, port: int | None = None) -> dict[str, str]:
        """Storage options by delta-rs' key names."""
        path = self._key_path
        if port:
            path = self._directory / f"gcs-key-{port}.json"
            self._write(path, self.account, port)
        return {"google_service_account": str(path)}

    def wrong_options(self) -> dict[str, str]:
        return {"google_service_account": str(self._wrong_path)}

    def environment(self) -> dict[str, str]:
        """The standard variables that say the same as `options`.

        GOOGLE_BASE_URL too, because application credentials name no endpoint to object-store clients.
        """
        return {
            "GOOGLE_APPLICATION_CREDENTIALS": str(self._key_path),
            "GOOGLE_BASE_URL": self.endpoint,
        }

    def put_tree(self, tree: pathlib.Path, prefix: str) -> None:
        for file in sorted(p for p in tree.rglob("*") if p.is_file()):
            self.put("lake", f"{prefix}/{file.relative_to(tree)}", file.read_bytes())

    def remove(self, path: str) -> None:
        with self._lock:
            del self._buckets["lake"][path]

    def paths(self, prefix: str) -> list[str]:
        with self._lock:
            return sorted(p for p in self._buckets["lake"] if p.startswith(prefix + "/"))

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    # What the handler calls, each under the lock.

    def get(self, bucket: str, name: str) -> _Object | None:
        with self._lock:
            return self._buckets[bucket].get(name)

    def has_bucket(self, bucket: str) -> bool:
        return bucket in self._buckets

    def put(self, bucket: str, name: str, body: bytes, match: int | None = None) -> _Object | None:
        """The new object, or None when the generation to match is another."""
        with self._lock:
            present = self._buckets[bucket].get(name)
            if match is not None and match != (present.generation if present else 0):
                return None
            self._generation += 1
            made = _Object(body, self._generation, time.time())
            self._buckets[bucket][name] = made
            return made

    def delete(self, bucket: str, name: str) -> bool:
        with self._lock:
            return self._buckets[bucket].pop(name, None) is not None

    def names(self, bucket: str) -> list[tuple[str, _Object]]:
        with self._lock:
            return sorted(self._buckets[bucket].items(), key=lambda item: item[0].encode())

    def begin_upload(self, bucket: str, name: str) -> str:
        with self._lock:
            upload = uuid.uuid4().hex
            self._uploads[upload] = (bucket, name, {})
            return upload

    def add_part(self, upload: str, number: int, body: bytes) -> bool:
        with self._lock:
            if upload not in self._uploads:
                return False
            self._uploads[upload][2][number] = body
            return True

    def end_upload(self, upload: str) -> tuple[str, str, dict[int, bytes]] | None:
        with self._lock:
            return self._uploads.pop(upload, None)

    def count(self, method: str) -> None:
        with self._lock:
            self.requests[method] = self.requests.get(method, 0) + 1

    def allows(self, header: str | None) -> bool:
        """True when the bearer token is the account's own and still valid."""
        try:
            kind, _, token = (header or "").partition(" ")
            head, claims, signature = token.split(".")
            said = json.loads(_unpadded(claims))
            good = (
                kind == "Bearer"
                and json.loads(_unpadded(head))["alg"] == "RS256"
                and said["iss"] == self.account.email
                and said["exp"] > time.time()
                and said["iat"] <= time.time() + 60
                and self.account.signed(f"{head}.{claims}".encode(), _unpadded(signature))
            )
        except (ValueError, KeyError):
            good = False
        if not good:
            with self._lock:
                self.refused += 1
        return good


class _Handler(http.server.BaseHTTPRequestHandler):
    store: Gcs
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._handle()

    do_HEAD = do_PUT = do_DELETE = do_POST = do_GET

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        self.store.count(self.command)
        split = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(split.query, keep_blank_values=True))
        bucket, _, raw = split.path.lstrip("/").partition("/")
        name = urllib.parse.unquote(raw)
        if self.headers.get("Transfer-Encoding"):
            return self._error(411, "MissingContentLength")
        if not self.store.allows(self.headers.get("Authorization")):
            return self._error(401, "AuthenticationRequired")
        if not self.store.has_bucket(bucket):
            return self._error(404, "NoSuchBucket")
        if not name:
            return (
                self._list(bucket, query)
                if self.command == "GET"
                else self._error(501, "NotImplemented")
            )
        handler = {
            "GET": self._get,
            "HEAD": self._get,
            "PUT": self._put,
            "POST": self._post,
            "DELETE": self._delete,
        }[self.command]
        handler(bucket, name, query, body)

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _error(self, status: int, code: str) -> None:
        text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{code}</Message></Error>"
        self._answer(status, text.encode(), Content_Type="application/xml")

    def _get(self, bucket: str, name: str, query: dict[str, str], _: bytes) -> None:
        if set(query) - {"generation"}:
            return self._error(400, "InvalidArgument")
        found = self.store.get(bucket, name)
        if found is None:
            return self._error(404, "NoSuchKey")
        if self.headers.get("If-Match") not in (None, "*", found.etag):
            return self._error(412, "PreconditionFailed")
        facts = {
            "ETag": found.etag,
            "x_goog_generation": str(found.generation),
            "Last_Modified": email.utils.formatdate(found.modified, usegmt=True),
            "Accept_Ranges": "bytes",
            "Content_Type": "application/octet-stream",
        }
        wanted = self.headers.get("Range")
        if not wanted:
            return self._answer(200, found.body, Content_Length=str(len(found.body)), **facts)
        size = len(found.body)
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted)
        if not match or match.groups() == ("", ""):
            return self._error(400, "InvalidRange")
        first, last = match.groups()
        start = int(first) if first else max(size - int(last), 0)
        end = min(int(last), size - 1) if first and last else size - 1
        if start >= size or start > end:
            return self._error(416, "InvalidRange")
        part = found.body[start : end + 1]
        self._answer(
            206,
            part,
            Content_Range=f"bytes {start}-{end}/{size}",
            Content_Length=str(len(part)),
            **facts,
        )

    def _put(self, bucket: str, name: str, query: dict[str, str], body: bytes) -> None:
        if set(query) == {"partNumber", "uploadId"}:
            if not self.store.add_part(query["uploadId"], int(query["partNumber"]), body):
                return self._error(404, "NoSuchUpload")
            return self._answer(200, ETag=f'"{hashlib.md5(body).hexdigest()}"')
        if query:
            return self._error(400, "InvalidArgument")
        source = self.headers.get("x-goog-copy-source")
        if source:
            origin, _, path = urllib.parse.unquote(source).lstrip("/").partition("/")
            copied = self.store.get(origin, path) if self.store.has_bucket(origin) else None
            if copied is None:
                return self._error(404, "NoSuchKey")
            body = copied.body
        match = self.headers.get("x-goog-if-generation-match")
        made = self.store.put(bucket, name, body, int(match) if match is not None else None)
        if made is None:
            return self._error(412, "PreconditionFailed")
        self._answer(200, ETag=made.etag, x_goog_generation=str(made.generation))

    def _post(self, bucket: str, name: str, query: dict[str, str], body: bytes) -> None:
        if set(query) == {"uploads"}:
            upload = self.store.begin_upload(bucket, name)
            return self._xml(
                "InitiateMultipartUploadResult",
                f"<Bucket>{escape(bucket)}</Bucket>"
                f"<Key>{escape(name)}</Key><UploadId>{upload}</UploadId>",
            )
        if set(query) != {"uploadId"}:
            return self._error(400, "InvalidArgument")
        upload_parts = self.store.end_upload(query["uploadId"])
        if upload_parts is None or upload_parts[:2] != (bucket, name):
            return self._error(404, "NoSuchUpload")
        listed = re.findall(rb"<PartNumber>(\d+)</PartNumber>", body)
        try:
            whole = b"".join(upload_parts[2][int(number)] for number in listed)
        except KeyError:
            return self._error(400, "InvalidPart")
        match = self.headers.get("x-goog-if-generation-match")
        made = self.store.put(bucket, name, whole, int(match) if match is not None else None)
        if made is None:
            return self._error(412, "PreconditionFailed")
        self._xml(
            "CompleteMultipartUploadResult",
            f"<Key>{escape(name)}</Key><ETag>{escape(made.etag)}</ETag>",
            x_goog_generation=str(made.generation),
        )

    def _delete(self, bucket: str, name: str, query: dict[str, str], _: bytes) -> None:
        if set(query) == {"uploadId"}:
            found = self.store.end_upload(query["uploadId"]) is not None
        elif query:
            return self._error(400, "InvalidArgument")
        else:
            found = self.store.delete(bucket, name)
        return self._answer(204) if found else self._error(404, "NoSuchKey")

    def _xml(self, root: str, inner: str, **headers: str) -> None:
        text = f"<?xml version='1.0' encoding='UTF-8'?><{root}>{inner}</{root}>"
        self._answer(200, text.encode(), Content_Type="application/xml", **headers)

    def _list(self, bucket: str, query: dict[str, str]) -> None:
        if query.get("list-type") != "2" or set(query) - _LIST_KEYS:
            return self._error(400, "InvalidArgument")
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        limit = min(int(query.get("max-keys", "1000")), 1000)
        after = query.get("continuation-token") or query.get("start-after", "")
        entries: list[str] = []
        prefixes: list[str] = []
        last, truncated = "", False
        for name, found in self.store.names(bucket):
            if not name.startswith(prefix) or name.encode() <= after.encode():
                continue
            cut = name.find(delimiter, len(prefix)) if delimiter else -1
            group = name[: cut + len(delimiter)] if cut >= 0 else ""
            if group and (group in prefixes or after.startswith(group)):
                last = name
                continue
            if len(entries) + len(prefixes) == limit:
                truncated = True
                break
            last = name
            if group:
                prefixes.append(group)
                continue
            when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(found.modified)) + ".000Z"
            entries.append(
                f"<Contents><Key>{escape(name)}</Key><LastModified>{when}</LastModified>"
                f"<ETag>{escape(found.etag)}</ETag><Generation>{found.generation}</Generation>"
                f"<Size>{len(found.body)}</Size></Contents>"
            )
        inner = f"<Name>{escape(bucket)}</Name><Prefix>{escape(prefix)}</Prefix>"
        inner += f"<IsTruncated>{str(truncated).lower()}</IsTruncated>"
        if truncated:
            inner += f"<NextContinuationToken>{escape(last)}</NextContinuationToken>"
        groups = "".join(
            f"<CommonPrefixes><Prefix>{escape(p)}</Prefix></CommonPrefixes>" for p in prefixes
        )
        self._xml("ListBucketResult", inner + "".join(entries) + groups)
