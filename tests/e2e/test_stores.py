"""Tables in S3, Azure Blob and GCS: the same rows, credentials that count, faults named in bounded time."""

from __future__ import annotations

import itertools
import pathlib
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from emulators.gate import Gate
from emulators.s3 import S3
from emulators.server_process import free_port
from oracle import compare, files, golden
from program import Program

Tables = Callable[[str], pathlib.Path]
BOUND = 60.0  # seconds within which an endpoint that does not answer is given up
SHORT = {"max_retries": "2", "retry_timeout": "4s"}
_prefixes = itertools.count(1)


def flags(options: dict[str, str]) -> list[str]:
    return [
        part for key, value in options.items() for part in ("--storage-option", f"{key}={value}")
    ]


@pytest.fixture
def seeded(store: Any, tables: Tables) -> Callable[[str], str]:
    """Uploads a table to a place of its own and gives its path in the bucket."""

    def upload(name: str) -> str:
        path = f"stores-{next(_prefixes)}/{name}"
        store.put_tree(tables(name), path)
        return path

    return upload


def reads_as_golden(spillway: Program, url: str, name: str, *options: str) -> None:
    out = spillway.home / "rows.parquet"
    out.unlink(missing_ok=True)
    spillway.done("lake", "read", url, "--format", "parquet", "--out", out, *options)
    compare.assert_equal(
        files.parquet(out, golden.rows(name)), golden.rows(name), golden.keys(name)
    )


@pytest.mark.parametrize(
    "name",
    ["dv", "part", "v2ckpt", "ckpt_multipart", "colmap", "cdf_dv", "overwrite", "variant_shredded"],
)
def test_rows(spillway: Program, store: Any, seeded: Callable[[str], str], name: str) -> None:
    reads_as_golden(spillway, store.url(seeded(name)), name, *flags(store.options()))


def test_environment(spillway: Program, store: Any, seeded: Callable[[str], str]) -> None:
    program = spillway.with_environment(**store.environment())
    reads_as_golden(program, store.url(seeded("colmap")), "colmap")


def test_time_travel(spillway: Program, store: Any, seeded: Callable[[str], str]) -> None:
    """Object stores have their own modification times; in-commit timestamps decide."""
    case = golden.facts("ict")["timeTravel"][3]
    out = spillway.home / "rows.parquet"
    spillway.done(
        "lake",
        "read",
        store.url(seeded("ict")),
        *flags(store.options()),
        "--format",
        "parquet",
        "--out",
        out,
        "--timestamp",
        case["ts"].replace(" ", "T"),
    )
    compare.assert_equal(files.parquet(out), golden.rows("ict", case["version"]), ["id"])


def test_azure_by_its_other_schemes(spillway: Program, azure: Any, tables: Tables) -> None:
    path = f"stores-{next(_prefixes)}/colmap"
    azure.put_tree(tables("colmap"), path)
    for url in (
        f"azure://lake/{path}",
        f"abfss://lake@spillwaytest.dfs.core.windows.net/{path}",
        f"abfs://lake@spillwaytest.dfs.core.windows.net/{path}",
    ):
        reads_as_golden(spillway, url, "colmap", *flags(azure.options()))


def test_s3a(spillway: Program, s3: S3, tables: Tables) -> None:
    path = f"stores-{next(_prefixes)}/colmap"
    s3.put_tree(tables("colmap"), path)
    reads_as_golden(spillway, f"s3a://lake/{path}", "colmap", *flags(s3.options()))


def test_s3_by_a_profile(spillway: Program, s3: S3, tables: Tables) -> None:
    path = f"stores-{next(_prefixes)}/colmap"
    s3.put_tree(tables("colmap"), path)
    options = s3.options()
    folder = spillway.home / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(
        f"[lake]\naws_access_key_id = {options['aws_access_key_id']}\n"
        f"aws_secret_access_key = {options['aws_secret_access_key']}\n"
    )
    (folder / "config").write_text(f"[profile lake]\nregion = {options['aws_region']}\n")
    program = spillway.with_environment(
        AWS_PROFILE="lake", AWS_ENDPOINT_URL=s3.endpoint, AWS_ALLOW_HTTP="true"
    )
    reads_as_golden(program, s3.url(path), "colmap")


def fails(
    spillway: Program, url: str, options: dict[str, str], *error_class: str, timeout: float = BOUND
) -> str:
    """Demands the error and that nothing was written; gives all that was said."""
    folder = spillway.home / "out"
    folder.mkdir(exist_ok=True)
    failure = spillway.fails(
        "lake",
        "read",
        url,
        *flags(options),
        "--format",
        "parquet",
        "--out",
        folder / "rows.parquet",
        error_class=error_class,
        codes=(1,),
        timeout=timeout,
    )
    assert not list(folder.iterdir())
    return failure.outcome.stderr


def test_wrong_credentials(spillway: Program, store: Any, seeded: Callable[[str], str]) -> None:
    fails(spillway, store.url(seeded("colmap")), store.wrong_options(), "STORE_AUTHENTICATION")


def test_secrets_are_never_shown(spillway: Program, s3: S3, tables: Tables) -> None:
    path = f"stores-{next(_prefixes)}/colmap"
    s3.put_tree(tables("colmap"), path)
    options = {**s3.options(), "aws_secret_access_key": "very-secret-indeed"}
    said = fails(spillway, s3.url(path), options, "STORE_AUTHENTICATION")
    assert "very-secret-indeed" not in said


def test_nothing_at_the_url(spillway: Program, store: Any) -> None:
    fails(
        spillway,
        store.url("no/such/table"),
        store.options(),
        "SOURCE_NOT_FOUND",
        "DELTA_LOG_MISSING",
    )


def test_no_such_bucket(spillway: Program, store: Any) -> None:
    url = store.url("table").replace("lake", "nobucket", 1)
    fails(
        spillway,
        url,
        store.options(),
        "SOURCE_NOT_FOUND",
        "DELTA_LOG_MISSING",
        "STORE_AUTHENTICATION",
    )


def test_endpoint_down(spillway: Program, store: Any, seeded: Callable[[str], str]) -> None:
    began = time.monotonic()
    fails(
        spillway,
        store.url(seeded("colmap")),
        {**store.options(free_port()), **SHORT},
        "STORE_UNREACHABLE",
    )
    assert time.monotonic() - began < BOUND


def test_endpoint_down_with_the_default_patience(spillway: Program, s3: S3) -> None:
    fails(spillway, s3.url("table"), s3.options(free_port()), "STORE_UNREACHABLE")


def test_connections_cut(
    spillway: Program, store: Any, seeded: Callable[[str], str], gate: Callable[[int], Gate]
) -> None:
    opened = gate(store.port)
    opened.set(refuse=True)
    fails(
        spillway,
        store.url(seeded("colmap")),
        {**store.options(opened.port), **SHORT},
        "STORE_UNREACHABLE",
    )


def test_a_short_interruption_is_retried(
    spillway: Program, s3: S3, tables: Tables, gate: Callable[[int], Gate]
) -> None:
    path = f"stores-{next(_prefixes)}/dv"
    s3.put_tree(tables("dv"), path)
    opened = gate(s3.port)
    opened.set(cut_after_server_bytes=300_000)
    timer = threading.Timer(1.0, opened.set)
    timer.start()
    try:
        reads_as_golden(spillway, s3.url(path), "dv", *flags(s3.options(opened.port)))
    finally:
        timer.cancel()
        timer.join()


def test_object_gone(spillway: Program, store: Any, seeded: Callable[[str], str]) -> None:
    path = seeded("ckpt_multipart")
    gone = [p for p in store.paths(path) if "_delta_log" not in p][-1]
    store.remove(gone)
    said = fails(spillway, store.url(path), store.options(), "DATA_FILE_MISSING")
    assert gone.rpartition("/")[2] in said


def test_object_gone_while_reading(
    spillway: Program, s3: S3, tables: Tables, gate: Callable[[int], Gate]
) -> None:
    """The data files are removed after the log has begun to be read."""
    path = f"stores-{next(_prefixes)}/dv"
    s3.put_tree(tables("dv"), path)
    opened = gate(s3.port)
    opened.set(delay=0.02)
    folder = spillway.home / "out"
    folder.mkdir()
    process = spillway.start(
        "lake",
        "read",
        s3.url(path),
        *flags(s3.options(opened.port)),
        "--format",
        "parquet",
        "--out",
        folder / "rows.parquet",
        "-o",
        "json",
    )
    deadline = time.monotonic() + 20
    while opened.accepted == 0 and process.running() and time.monotonic() < deadline:
        time.sleep(0.01)
    for name in s3.paths(path):
        if name.endswith(".parquet"):
            s3.remove(name)
    outcome = process.wait(BOUND)
    assert outcome.code == 1 and outcome.failure().error_class == "DATA_FILE_MISSING", outcome
    assert not list(folder.iterdir())


def test_truncated_object(spillway: Program, s3: S3, tables: Tables) -> None:
    path = f"stores-{next(_prefixes)}/overwrite"
    s3.put_tree(tables("overwrite"), path)
    for name in s3.paths(path):
        if name.endswith(".parquet"):
            file = s3.bucket / name
            file.write_bytes(file.read_bytes()[:-20])
    fails(spillway, s3.url(path), s3.options(), "DATA_FILE_CORRUPT")


def test_an_unknown_storage_option_is_named(spillway: Program, s3: S3) -> None:
    failure = spillway.fails(
        "lake",
        "read",
        s3.url("x"),
        "--storage-option",
        "aws_acess_key_id=x",
        error_class="INVALID_ARGUMENT",
        codes=(2,),
    )
    assert "aws_acess_key_id" in failure.message


def test_a_malformed_storage_option_is_named(spillway: Program) -> None:
    spillway.fails(
        "lake",
        "read",
        "s3://lake/x",
        "--storage-option",
        "novalue",
        error_class="INVALID_ARGUMENT",
        codes=(2,),
    )
