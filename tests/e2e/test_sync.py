"""The first sync and those after it, through the real program, into PostgreSQL 15 and 18."""

from __future__ import annotations

import datetime
import json
import pathlib
import re
import signal
import time
from collections.abc import Callable
from typing import Any

import deltalake
import pyarrow as pa
import pytest

import raw_delta
from e2e.bad_values import BAD_VALUES
from emulators.gate import Gate
from emulators.postgres import PASSWORD, Database
from oracle import compare, golden, postgres
from program import Keys, Outcome, Program
from scenarios.runner import outcome_of, stages

Tables = Callable[[str], pathlib.Path]


@pytest.fixture
def shop(spillway: Program, database: Database) -> Program:
    """The program with the target `shop`, on each server."""
    return with_target(spillway, database)


@pytest.fixture
def shop_15(spillway: Program, database_15: Database) -> Program:
    """The program with the target `shop`, on PostgreSQL 15."""
    return with_target(spillway, database_15)


def with_target(spillway: Program, database: Database, port: int | None = None) -> Program:
    program = spillway.with_environment(**database.environment)
    program.done("target", "add", "shop", database.url(port=port))
    return program


def create(program: Program, source: pathlib.Path | str, *flags: str, table: str = "t") -> Outcome:
    return program.done("synced-table", "create", f"shop.public.{table}", "--from", source, *flags)


def sync(program: Program, table: str = "t", **options: Any) -> str:
    return outcome_of(
        program.done("sync", f"shop.public.{table}", "-o", "json", "--progress", "none", **options)
    )


def ids(database: Database, table: str = "t") -> list[int]:
    return [r[0] for r in database.query(f"SELECT id FROM public.{table} ORDER BY id")]


@pytest.fixture
def lake(tmp_path: pathlib.Path) -> pathlib.Path:
    """A table of three rows, key id."""
    path = tmp_path / "lake" / "products"
    deltalake.write_deltalake(str(path), pa.table({"id": [1, 2, 3], "name": ["a", None, "c"]}))
    return path


def append(path: pathlib.Path, *keys: int) -> None:
    deltalake.write_deltalake(
        str(path), pa.table({"id": list(keys), "name": [f"n{k}" for k in keys]}), mode="append"
    )


# Every table, exactly


@pytest.mark.parametrize("name", golden.NAMES)
def test_table(shop: Program, database: Database, tables: Tables, name: str) -> None:
    want = golden.rows(name)
    flags = ["--primary-key", ",".join(golden.keys(name))]
    create(shop, tables(name), *flags)
    with database.connect() as connection:
        got = postgres.table(connection, "public", "t", want)
    compare.assert_equal(got, postgres.as_jsonb(want), golden.keys(name))
    key = database.query(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'public.t'::regclass"
        " AND contype = 'p'"
    )
    assert key == [(f"PRIMARY KEY ({', '.join(golden.keys(name))})",)]
    assert sync(shop) == "nothing" and not stages(database)


@pytest.mark.parametrize("name", ["dv", "cdf", "part"])
def test_keyless(shop_15: Program, database_15: Database, tables: Tables, name: str) -> None:
    want = golden.rows(name)
    create(shop_15, tables(name))
    with database_15.connect() as connection:
        got = postgres.table(connection, "public", "t", want)
    compare.assert_equal(got, postgres.as_jsonb(want), golden.keys(name))
    assert sync(shop_15) == "nothing" and not stages(database_15)


# Later syncs


def test_new_commit_is_swapped_in(shop: Program, database: Database, lake: pathlib.Path) -> None:
    create(shop, lake, "--primary-key", "id")
    old = database.query("SELECT 'public.t'::regclass::oid")
    append(lake, 4, 5)
    assert sync(shop) == "synced" and ids(database) == [1, 2, 3, 4, 5]
    assert database.query("SELECT 'public.t'::regclass::oid") != old
    assert sync(shop) == "nothing" and not stages(database)
    owner = database.query("SELECT tableowner FROM pg_tables WHERE tablename = 't'")
    assert owner == [("app",)]


def test_too_many_deletes_need_consent(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    create(shop_15, lake, "--primary-key", "id")
    deltalake.DeltaTable(str(lake)).delete()
    failure = shop_15.fails("sync", "shop.public.t", error_class="TOO_MANY_DELETES", codes=(5,))
    assert "3 of the 3 rows" in failure.outcome.stderr
    assert "--allow-deletes" in failure.outcome.stderr
    assert ids(database_15) == [1, 2, 3] and not stages(database_15)
    shop_15.done("sync", "shop.public.t", "--allow-deletes")
    assert ids(database_15) == []


def test_explain_says_what_keeps_the_table(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    create(shop_15, lake, "--primary-key", "id")
    append(lake, 4)

    def explained() -> dict[str, Any]:
        outcome = shop_15.done("explain", "shop.public.t", "-o", "json")
        return json.loads(outcome.stdout)

    assert explained()["action"] == "rebuild and swap"
    assert "compares them with the 3 rows" in explained()["other_ways"]["apply the difference"]
    with database_15.connect() as connection:
        connection.execute("CREATE VIEW public.v AS SELECT id FROM public.t")
    assert explained()["way_reason"] == "the new table takes over: view public.v"
    with database_15.connect() as connection:
        connection.execute("CREATE MATERIALIZED VIEW public.m AS SELECT id FROM public.t")
    plan = explained()
    assert plan["action"] == "apply the difference" and "public.m" in plan["way_reason"]
    assert "would lose" in plan["other_ways"]["rebuild and swap"]
    report = json.loads(
        shop_15.done("sync", "shop.public.t", "-o", "json", "--progress", "none").stdout
    )
    assert report["published_by"] == "apply in place"
    assert (report["rows_inserted"], report["rows_updated"], report["rows_deleted"]) == (1, 0, 0)


def test_a_reader_sees_the_old_rows_or_the_new(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    create(shop_15, lake, "--primary-key", "id")
    append(lake, 4)
    process = shop_15.start("sync", "shop.public.t")
    seen: set[int] = set()
    with database_15.connect() as connection:
        while process.running():
            row = connection.execute("SELECT count(*) FROM public.t").fetchone()
            assert row is not None
            seen.add(row[0])
    assert process.wait().code == 0
    assert seen <= {3, 4} and ids(database_15) == [1, 2, 3, 4]


def test_position_is_in_the_target(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    create(shop_15, lake, "--primary-key", "id")
    columns = [
        r[0]
        for r in database_15.query(
            "SELECT attname FROM pg_attribute WHERE attrelid ="
            " 'spillway.position'::regclass AND attnum > 0"
        )
    ]
    rows = [dict(zip(columns, row)) for row in database_15.query("SELECT * FROM spillway.position")]
    assert len(rows) == 1 and rows[0]["version"] == 0 and rows[0]["rows"] == 3
    append(lake, 4)
    sync(shop_15)
    assert database_15.query("SELECT version, rows FROM spillway.position") == [(1, 4)]


def test_home_lost_the_position_still_tells(
    spillway: Program, database_15: Database, lake: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """A new home does not own the table: it is refused, never overwritten."""
    first = with_target(spillway, database_15)
    create(first, lake, "--primary-key", "id")
    (tmp_path / "other").mkdir()
    other = with_target(Program(tmp_path / "other"), database_15)
    other.fails(
        "synced-table",
        "create",
        "shop.public.t",
        "--from",
        lake,
        "--primary-key",
        "id",
        error_class="ALREADY_EXISTS",
    )
    assert ids(database_15) == [1, 2, 3]


def test_nothing_to_do_is_said_and_writes_nothing(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    create(shop_15, lake, "--primary-key", "id")
    before = database_15.query("SELECT * FROM spillway.position")
    assert sync(shop_15) == "nothing"
    assert database_15.query("SELECT * FROM spillway.position") == before


# Bad rows


def test_up_to_ten_bad_rows_are_named(
    shop: Program, database: Database, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "lake" / "bad"
    keys = [key for key in range(100, 125) for _ in range(2)]
    deltalake.write_deltalake(str(path), pa.table({"id": keys}))
    failure = shop.fails(
        "synced-table",
        "create",
        "shop.public.t",
        "--from",
        path,
        "--primary-key",
        "id",
        error_class="PRIMARY_KEY_CONSTRAINT_VIOLATION",
        codes=(1,),
    )
    named = set(re.findall(r"\bid=(\d+)", failure.message))
    assert len(named) == 10 and named <= {str(key) for key in keys}, failure.outcome
    assert "25 keys in all" in failure.message and database.query("SELECT to_regclass('public.t')") == [(None,)]
    assert not stages(database)


@pytest.mark.parametrize(
    "column, error_class",
    [pytest.param(c, e, id=n) for n, c, e in BAD_VALUES],
)
def test_bad_value(
    shop_15: Program,
    database_15: Database,
    tmp_path: pathlib.Path,
    column: pa.Array,
    error_class: str,
) -> None:
    """The value's row, column and reason are named, and nothing arrives."""
    path = raw_delta.simple(
        tmp_path / "lake" / "bad", pa.table({"id": pa.array([41, 42]), "body": column})
    )
    failure = shop_15.fails(
        "synced-table",
        "create",
        "shop.public.t",
        "--from",
        path,
        "--primary-key",
        "id",
        error_class=error_class,
        codes=(1,),
    )
    said = failure.message + json.dumps(failure.details)
    assert "body" in said and "42" in said, failure.outcome
    assert database_15.query("SELECT to_regclass('public.t')") == [(None,)] and not stages(
        database_15
    )


def test_timestamps_at_the_servers_limits(
    shop: Program, database: Database, tmp_path: pathlib.Path
) -> None:
    """PostgreSQL's first instant, Delta's last one and PostgreSQL's first and last day fit."""
    first, last = -210866803200000000, 2**63 - 1
    rows = pa.table(
        {
            "id": [1, 2],
            "at": pa.array([first, last], pa.timestamp("us", "UTC")),
            "day": pa.array([-2440588, 2145042905], pa.date32()),
        }
    )
    create(shop, raw_delta.simple(tmp_path / "lake" / "edges", rows), "--primary-key", "id")
    database.query(f"ALTER DATABASE \"{database.name}\" SET TimeZone = 'UTC'")
    got = database.query("SELECT id, at::text, day::text FROM public.t ORDER BY id")
    assert got == [
        (1, "4714-11-24 00:00:00+00 BC", "4714-11-24 BC"),
        (2, "294247-01-10 04:00:54.775807+00", "5874897-12-31"),
    ]


# Definitions


@pytest.mark.parametrize(
    "flags, error_class, code",
    [
        (("--mode", "incremental", "--primary-key", "id"), "NOT_YET_SUPPORTED", 2),
        (("--mode", "continuous", "--primary-key", "id"), "NOT_YET_SUPPORTED", 2),
        (
            (
                "--mode",
                "fulll",
            ),
            ("INVALID_ARGUMENT", "INVALID_DEFINITION"),
            2,
        ),
        (("--deletes", "soft"), "NOT_YET_SUPPORTED", 2),
        (("--max-rejected", "5"), "INVALID_DEFINITION", 2),
        (("--primary-key", "nothing"), ("COLUMN_NOT_FOUND", "INVALID_DEFINITION"), 2),
        (("--primary-key", "id,id"), ("INVALID_DEFINITION", "INVALID_ARGUMENT"), 2),
        (
            ("--columns", "name", "--primary-key", "id"),
            ("INVALID_DEFINITION", "COLUMN_NOT_FOUND"),
            2,
        ),
        (("--where", "id >"), "INVALID_PREDICATE", 2),
        (("--batch-rows", "0"), ("INVALID_DEFINITION", "INVALID_ARGUMENT"), 2),
        (("--connections", "-1"), ("INVALID_DEFINITION", "INVALID_ARGUMENT"), 2),
    ],
    ids=str,
)
def test_wrong_definition(
    shop_15: Program,
    database_15: Database,
    lake: pathlib.Path,
    flags: tuple[str, ...],
    error_class: str | tuple[str, ...],
    code: int,
) -> None:
    shop_15.fails(
        "synced-table",
        "create",
        "shop.public.t",
        "--from",
        lake,
        *flags,
        error_class=error_class,
        codes=(code, 1),
    )
    assert database_15.query("SELECT to_regclass('public.t'), to_regnamespace('spillway')") == [
        (None, None)
    ]
    assert shop_15.json("synced-table", "list") == []


def test_the_same_name_twice(shop_15: Program, lake: pathlib.Path) -> None:
    create(shop_15, lake, "--primary-key", "id")
    shop_15.fails(
        "synced-table", "create", "shop.public.t", "--from", lake, error_class="ALREADY_EXISTS"
    )


def test_unknown_target_names_the_nearest(shop_15: Program, lake: pathlib.Path) -> None:
    failure = shop_15.fails(
        "synced-table", "create", "shpo.public.t", "--from", lake, error_class="TARGET_NOT_FOUND"
    )
    assert (
        "shop" in failure.message + failure.mend and "target add" in failure.message + failure.mend
    )


def test_unknown_source_folder(shop_15: Program, tmp_path: pathlib.Path) -> None:
    shop_15.fails(
        "synced-table",
        "create",
        "shop.public.t",
        "--from",
        tmp_path / "nowhere",
        error_class=("SOURCE_NOT_FOUND", "DELTA_LOG_MISSING"),
    )


def test_schema_of_the_target_is_made(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    shop_15.done("synced-table", "create", "shop.sales.t", "--from", lake)
    assert database_15.query("SELECT count(*) FROM sales.t") == [(3,)]


NAMES = [
    "Id",
    "select",
    'a"b',
    "semi;--",
    "Ünï☃",
    "$1",
    "with space",
    "tab\there",
    "x" * 63,
    "über" * 12,
]


def test_odd_names(shop: Program, database: Database, tmp_path: pathlib.Path) -> None:
    """Column and table names are quoted everywhere: case, quotes, blanks, unicode, 63 bytes."""
    path = raw_delta.simple(
        tmp_path / "lake" / "odd",
        pa.table({name: pa.array([i, -i]) for i, name in enumerate(NAMES, 1)}),
    )
    table = 'My "odd" ; table'
    quoted = '"' + table.replace('"', '""') + '"'
    shop.done(
        "synced-table", "create", f"shop.public.{quoted}", "--from", path, "--primary-key", "Id"
    )
    with database.connect() as connection:
        assert list(postgres.column_types(connection, "public", table)) == NAMES
    assert database.query(f'SELECT "Id" FROM public.{quoted} ORDER BY 1'.replace("%", "%%")) == [
        (-1,),
        (1,),
    ]


@pytest.mark.parametrize(
    "names",
    [["x" * 64], ["y" * 63 + "a", "y" * 63 + "b"], ["ctid", "id"], ["xmin", "id"]],
    ids=["64 bytes", "collision", "ctid", "xmin"],
)
def test_names_that_the_server_cannot_hold(
    shop_15: Program, database_15: Database, tmp_path: pathlib.Path, names: list[str]
) -> None:
    path = raw_delta.simple(
        tmp_path / "lake" / "odd", pa.table({name: pa.array([1]) for name in names})
    )
    shop_15.fails(
        "synced-table",
        "create",
        "shop.public.t",
        "--from",
        path,
        error_class="IDENTIFIER_COLLISION",
    )
    assert database_15.query("SELECT to_regclass('public.t')") == [(None,)]


@pytest.mark.parametrize(
    "override, kind, want",
    [
        ("name=varchar(5)", "character varying(5)", ["a", None, "c"]),
        ("name=varchar", "character varying", ["a", None, "c"]),
    ],
    ids=str,
)
def test_type_override(
    shop: Program,
    database: Database,
    lake: pathlib.Path,
    override: str,
    kind: str,
    want: list[str | None],
) -> None:
    create(shop, lake, "--primary-key", "id", "--type-overrides", override)
    with database.connect() as connection:
        assert postgres.column_types(connection, "public", "t")["name"] == kind
    assert [r[0] for r in database.query("SELECT name FROM public.t ORDER BY id")] == want


def test_a_value_that_does_not_fit_the_override(
    shop_15: Program, database_15: Database, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "lake" / "long"
    deltalake.write_deltalake(str(path), pa.table({"id": [1, 77], "name": ["ok", "too long"]}))
    failure = shop_15.fails(
        "synced-table",
        "create",
        "shop.public.t",
        "--from",
        path,
        "--primary-key",
        "id",
        "--type-overrides",
        "name=varchar(3)",
        error_class="VALUE_OUT_OF_RANGE",
        codes=(1,),
    )
    said = failure.message + json.dumps(failure.details)
    assert "name" in said and "77" in said


def test_uuid_and_text_array_overrides(
    shop: Program, database: Database, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "lake" / "u"
    deltalake.write_deltalake(
        str(path),
        pa.table(
            {
                "id": ["6F9619FF-8B86-D011-B42D-00C04FC964FF"],
                "tags": [["a", None, 'q"\\,{}']],
                "doc": ['{"b": 1.50, "a": []}'],
            }
        ),
    )
    create(
        shop,
        path,
        "--primary-key",
        "id",
        "--type-overrides",
        "id=uuid",
        "--type-overrides",
        "tags=text[]",
        "--type-overrides",
        "doc=jsonb",
    )
    assert database.query("SELECT id::text, tags, doc::text FROM public.t") == [
        ("6f9619ff-8b86-d011-b42d-00c04fc964ff", ["a", None, 'q"\\,{}'], '{"a": [], "b": 1.50}')
    ]


def test_secondary_indexes(shop: Program, database: Database, lake: pathlib.Path) -> None:
    create(shop, lake, "--primary-key", "id", "--indexes", "(name)")
    append(lake, 4)
    sync(shop)
    found = [r[0] for r in database.query("SELECT indexdef FROM pg_indexes WHERE tablename = 't'")]
    assert len(found) == 2 and any("(name)" in definition for definition in found)


# Interruption


@pytest.fixture
def wide(tmp_path: pathlib.Path) -> pathlib.Path:
    """Enough rows, in several files, that a sync can be hit while it works."""
    path = tmp_path / "lake" / "wide"
    for part in range(4):
        keys = list(range(part * 50_000, part * 50_000 + 50_000))
        deltalake.write_deltalake(
            str(path),
            pa.table({"id": keys, "name": [f"name {k}" * 4 for k in keys]}),
            mode="append",
        )
    return path


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
@pytest.mark.parametrize(
    "point", ["observe.source", "fence.after", "stage.create.after", "task.batch", "index.before"]
)
def test_interrupted(
    shop_15: Program, database_15: Database, wide: pathlib.Path, sent: signal.Signals, point: str
) -> None:
    """Old rows still served, nothing left behind, within a second or so; the next sync completes."""
    create(shop_15, wide, "--primary-key", "id")
    append(wide, 200_000)
    armed = shop_15.with_environment(SPILLWAY_FAILPOINTS=f"{point}=1*stop")
    process = armed.start("sync", "shop.public.t", "-o", "json", "--progress", "none")
    assert process.wait_until_stopped()
    began = time.monotonic()
    process.send(sent)
    process.send(signal.SIGCONT)
    outcome = process.wait(20)
    assert outcome.code == 128 + sent, outcome
    assert time.monotonic() - began < 3, f"took long to stop: {outcome}"
    assert outcome.failure().error_class == "CANCELLED", outcome
    assert database_15.query("SELECT count(*) FROM public.t") == [(200_000,)]
    assert not stages(database_15), outcome
    sync(shop_15)
    assert database_15.query("SELECT count(*) FROM public.t") == [(200_001,)]


def test_a_group_is_interrupted_in_the_time_of_one(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    """Stages that cannot be taken away now do not keep the user waiting one after the other."""
    names = [f"t{i}" for i in range(5)]
    for name in names:
        create(shop_15, lake, "--primary-key", "id", "--group", "g", "--no-sync", table=name)
    armed = shop_15.with_environment(SPILLWAY_FAILPOINTS="publish.begin=1*stop")
    process = armed.start("sync", "--all", "-o", "json", "--progress", "none")
    assert process.wait_until_stopped()
    with database_15.connect() as other, other.transaction():
        other.execute("LOCK TABLE spillway.stage")
        began = time.monotonic()
        process.send(signal.SIGINT)
        process.send(signal.SIGCONT)
        outcome = process.wait(20)
        assert time.monotonic() - began < 2, f"took long to stop: {outcome}"
    assert outcome.code == 130, outcome
    shop_15.done("sync", "--all")
    assert all(ids(database_15, name) == [1, 2, 3] for name in names)
    assert not stages(database_15)


@pytest.mark.parametrize("after", [0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6])
def test_killed(shop_15: Program, database_15: Database, wide: pathlib.Path, after: float) -> None:
    """kill -9 at any time: the target holds the old rows or the new; the next run cleans up and completes."""
    create(shop_15, wide, "--primary-key", "id", "--no-sync")
    process = shop_15.start("sync", "shop.public.t", "--progress", "none")
    time.sleep(after)
    process.send(signal.SIGKILL)
    process.wait(20, crash_allowed=True)
    if database_15.query("SELECT to_regclass('public.t')") != [(None,)]:
        assert database_15.query("SELECT count(*) FROM public.t") == [(200_000,)]
    sync(shop_15)
    assert database_15.query("SELECT count(*), count(DISTINCT id) FROM public.t") == [
        (200_000, 200_000)
    ]
    assert not stages(database_15)


def test_two_runs_at_once(shop_15: Program, database_15: Database, wide: pathlib.Path) -> None:
    create(shop_15, wide, "--primary-key", "id", "--no-sync")
    armed = shop_15.with_environment(SPILLWAY_FAILPOINTS="task.begin=1*stop")
    first = armed.start("sync", "shop.public.t", "-o", "json", "--progress", "none")
    assert first.wait_until_stopped()
    second = shop_15.run("sync", "shop.public.t", "-o", "json", "--progress", "none")
    assert second.code == 4, second
    failure = second.failure()
    assert failure.error_class == "RUN_IN_PROGRESS"
    assert failure.details["pid"] == str(first.pid)
    first.send(signal.SIGCONT)
    assert first.wait().code == 0
    assert database_15.query("SELECT count(*) FROM public.t") == [(200_000,)] and not stages(
        database_15
    )


def test_two_homes_at_once_are_fenced(
    spillway: Program, database_15: Database, wide: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Two machines with a copy of one home: one fence wins, the rows are whole."""
    import shutil

    first = with_target(spillway, database_15)
    create(first, wide, "--primary-key", "id", "--no-sync")
    shutil.copytree(spillway.home / "spillway", tmp_path / "twin" / "spillway")
    second = Program(
        tmp_path / "twin",
        {**first.environment, "SPILLWAY_HOME": str(tmp_path / "twin" / "spillway")},
    )
    runs = [
        p.start("sync", "shop.public.t", "-o", "json", "--progress", "none")
        for p in (first, second)
    ]
    for outcome in [run.wait() for run in runs]:
        assert outcome.code in (0, 1, 4), outcome
        if outcome.code == 1:
            assert outcome.failure().error_class in ("FENCED", "COMMIT_UNKNOWN"), outcome
    assert sync(first) in ("nothing", "synced")
    assert database_15.query("SELECT count(*), count(DISTINCT id) FROM public.t") == [
        (200_000, 200_000)
    ]
    assert not stages(database_15)


# The server


def test_server_down(
    shop_15: Program,
    spillway: Program,
    lake: pathlib.Path,
    gate: Callable[[int], Gate],
    database_15: Database,
) -> None:
    create(shop_15, lake, "--primary-key", "id")
    opened = gate(database_15.cluster.port)
    shop_15.done("target", "add", "far", database_15.url(port=opened.port))
    opened.set(refuse=True)
    began = time.monotonic()
    shop_15.fails(
        "synced-table",
        "create",
        "far.public.u",
        "--from",
        lake,
        error_class="CONNECTION_ERROR",
        timeout=60,
    )
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("limit", [2_000, 50_000, 1_000_000])
def test_connection_cut_while_loading(
    spillway: Program,
    database_15: Database,
    wide: pathlib.Path,
    gate: Callable[[int], Gate],
    limit: int,
) -> None:
    """A lost connection is an error or is retried; a later run completes; no row is doubled."""
    opened = gate(database_15.cluster.port)
    program = with_target(spillway, database_15, opened.port)
    program.done("synced-table", "create", "shop.public.t", "--from", wide, "--no-sync")
    opened.set(cut_after_client_bytes=limit)
    outcome = program.run("sync", "shop.public.t", "-o", "json", "--progress", "none")
    assert outcome.code in (0, 1), outcome
    if outcome.code == 1:
        assert outcome.failure().error_class in ("CONNECTION_ERROR", "COMMIT_UNKNOWN"), outcome
    opened.set()
    sync(program)
    assert database_15.query("SELECT count(*), count(DISTINCT id) FROM public.t") == [
        (200_000, 200_000)
    ]
    assert not stages(database_15)


def test_wrong_password(spillway: Program, database_15: Database, lake: pathlib.Path) -> None:
    program = spillway.with_environment(PGPASSWORD="wrong")
    program.done("target", "add", "shop", database_15.url())
    program.fails(
        "synced-table",
        "create",
        "shop.public.t",
        "--from",
        lake,
        error_class="TARGET_AUTHENTICATION",
    )


def test_role_without_permission(
    spillway: Program, database_15: Database, lake: pathlib.Path
) -> None:
    database_15.query("DROP ROLE IF EXISTS weak")
    quoted = PASSWORD.replace("'", "''")
    database_15.query(f"CREATE ROLE weak LOGIN PASSWORD '{quoted}'")
    program = spillway.with_environment(**database_15.environment)
    program.done("target", "add", "shop", database_15.url(user="weak"))
    failure = program.fails(
        "synced-table", "create", "shop.public.t", "--from", lake, error_class="TARGET_PERMISSION"
    )
    assert failure.mend


def test_a_locked_table_is_waited_for_in_bounds(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    create(shop_15, lake, "--primary-key", "id", "--lock-timeout", "1s")
    append(lake, 4)
    with database_15.connect() as holder:
        holder.autocommit = False
        holder.execute("SELECT * FROM public.t")
        failure = shop_15.fails(
            "sync", "shop.public.t", error_class="LOCK_TIMEOUT", codes=(1,), timeout=30
        )
        pid = holder.info.backend_pid
        assert str(pid) in failure.message + json.dumps(failure.details), failure.outcome
    assert ids(database_15) == [1, 2, 3] and not stages(database_15)
    assert sync(shop_15) == "synced" and ids(database_15) == [1, 2, 3, 4]


def test_read_only_database(shop_15: Program, database_15: Database, lake: pathlib.Path) -> None:
    name = database_15.name
    database_15.query(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    create(shop_15, lake, "--primary-key", "id")
    assert ids(database_15) == [1, 2, 3]


def test_hostile_session_settings_do_not_matter(
    shop_15: Program, database_15: Database, tables: Tables
) -> None:
    """The database's own defaults change how values are read and written; a sync pins what it needs."""
    for setting in (
        "DateStyle = 'SQL, DMY'",
        "TimeZone = 'Asia/Kathmandu'",
        "IntervalStyle = 'sql_standard'",
        "bytea_output = 'escape'",
        "extra_float_digits = -10",
        "search_path = 'nowhere'",
        "standard_conforming_strings = off",
        "default_transaction_isolation = 'serializable'",
        "statement_timeout = '10ms'",
        "lock_timeout = '1ms'",
        "row_security = on",
        "idle_in_transaction_session_timeout = '5ms'",
        "default_tablespace = ''",
    ):
        database_15.query(f'ALTER DATABASE "{database_15.name}" SET {setting}')
    want = golden.rows("dv")
    create(shop_15, tables("dv"), "--primary-key", "id")
    with database_15.connect() as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute("SET TimeZone = 'UTC'")
        got = postgres.table(connection, "public", "t", want)
    compare.assert_equal(got, postgres.as_jsonb(want), ["id"])


# What is shown


def test_get_and_list(shop_15: Program, lake: pathlib.Path) -> None:
    create(shop_15, lake, "--primary-key", "id")
    shown = shop_15.json("synced-table", "get", "shop.public.t")
    assert shown[Keys.NAME] == "shop.public.t" and shown[Keys.STATE] == "online"
    listed = shop_15.json("synced-table", "list")
    assert [t[Keys.NAME] for t in listed] == ["shop.public.t"]
    text = shop_15.done("synced-table", "list").text
    assert "shop.public.t" in text and "online" in text


def test_explain_writes_nothing(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    create(shop_15, lake, "--primary-key", "id", "--no-sync")
    outcome = shop_15.done("explain", "shop.public.t")
    assert outcome.text.strip()
    assert database_15.query("SELECT to_regnamespace('spillway')") == [(None,)]
    assert isinstance(shop_15.json("explain", "shop.public.t"), (dict, list))


def test_delete_wants_a_choice(shop_15: Program, database_15: Database, lake: pathlib.Path) -> None:
    create(shop_15, lake, "--primary-key", "id")
    outcome = shop_15.run("synced-table", "delete", "shop.public.t", "-o", "json")
    assert outcome.code in (2, 5) and outcome.failure().error_class == "CONFIRMATION_REQUIRED", (
        outcome
    )
    shop_15.done("synced-table", "delete", "shop.public.t", "--keep-table")
    assert ids(database_15) == [1, 2, 3]
    assert database_15.query("SELECT count(*) FROM spillway.position") == [(0,)]
    shop_15.fails("sync", "shop.public.t", error_class="SYNCED_TABLE_NOT_FOUND")


def test_delete_and_drop(shop_15: Program, database_15: Database, lake: pathlib.Path) -> None:
    create(shop_15, lake, "--primary-key", "id")
    shop_15.done("synced-table", "delete", "shop.public.t", "--drop-table", "--yes")
    assert database_15.query("SELECT to_regclass('public.t')") == [(None,)]


def test_one_failure_does_not_stop_the_others(
    shop_15: Program, database_15: Database, lake: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    import shutil

    other = pathlib.Path(shutil.copytree(lake, tmp_path / "lake" / "other"))
    create(shop_15, other, "--primary-key", "id", table="a")
    create(shop_15, lake, "--primary-key", "id", table="b")
    shutil.rmtree(other)
    append(lake, 4)
    outcome = shop_15.run("sync", "--all", "-o", "json", "--progress", "none")
    assert outcome.code == 1, outcome
    assert ids(database_15, "b") == [1, 2, 3, 4] and ids(database_15, "a") == [1, 2, 3]
    assert (
        "SOURCE_NOT_FOUND" in outcome.text + outcome.stderr
        or "DELTA_LOG_MISSING" in outcome.text + outcome.stderr
    )


def test_pattern(shop_15: Program, database_15: Database, lake: pathlib.Path) -> None:
    create(shop_15, lake, "--primary-key", "id", "--no-sync", table="a")
    create(shop_15, lake, "--primary-key", "id", "--no-sync", table="b")
    shop_15.done("sync", "shop.public.*")
    assert ids(database_15, "a") == ids(database_15, "b") == [1, 2, 3]


def test_progress_as_json_tells_the_phases(shop_15: Program, lake: pathlib.Path) -> None:
    create(shop_15, lake, "--primary-key", "id", "--no-sync")
    outcome = shop_15.done("sync", "shop.public.t", "--progress", "json")
    events = json.dumps(outcome.documents())
    for phase in ("observe", "fence", "plan", "load", "publish"):
        assert phase in events, f"{phase} is not told: {outcome}"


def test_progress_off_a_terminal_is_lines(shop_15: Program, wide: pathlib.Path) -> None:
    create(shop_15, wide, "--primary-key", "id", "--no-sync")
    outcome = shop_15.done("sync", "shop.public.t")
    assert "\r" not in outcome.stderr and "\x1b" not in outcome.stderr and outcome.stderr.strip()
    quiet = shop_15.done("sync", "shop.public.t", "--quiet")
    assert quiet.stderr == ""


def test_secrets_are_kept_apart_and_never_shown(
    spillway: Program, database_15: Database, lake: pathlib.Path
) -> None:
    from urllib.parse import quote

    url = database_15.url().replace("app@", f"app:{quote(PASSWORD, safe='')}@")
    outcome = spillway.done("target", "add", "shop", url)
    assert "warning" in outcome.stderr.lower()
    said = [
        outcome,
        spillway.done("target", "list"),
        spillway.done("target", "show", "shop"),
        spillway.done("target", "show", "shop", "-o", "json"),
        create(spillway, lake, "--primary-key", "id"),
    ]
    for one in said:
        assert (
            PASSWORD not in one.text + one.stderr
            and quote(PASSWORD, safe="") not in one.text + one.stderr
        ), one
    holders = [
        p
        for p in (spillway.home / "spillway").rglob("*")
        if p.is_file() and PASSWORD.encode() in p.read_bytes()
    ]
    assert all(p.stat().st_mode & 0o077 == 0 for p in holders)


def test_a_password_by_reference(
    spillway: Program, database_15: Database, lake: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    program = spillway.with_environment(SHOP_PASSWORD=PASSWORD)
    program.done("target", "add", "shop", database_15.url(), "--password", "${env:SHOP_PASSWORD}")
    create(program, lake, "--primary-key", "id")
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD + "\n")
    spillway.done("target", "add", "shop2", database_15.url(), "--password", f"${{file:{secret}}}")
    spillway.done("target", "test", "shop2")


def test_pgpass_and_service(spillway: Program, database_15: Database) -> None:
    cluster = database_15.cluster
    escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    passfile = spillway.home / ".pgpass"
    passfile.write_text(f"127.0.0.1:{cluster.port}:*:app:{escaped}\n", encoding="utf-8")
    passfile.chmod(0o600)
    spillway.done("target", "add", "shop", database_15.url())
    spillway.done("target", "test", "shop")
    service = spillway.home / "service.conf"
    service.write_text(
        f"[shop]\nhost=127.0.0.1\nport={cluster.port}\nuser=app\ndbname={database_15.name}\nsslmode=disable\n"
    )
    program = spillway.with_environment(PGSERVICEFILE=str(service))
    program.done("target", "add", "byservice", "postgresql://?service=shop")
    program.done("target", "test", "byservice")


def test_local_is_always_there(
    spillway: Program, lake: pathlib.Path, open_directory: pathlib.Path
) -> None:
    """One command: starts the PostgreSQL of Spillway's own, creates, syncs. It is stopped again afterwards."""
    home = open_directory / f"home-{datetime.datetime.now().timestamp()}"
    home.mkdir()
    program = Program(home)
    try:
        program.done(
            "synced-table",
            "create",
            "local.public.products",
            "--from",
            lake,
            "--primary-key",
            "id",
            timeout=120,
        )
        assert (
            program.done(
                "pg", "psql", "--", "-Atc", "SELECT count(*) FROM public.products"
            ).text.strip()
            == "3"
        )
        assert outcome_of(program.done("sync", "local.public.products", "-o", "json")) == "nothing"
        program.done("pg", "stop")
        append(lake, 4)
        assert (
            outcome_of(program.done("sync", "local.public.products", "-o", "json", timeout=120))
            == "synced"
        )
    finally:
        program.run("pg", "stop")
