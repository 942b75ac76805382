"""What the program shows of synced tables and syncs, and what it keeps secret."""

from __future__ import annotations

import datetime
import json
import pathlib

from e2e.shop import append, create, ids
from emulators.postgres import PASSWORD, Database
from program import Keys, Program
from scenarios.runner import outcome_of


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
    secret.write_text("wrong")
    (row,) = spillway.run("target", "test", "shop2", "-o", "json").json()
    assert "TARGET_AUTHENTICATION" in row["outcome"] and "target show shop2" in row["mend"], row


def test_a_sync_that_nobody_listens_to_is_done_all_the_same(
    shop_15: Program, database_15: Database, lake: pathlib.Path
) -> None:
    shop_15.done("synced-table", "create", "shop.public.t", "--from", lake, "--no-sync")
    unheard = shop_15.start("sync", "shop.public.t", "-o", "json", "--progress", "none")
    unheard.leave()
    outcome = unheard.wait(60)
    assert outcome.code == 0 and not outcome.stderr, outcome
    assert database_15.query("SELECT count(*) FROM public.t") == [(3,)]


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
    spillway: Program, lake: pathlib.Path, open_directory: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """One command: starts the PostgreSQL of Spillway's own, creates, syncs; whatever libpq's variables say of other
    servers. It is stopped again afterwards."""
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
        elsewhere = tmp_path / "service.conf"
        elsewhere.write_text("[far]\nhost=10.255.255.1\nhostaddr=10.255.255.1\nport=1\n")
        for variables in (
            {"PGHOSTADDR": "10.255.255.1", "PGHOST": "far", "PGPORT": "1", "PGPASSWORD": "no"},
            {"PGSERVICEFILE": str(elsewhere), "PGSERVICE": "far"},
            {"PGTARGETSESSIONATTRS": "standby", "PGCHANNELBINDING": "require"},
            {"PGGSSENCMODE": "require", "PGSSLMODE": "verify-full"},
            {"PGOPTIONS": "-c default_tablespace=nope"},
        ):
            stray = program.with_environment(**variables)
            done = stray.done("sync", "local.public.products", "-o", "json", timeout=120)
            assert outcome_of(done) == "nothing", variables
        program.done("pg", "stop")
        append(lake, 4)
        assert (
            outcome_of(program.done("sync", "local.public.products", "-o", "json", timeout=120))
            == "synced"
        )
    finally:
        program.run("pg", "stop")
