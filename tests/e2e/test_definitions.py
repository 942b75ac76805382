"""Definitions on three faces: files that are planned and applied, SQL, flags, and each exported as the others."""

from __future__ import annotations

import pathlib
import re
import shlex
import subprocess

import deltalake
import pyarrow as pa
import pytest

from e2e.shop import with_target
from emulators.postgres import Database
from program import BINARY, Outcome, Program
from terminal import converse

NAMES = ["one", "two", "three"]


@pytest.fixture
def lake(tmp_path: pathlib.Path) -> pathlib.Path:
    for name in NAMES:
        deltalake.write_deltalake(
            str(tmp_path / "lake" / name), pa.table({"id": [1, 2, 3], "name": ["a", "b", "c"]})
        )
    return tmp_path / "lake"


@pytest.fixture
def database(database_15: Database) -> Database:
    """What is tested here does not depend on the server's version."""
    return database_15


@pytest.fixture
def spillway(spillway: Program, database: Database) -> Program:
    """The program, able to log in to the database."""
    return spillway.with_environment(**database.environment)


def write(spillway: Program, text: str, name: str = "shop.yaml") -> pathlib.Path:
    path = spillway.home / name
    path.write_text(text)
    return path


def document(database: Database, tables: str) -> str:
    return f"""version: 1
targets:
  shop: {{ url: "{database.url()}" }}
sources:
  lake.one: {{ url: ./lake/one }}
synced_tables:
{tables}"""


ONE = "  shop.public.one: { source: lake.one, primary_key: [id] }\n"
TWO = "  shop.public.two: { source: ./lake/two, primary_key: id, where: id > 1 }\n"


def actions(outcome: Outcome) -> dict[str, str]:
    return {change["name"]: change["action"] for change in outcome.json()["changes"]}


def count(database: Database, table: str) -> int:
    return int(database.query(f"SELECT count(*) FROM {table}")[0][0])


def test_apply_loses_no_change_that_another_made_meanwhile(
    spillway: Program, lake: pathlib.Path, database: Database
) -> None:
    write(spillway, document(database, ONE))
    spillway.done("apply", "-f", "shop.yaml", "--yes")
    write(spillway, document(database, ONE.replace("[id]", "[id], retries: 5")))

    def alter() -> str:
        spillway.done("synced-table", "alter", "shop.public.one", "--where", "id > 1")
        return "y\n"

    apply = ["apply", "-f", "shop.yaml"]
    shown = converse(spillway, apply, [("Make these changes? [y/N] ", alter)], code=1)
    assert "another command changed the definition of shop.public.one meanwhile" in shown
    view = spillway.json("synced-table", "get", "shop.public.one")
    assert view["where"] == "id > 1"
    assert "retries" not in view


@pytest.mark.parametrize(
    "name, told",
    [("shop.pg_catalog.one", "in this schema"), (f"shop.public.{'x' * 64}", "63 bytes")],
)
def test_plan_refuses_names_that_no_table_can_have(
    spillway: Program, database: Database, name: str, told: str
) -> None:
    write(spillway, document(database, f"  {name}: {{ source: lake.one }}\n"))
    refused = spillway.run("plan", "-f", "shop.yaml")
    assert refused.code == 2 and told in refused.stderr and "shop.yaml:7:3" in refused.stderr, refused


@pytest.mark.parametrize(
    "option, told",
    [
        ("aws_regio: eu", "did you mean aws_region?"),
        ("{aws_region: eu, AWS_REGION: us}", "aws_region is given twice"),
    ],
)
def test_storage_options_are_checked_by_plan(spillway: Program, option: str, told: str) -> None:
    options = option if option.startswith("{") else "\n      " + option
    write(
        spillway,
        f"version: 1\nsources:\n  a.b:\n    url: s3://lake/t\n    storage_options: {options}\n",
    )
    place = "shop.yaml:5:39" if option.startswith("{") else "shop.yaml:6:7"
    for verb in ("plan", "apply"):
        refused = spillway.run(verb, "-f", "shop.yaml")
        assert refused.code == 2 and told in refused.stderr and place in refused.stderr, refused
    placed = "CREATE SOURCE a.b URL 's3://lake/t' WITH (aws_regio = 'eu')"
    refused = spillway.run("sql", placed)
    assert f"column {placed.index('aws') + 1}: " in refused.stderr, refused


@pytest.mark.parametrize(
    "field",
    [
        "where: id >", "where: id > now()", "schedule: 61 0 * * * ?", "type_overrides: {id: money}",
        "type_overrides: {id: varchar(0)}",
    ],
)  # fmt: skip
def test_plan_places_what_is_wrong_without_asking_anybody(
    spillway: Program, database: Database, field: str
) -> None:
    tables = f"  shop.public.one:\n    source: lake.one\n    {field}\n"
    text = document(database, tables)
    write(spillway, text)
    line = len(text.splitlines())
    refused = spillway.run("plan", "-f", "shop.yaml")
    assert refused.code != 0, refused
    assert f"shop.yaml:{line}:" in refused.stderr, refused


def test_a_file_given_twice(spillway: Program, database: Database) -> None:
    write(spillway, document(database, ONE))
    refused = spillway.run("plan", "-f", "shop.yaml", "-f", "./shop.yaml")
    assert "the file is given twice: ./shop.yaml" in refused.stderr, refused


def test_a_name_like_a_pattern_is_quoted(
    spillway: Program, lake: pathlib.Path, database: Database
) -> None:
    write(spillway, document(database, ONE + TWO))
    spillway.done("apply", "-f", "shop.yaml", "--yes")
    refused = spillway.fails(
        *("synced-table", "create", "shop.public.*", "--from", lake / "three"),
        error_class="INVALID_ARGUMENT",
    )
    assert "double quotes" in refused.mend
    missing = spillway.run("sql", 'SYNC TABLE shop.public."*"')
    assert "SYNCED_TABLE_NOT_FOUND" in missing.stderr, missing
    said = spillway.done("synced-table", "create", 'shop.public."*"', "--from", lake / "three")
    assert "next: spillway sync 'shop.public.\"*\"'" in said.stderr
    synced = spillway.json("sync", 'shop.public."*"', "--progress", "none")
    assert synced["synced_table"] == 'shop.public."*"'
    assert len(spillway.json("sync", "shop.public.*", "--progress", "none")) == 3


def test_explain_of_several_is_one_list_in_sql_too(
    spillway: Program, lake: pathlib.Path, database: Database
) -> None:
    write(spillway, document(database, ONE + TWO))
    spillway.done("apply", "-f", "shop.yaml", "--yes")
    both = spillway.json("sql", "EXPLAIN SYNC TABLE shop.public.one, shop.public.two")
    assert [one["synced_table"] for one in both] == ["shop.public.one", "shop.public.two"]
    assert spillway.json("sql", "EXPLAIN SYNC TABLE shop.public.one")["action"] == "nothing"


def test_columns_are_meant_regardless_of_case(
    spillway: Program, lake: pathlib.Path, database: Database
) -> None:
    spillway.done("target", "add", "shop", database.url())
    spillway.done(
        *("synced-table", "create", "shop.public.one", "--from", lake / "one"),
        *("--columns", "ID,Name", "--primary-key", "iD", "--type-overrides", "NAME=varchar(9)"),
        *("--where", "ID > 1"),
    )
    assert database.query("SELECT id, name FROM public.one ORDER BY id") == [(2, "b"), (3, "c")]
    key = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'p'"
    assert "PRIMARY KEY (id)" in [row[1] for row in database.query(key)]
    spillway.fails(
        *("synced-table", "alter", "shop.public.one", "--where", '"ID" > 1'),
        error_class="COLUMN_NOT_FOUND",
    )
    for setting in ("where = 'nope > 1'", "timeseries_key = 'nope'"):
        statement = f"ALTER SYNCED TABLE shop.public.one SET ({setting})"
        refused = spillway.fails("sql", statement, error_class=("COLUMN_NOT_FOUND",))
        assert refused.details["column"] == str(statement.index("'") + 1), refused


def test_plan_apply_change_prune(
    spillway: Program, lake: pathlib.Path, database: Database
) -> None:
    write(spillway, document(database, ONE + TWO))
    plan = spillway.run("plan", "-f", "shop.yaml", "--exit-code", "-o", "json")
    assert plan.code == 3
    assert actions(plan) == {
        "shop": "create",
        "lake.one": "create",
        "shop.public.one": "create",
        "shop.public.two": "create",
    }
    assert spillway.json("synced-table", "list") == [], "plan must change nothing"

    refused = spillway.fails(
        "apply", "-f", "shop.yaml", error_class="CONFIRMATION_REQUIRED", codes=(5,)
    )
    assert "--yes" in refused.mend
    applied = spillway.done("apply", "--config", "shop.yaml", "--yes", "-o", "json").json()
    assert [one["rows"] for one in applied["synced"]] == [3, 2]
    assert count(database, "one") == 3 and count(database, "two") == 2

    again = spillway.run("plan", "-f", "shop.yaml", "--exit-code", "-o", "json")
    assert again.code == 0 and set(actions(again).values()) == {"leave"}
    assert "nothing to do" in spillway.done("apply", "-f", "shop.yaml").stderr

    write(spillway, document(database, ONE.replace(" }", ", retries: 7, where: id < 3 }")))
    text = spillway.done("plan", "-f", "shop.yaml", "--color", "always").text
    assert "\x1b[33m~ change synced table shop.public.one" in text
    assert 'retries: "3" → "7"' in text and 'where: (not set) → "id < 3"' in text
    assert "builds the table again" in text
    assert "shop.public.two" in text and "not in the files" in text
    spillway.done("apply", "-f", "shop.yaml", "--yes")
    assert {row["name"] for row in spillway.json("synced-table", "list")} == {
        "shop.public.one",
        "shop.public.two",
    }
    spillway.done("sync", "shop.public.one")
    assert count(database, "one") == 2

    pruned = spillway.run("plan", "-f", "shop.yaml", "--prune=drop-table", "-o", "json")
    assert actions(pruned)["shop.public.two"] == "remove"
    spillway.done("apply", "-f", "shop.yaml", "--yes", "--prune=drop-table")
    assert [row["name"] for row in spillway.json("synced-table", "list")] == ["shop.public.one"]
    assert database.query("SELECT to_regclass('public.two')") == [(None,)]
    write(spillway, "version: 1\n")
    spillway.done("apply", "-f", "shop.yaml", "--yes", "--prune=keep-table")
    assert spillway.json("synced-table", "list") == [] and count(database, "one") == 2


def test_several_files_and_defaults(
    spillway: Program, lake: pathlib.Path, database: Database
) -> None:
    write(spillway, f'version: 1\ntargets: {{ shop: {{ url: "{database.url()}" }} }}\n', "t.yaml")
    write(
        spillway,
        "version: 1\ndefaults: { shop.public: { primary_key: [id], group: g } }\n"
        "synced_tables:\n  shop.public.one: { source: ./lake/one }\n"
        "  shop.public.two: { source: ./lake/two, group: null }\n",
        "s.yaml",
    )
    spillway.done("apply", "-f", "t.yaml", "-f", "s.yaml", "--yes", "--no-sync")
    one, two = spillway.json("synced-table", "get", "shop.public.one", "shop.public.two")
    assert one["group"] == "g" and "group" not in two and two["primary_key"] == ["id"]
    write(spillway, (spillway.home / "s.yaml").read_text(), "u.yaml")
    twice = spillway.fails("plan", "-f", "s.yaml", "-f", "u.yaml", error_class="INVALID_DEFINITION")
    assert "u.yaml:4:3" in twice.message and "s.yaml:4:3" in twice.message and "defined twice" in twice.message


def test_a_failing_table_does_not_stop_the_others(
    spillway: Program, lake: pathlib.Path, database: Database
) -> None:
    write(
        spillway,
        document(
            database, "  shop.public.bad: { source: ./lake/nothing }\n" + ONE.replace("id]", "id]")
        ),
    )
    outcome = spillway.run("apply", "-f", "shop.yaml", "--yes")
    assert outcome.code == 1 and "shop.public.bad" in outcome.stderr
    assert count(database, "one") == 3


def test_targets_and_sources_change(
    spillway: Program, lake: pathlib.Path, database: Database
) -> None:
    write(spillway, document(database, ONE))
    spillway.done("apply", "-f", "shop.yaml", "--yes")
    path = write(spillway, document(database, ONE).replace("./lake/one", "./lake/two"))
    path.write_text(path.read_text().replace(" }\nsources", ', password: "${env:SHOP}" }\nsources'))
    plan = spillway.with_environment(SHOP="x").json("plan", "-f", "shop.yaml")
    fields = {c["name"]: [f["field"] for f in c["fields"]] for c in plan["changes"]}
    assert fields["shop"] == ["password"] and fields["lake.one"] == ["url"]
    missing = spillway.run("plan", "-f", "shop.yaml")
    assert missing.code == 0 and "SHOP is not set" in missing.stderr
    refused = spillway.fails("apply", "-f", "shop.yaml", "--yes", error_class="SECRET_UNAVAILABLE")
    assert "shop.yaml:3:3" in refused.message
    assert spillway.json("source", "show", "lake.one")["url"].endswith("/lake/one")


WRONG = {
    "unknown key": ("version: 1\nsynced_tabels: {}\n", "shop.yaml:2:1", "synced_tables"),
    "tab": ("version: 1\ntargets:\n\tshop: {}\n", "shop.yaml:3:1", ""),
    "duplicate key": ("version: 1\ntargets: {}\ntargets: {}\n", "shop.yaml:3:1", ""),
    "wrong type": ("version: 1\nsynced_tables: [a]\n", "shop.yaml:2:16", ""),
    "no YAML": ("version: 1\na: [\n", "shop.yaml:", ""),
    "contradiction": (
        "version: 1\nsynced_tables:\n  local.public.t: { source: ./lake/one,\n    max_rejected: 5 }\n",
        "shop.yaml:4:19",
        "",
    ),
    "bad duration": (
        "version: 1\nsynced_tables:\n  local.public.t: { source: ./lake/one, timeout: 5x }\n",
        "shop.yaml:3:50",
        "15m",
    ),
    "local declared": ("version: 1\ntargets: { local: { url: x } }\n", "shop.yaml:2:12", ""),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_files_name_the_place(spillway: Program, case: str) -> None:
    text, place, mend = WRONG[case]
    write(spillway, text)
    for verb in ("plan", "apply"):
        failure = spillway.fails(
            verb, "-f", "shop.yaml", error_class="INVALID_DEFINITION", codes=(2,)
        )
        assert failure.message.startswith(place), failure.outcome
        assert mend in failure.mend


def test_files_that_cannot_be_had(spillway: Program) -> None:
    spillway.fails("plan", "-f", "none.yaml", error_class="INVALID_ARGUMENT", codes=(2,))
    spillway.fails("plan", "-f", ".", error_class="INVALID_ARGUMENT", codes=(2,))
    assert spillway.run("plan").code == 2
    write(spillway, 'version: 1\nsources: { a: { url: "${env:NOT_SET}/x" } }\n')
    failure = spillway.fails("plan", "-f", "shop.yaml", error_class="SECRET_UNAVAILABLE")
    assert failure.message.startswith("shop.yaml:2:22") and "NOT_SET" in failure.message
    write(spillway, "version: 1\nsynced_tables: { shop.public.t: { source: ./x } }\n")
    failure = spillway.fails("plan", "-f", "shop.yaml", error_class="TARGET_NOT_FOUND")
    assert failure.message.startswith("shop.yaml:2:18") and "targets:" in failure.mend
    write(spillway, "version: 1\nsynced_tables: { local.public.t: { source: lake.t } }\n")
    failure = spillway.fails("plan", "-f", "shop.yaml", error_class="SOURCE_NOT_FOUND")
    assert failure.message.startswith("shop.yaml:2:44")


def test_one_table_through_two_targets_is_refused(spillway: Program, lake: pathlib.Path) -> None:
    write(
        spillway,
        "version: 1\ntargets: { a: { url: postgresql://h/d }, b: { url: postgresql://h/d } }\n"
        "synced_tables:\n  a.public.t: { source: ./lake/one }\n  b.public.t: { source: ./lake/one }\n",
    )
    failure = spillway.fails("plan", "-f", "shop.yaml", error_class="INVALID_DEFINITION")
    assert "shop.yaml:5:3" in failure.message and "one table of one database" in failure.message


def test_sql(spillway: Program, lake: pathlib.Path, database: Database) -> None:
    script = f"""
        -- everything in one script
        CREATE TARGET shop URL '{database.url()}';
        CREATE SOURCE lake.one URL '{lake}/one';
        CREATE SYNCED TABLE shop.public.one FROM lake.one
            WITH (primary_key = 'id', where = 'id > 1');
        CREATE SYNCED TABLE IF NOT EXISTS shop.public.one FROM lake.one;
        ALTER SYNCED TABLE shop.public.one SET (retries = 9) RESET (where);
        EXPLAIN SYNC TABLE shop.public.one;
        SYNC TABLE shop.public.one;
    """
    write(spillway, script, "all.sql")
    outcome = spillway.done("sql", "-f", "all.sql")
    assert "builds" in outcome.text or "rows" in outcome.text
    assert count(database, "one") == 3
    shown = spillway.json("sql", "DESCRIBE SYNCED TABLE shop.public.one")
    assert shown["retries"] == 9 and "where" not in shown
    listed = spillway.json("sql", "SHOW SYNCED TABLES LIKE 'shop.%'")
    assert [row["name"] for row in listed] == ["shop.public.one"]
    assert spillway.json("sql", "SHOW SYNCED TABLES LIKE 'x%'") == []
    spillway.done("sql", "PAUSE SYNCED TABLE shop.public.one")
    assert spillway.run("sql", "SYNC TABLE shop.public.one").code == 1
    spillway.done("sql", "RESUME SYNCED TABLE shop.public.one; RESYNC SYNCED TABLE shop.public.one")
    spillway.done("sql", "DROP SYNCED TABLE shop.public.one KEEP TABLE")
    spillway.done("sql", "DROP SYNCED TABLE IF EXISTS shop.public.one KEEP TABLE")
    spillway.done("sql", "DROP SOURCE lake.one; DROP TARGET shop; DROP TARGET IF EXISTS shop")
    assert spillway.json("sql", "SHOW SOURCES") == []


def test_a_dry_run_of_sql_does_nothing(
    spillway: Program, lake: pathlib.Path, database: Database
) -> None:
    spillway.done("target", "add", "shop", database.url())
    create = "CREATE SYNCED TABLE shop.public.one FROM '{}' WITH (primary_key = 'id')"
    planned = spillway.done("sql", "--dry-run", create.format(lake / "one"))
    assert "shop.public.one" in planned.text and "not done" not in planned.stdout.decode()
    assert spillway.json("synced-table", "list") == [] and not database.query(
        "SELECT * FROM pg_class WHERE relname = 'one'"
    )
    wrong = create.format(lake / "none")
    spillway.fails("sql", "--dry-run", wrong, error_class="SOURCE_NOT_FOUND")

    spillway.done("sql", create.format(lake / "one"))
    before = (spillway.json("synced-table", "get", "shop.public.one"), spillway.json("runs", "list"))
    told = spillway.done(
        "sql",
        "--dry-run",
        f"""CREATE SOURCE lake.two URL '{lake}/two';
        CREATE SYNCED TABLE shop.public.two FROM lake.two WITH (primary_key = 'id');
        ALTER SYNCED TABLE shop.public.one SET (retries = 9);
        SYNC TABLE shop.public.one; RESYNC SYNCED TABLE shop.public.one;
        PAUSE SYNCED TABLE shop.public.one;
        DROP SYNCED TABLE shop.public.one DROP TABLE;
        EXPLAIN SYNC TABLE shop.public.one;
        DROP TARGET shop;""",
    ).stderr
    assert "not done: added lake.two" in told and "not done: dropped shop.public.one" in told
    for stands in ("CREATE SYNCED TABLE shop.public.two", "EXPLAIN SYNC TABLE", "DROP TARGET shop"):
        assert f"not checked, it stands on a statement before it: {stands}" in told
    assert before == (
        spillway.json("synced-table", "get", "shop.public.one"),
        spillway.json("runs", "list"),
    )
    assert spillway.json("source", "list") == []
    spillway.fails(
        "sql",
        "--dry-run",
        "PAUSE SYNCED TABLE shop.public.x",
        error_class="SYNCED_TABLE_NOT_FOUND",
    )


def test_sql_errors_point_at_the_token(spillway: Program) -> None:
    outcome = spillway.run("sql", "SHOW TARGETS;\nCREATE SYNCED TABEL a.b.c")
    assert outcome.code == 2 and outcome.stdout == b"", "nothing of a wrong script is performed"
    assert "line 2, column 15: expected TABLE, not 'TABEL'" in outcome.stderr
    assert "\n" + " " * 16 + "^^^^^" in outcome.stderr
    write(spillway, "ALTER SYNCED TABLE local.a.b SET (moed = full)", "x.sql")
    failure = spillway.fails("sql", "-f", "x.sql", error_class="INVALID_DEFINITION", codes=(2,))
    assert failure.message.startswith("x.sql:1:35") and "mode" in failure.mend
    failure = spillway.fails(
        "sql",
        "CREATE SYNCED TABLE local.public.t FROM './x' WITH (mode = incremental)",
        error_class="NOT_YET_SUPPORTED",
    )
    assert "line 1, column 60" in failure.message and "this release has: full" in failure.message


def test_sql_from_standard_input(spillway: Program) -> None:
    done = subprocess.run(
        [BINARY, "sql", "-o", "json"],
        input=b"SHOW SOURCES;",
        env=spillway.environment,
        cwd=spillway.home,
        capture_output=True,
        check=True,
    )
    assert done.stdout.strip() == b"[]"


def test_deletes_are_asked_for_on_a_terminal(
    spillway: Program, database: Database, tmp_path: pathlib.Path
) -> None:
    shop = with_target(spillway, database)
    path = tmp_path / "lake" / "t"
    deltalake.write_deltalake(str(path), pa.table({"id": [1, 2, 3]}))
    shop.done("synced-table", "create", "shop.public.t", "--from", path, "--primary-key", "id")
    deltalake.DeltaTable(str(path)).delete()
    sync = ["sync", "shop.public.t", "--progress", "none"]
    shown = converse(shop, sync, [("and delete these rows?", "n\n")], code=5)
    assert "3 of the 3 rows" in shown
    assert database.query("SELECT count(*) FROM public.t") == [(3,)]
    converse(shop, sync, [("and delete these rows?", "y\n")])
    assert database.query("SELECT count(*) FROM public.t") == [(0,)]


def test_sql_prompt_has_completion_and_history(spillway: Program) -> None:
    shown = converse(
        spillway,
        ["sql"],
        [
            ("spillway> ", "sh\tsou\t;\n"),
            ("spillway> ", "SHOW\n"),
            ("...> ", "TARGTS;\n"),
            ("spillway> ", "\x1b[A\x1b[A\n"),
            ("spillway> ", "\x04"),
        ],
    )
    assert "show source" in shown and "expected SYNCED TABLES" in shown
    history = (spillway.home / "spillway" / "sql_history").read_text()
    assert "TARGTS" in history


def test_sql_prompt_ends_at_once_when_interrupted(spillway: Program) -> None:
    converse(spillway, ["sql"], [("spillway> ", "SHOW\x03")], code=130)


def test_apply_asks_on_a_terminal(spillway: Program, lake: pathlib.Path) -> None:
    write(spillway, "version: 1\nsources: { lake.one: { url: ./lake/one } }\n")
    apply = ["apply", "-f", "shop.yaml"]
    shown = converse(spillway, apply, [("Make these changes? [y/N] ", "n\n")], code=5)
    assert "+ create source lake.one" in shown and "nothing was changed" in shown
    assert spillway.json("source", "list") == []
    converse(spillway, apply, [("Make these changes? [y/N] ", "y\n")])
    assert spillway.json("source", "list")[0]["name"] == "lake.one"
    spillway.done("export", "--all")


def test_alter_flags(spillway: Program, lake: pathlib.Path) -> None:
    name = "local.public.one"
    spillway.done("synced-table", "create", name, "--from", lake / "one", "--no-sync")
    outcome = spillway.done(
        *("synced-table", "alter", name, "--where", "id > 1", "--retries", "9"),
        *("--schedule", "15m"),
    )
    assert "schedule is kept, but not acted on until" in outcome.stderr
    shown = spillway.json("synced-table", "get", name)
    assert shown["where"] == "id > 1" and shown["retries"] == 9 and shown["pending"]
    spillway.done("synced-table", "alter", name, "--unset", "where", "--unset", "schedule")
    shown = spillway.json("synced-table", "get", name)
    assert "where" not in shown and "pending" not in shown
    assert "nothing to do" in spillway.done("synced-table", "alter", name, "--retries", "9").stderr
    assert spillway.run("synced-table", "alter", name).code == 2
    failure = spillway.fails(
        "synced-table", "alter", name, "--unset", "wher", error_class="INVALID_ARGUMENT"
    )
    assert "where" in failure.mend
    failure = spillway.fails(
        "synced-table", "alter", name, "--mode", "continuous", error_class="NOT_YET_SUPPORTED"
    )
    assert "this release has: full" in failure.message


FLAGS = [
    "--primary-key=id",
    "--columns=id,name,\"odd, name\"",
    "--where=name <> 'it''s \"x\"'",
    "--type-overrides=name=varchar(10)",
    "--extra-columns=note=text DEFAULT 'a, b'",
    "--indexes=(name)",
    "--on-bad-row=reject",
    "--max-rejected=5",
    "--max-delete-share=12.5%",
    "--schedule=0 0 * * * ? Europe/Paris",
    "--freshness=15m",
    "--group=g h",
    "--partition-zone=+05:30",
    "--on-late=echo \"late: $1\" # é",
    "--lock-timeout=2s",
]


def test_export_in_every_form_and_back(spillway: Program, tmp_path: pathlib.Path) -> None:
    source = tmp_path / "lake" / "it's a table"
    deltalake.write_deltalake(str(source), pa.table({"id": [1], "name": ["a"], "odd, name": ["b"]}))
    name = 'local."My Schema"."t.1"'
    spillway.done("synced-table", "create", name, "--from", source, "--no-sync", *FLAGS)
    whole = {form: spillway.done("export", "--all", "--format", form).text
             for form in ("yaml", "sql", "cli")}
    one = {form: spillway.done("synced-table", "export", name, "--format", form).text
           for form in ("yaml", "sql", "cli")}
    assert one == whole, "there are no targets or sources beside the table"
    for form in ("yaml", "sql", "cli"):
        spillway.done("synced-table", "delete", name, "--keep-table")
        if form == "yaml":
            write(spillway, one["yaml"], "again.yaml")
            spillway.done("apply", "-f", "again.yaml", "--yes", "--no-sync")
        elif form == "sql":
            write(spillway, one["sql"], "again.sql")
            spillway.done("sql", "--no-sync", "-f", "again.sql")
        else:
            words = shlex.split(one["cli"])
            assert words[0] == "spillway"
            spillway.done(*words[1:], "--no-sync")
        assert spillway.done("synced-table", "export", name).text == one["yaml"], form


def test_export_targets_and_sources(spillway: Program, tmp_path: pathlib.Path) -> None:
    spillway.done("target", "add", "shop", "postgresql://h/d", "--password", "${env:X}")
    spillway.done("source", "add", "lake.t", "s3://b/t", "--storage-option", "aws_region=eu west")
    text = spillway.done("export", "--all").text
    other = Program(tmp_path / "other")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "all.yaml").write_text(text)
    other.with_environment(X="y").done("apply", "-f", "all.yaml", "--yes")
    assert other.done("export", "--all").text == text
    assert spillway.run("export").code == 2


def test_every_example_of_the_reference_runs(spillway: Program, lake: pathlib.Path) -> None:
    reference = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference"
    blocks = re.findall(
        r"```(yaml|bash)\n(.*?)```",
        (reference / "definition-file.md").read_text() + (reference / "sql.md").read_text(),
        re.S,
    )
    assert {kind for kind, _ in blocks} == {"yaml", "bash"}
    (lake / "one").rename(lake / "products")
    deltalake.write_deltalake(
        str(lake / "products"), pa.table({"product_id": [1]}), mode="overwrite", schema_mode="overwrite"
    )
    try:
        for kind, text in blocks:
            if kind == "yaml":
                write(spillway, text)
                spillway.with_environment(SHOP_PASSWORD="x").done("plan", "-f", "shop.yaml")
                continue
            for line in text.splitlines():
                spillway.done(*shlex.split(line)[1:], timeout=120)
    finally:
        spillway.run("pg", "stop")


def test_completion_knows_the_new_commands(spillway: Program) -> None:
    script = spillway.done("completion", "bash").text
    for word in ("'plan'", "'apply'", "'sql'", "'export'", "'synced-table alter'", "--prune",
                 "--timeseries-key", "--max-delete-share", "--unset"):
        assert word in script, word
