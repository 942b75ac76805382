"""The command line: help that teaches, unknown names that are answered with the nearest, exit codes, output rules."""

from __future__ import annotations

import json
import pathlib
import re
import shlex
import shutil
import subprocess

import deltalake
import pyarrow as pa
import pytest

from emulators.postgres import Database
from program import BINARY, Keys, Program

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
VERBS = [
    ("synced-table", "create"),
    ("synced-table", "alter"),
    ("synced-table", "export"),
    ("plan",),
    ("apply",),
    ("sql",),
    ("export",),
    ("synced-table", "get"),
    ("synced-table", "list"),
    ("synced-table", "delete"),
    ("synced-table", "pause"),
    ("synced-table", "resume"),
    ("synced-table", "wait"),
    ("runs", "list"),
    ("runs", "show"),
    ("rejected", "list"),
    ("rejected", "show"),
    ("rejected", "export"),
    ("metrics",),
    ("completion",),
    ("resync",),
    ("sync",),
    ("explain",),
    ("source", "add"),
    ("source", "list"),
    ("source", "show"),
    ("source", "remove"),
    ("target", "add"),
    ("target", "list"),
    ("target", "show"),
    ("target", "test"),
    ("target", "remove"),
    ("lake", "show"),
    ("lake", "history"),
    ("lake", "schema"),
    ("lake", "read"),
    ("pg", "start"),
    ("pg", "stop"),
    ("pg", "status"),
    ("pg", "url"),
    ("pg", "psql"),
    ("doctor",),
]


@pytest.fixture
def products(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "lake" / "products"
    deltalake.write_deltalake(str(path), pa.table({"product_id": [1, 2], "name": ["a", "b"]}))
    deltalake.write_deltalake(
        str(path), pa.table({"product_id": [3], "name": ["c"]}), mode="append"
    )
    return path


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_teaches_with_an_example(spillway: Program, verb: tuple[str, ...]) -> None:
    outcome = spillway.done(*verb, "--help")
    assert f"spillway {' '.join(verb)}" in outcome.text
    footer = outcome.text[outcome.text.rindex("Example") :]
    assert outcome.stderr == "" and re.search(rf"spillway {' '.join(verb)}\b", footer), footer
    assert not (spillway.home / "spillway").exists(), "help must not make a home"


def test_help_lists_every_verb(spillway: Program) -> None:
    text = spillway.done("--help").text
    for word in ("synced-table", "sync", "explain", "source", "target", "lake", "pg", "doctor"):
        assert word in text
    assert spillway.done("-h").text == text
    assert "Example" not in spillway.done("pg", "--help").text


def test_help_needs_no_home(spillway: Program) -> None:
    assert spillway.with_environment(SPILLWAY_HOME="/proc/nowhere").run("--help").code == 0


def test_version(spillway: Program) -> None:
    assert re.fullmatch(r"spillway \d+\.\d+\.\d+.*\n", spillway.done("--version").text)


@pytest.mark.parametrize(
    "arguments, nearest",
    [
        (("synk",), "sync"),
        (("lake", "raed", "x"), "read"),
        (("targt", "list"), "target"),
        (("synced-table", "crate", "x"), "create"),
        (("lake", "read", "x", "--fromat", "csv"), "--format"),
        (
            (
                "sync",
                "--al",
            ),
            "--all",
        ),
        (("doctr",), "doctor"),
    ],
    ids=lambda a: " ".join(a) if isinstance(a, tuple) else "",
)
def test_unknown_word_suggests_the_nearest(
    spillway: Program, arguments: tuple[str, ...], nearest: str
) -> None:
    outcome = spillway.run(*arguments)
    assert outcome.code == 2 and nearest in outcome.stderr and outcome.stdout == b"", outcome


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("lake",),
        ("lake", "read"),
        ("sync",),
        ("target", "add", "x"),
        ("synced-table", "create", "a.b.c"),
        ("synced-table", "create", "only_a_name", "--from", "x"),
        ("synced-table", "create", "a.b.c.d", "--from", "x"),
        ("lake", "read", "x", "--format"),
        ("sync", "--all", "a.b.c"),
        ("lake", "show", "x", "-o", "xml"),
        ("doctor", "surplus"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(spillway: Program, arguments: tuple[str, ...]) -> None:
    outcome = spillway.run(*arguments)
    if arguments == ():
        assert outcome.code in (0, 2)
    else:
        assert outcome.code == 2 and outcome.stderr and outcome.stdout == b"", outcome


@pytest.mark.parametrize(
    "arguments",
    [("synk",), ("lake", "read"), ("lake", "read", "x", "--limit", "few")],
    ids=" ".join,
)
def test_wrong_usage_as_json(spillway: Program, arguments: tuple[str, ...]) -> None:
    spillway.fails(*arguments, error_class="INVALID_ARGUMENT", codes=(2,))


def test_target_life(spillway: Program, database_15: Database) -> None:
    program = spillway.with_environment(**database_15.environment)
    program.done("target", "add", "shop", database_15.url())
    program.fails("target", "add", "shop", database_15.url(), error_class="ALREADY_EXISTS")
    program.fails(
        "target",
        "add",
        "local",
        database_15.url(),
        error_class=("INVALID_ARGUMENT", "ALREADY_EXISTS"),
    )
    program.fails(
        "target", "add", "a.b", database_15.url(), error_class="INVALID_ARGUMENT", codes=(2,)
    )
    program.fails(
        "target", "add", "bad", "mysql://host/db", error_class="INVALID_ARGUMENT", codes=(2,)
    )
    names = [t[Keys.NAME] for t in program.json("target", "list")]
    assert names == ["local", "shop"]
    assert program.json("target", "show", "shop")[Keys.NAME] == "shop"
    assert program.done("target", "test", "shop").code == 0
    assert database_15.query("SELECT to_regnamespace('spillway')") == [(None,)]
    program.fails("target", "show", "shpo", error_class="TARGET_NOT_FOUND")
    program.done("target", "remove", "shop")
    program.fails("target", "show", "shop", error_class="TARGET_NOT_FOUND")


def test_target_in_use_is_not_removed(
    spillway: Program, database_15: Database, products: pathlib.Path
) -> None:
    program = spillway.with_environment(**database_15.environment)
    program.done("target", "add", "shop", database_15.url())
    program.done("synced-table", "create", "shop.public.p", "--from", products, "--no-sync")
    failure = program.fails("target", "remove", "shop", error_class="DEPENDENT_OBJECTS_STILL_EXIST")
    assert "shop.public.p" in failure.message + json.dumps(failure.details)


def test_dry_runs_change_nothing_and_check_everything(
    spillway: Program, database_15: Database, products: pathlib.Path
) -> None:
    program = spillway.with_environment(**database_15.environment)
    program.done("target", "add", "shop", database_15.url())
    program.done("source", "add", "lake.p", products)
    program.done(
        "synced-table", "create", "shop.public.p", "--from", "lake.p", "--primary-key", "product_id"
    )
    deltalake.write_deltalake(
        str(products), pa.table({"product_id": [4], "name": ["d"]}), mode="append"
    )

    def everything() -> object:
        return (
            program.json("source", "list"),
            program.json("target", "list"),
            program.json("synced-table", "get", "shop.public.p"),
            program.json("runs", "list"),
            sorted(p.name for p in pathlib.Path(program.home).iterdir()),
            database_15.query("SELECT * FROM public.p ORDER BY 1"),
            database_15.query("SELECT * FROM spillway.condition"),
        )

    before = everything()
    for changing in (
        ["sync", "shop.public.p"],
        ["resync", "--all"],
        ["synced-table", "create", "shop.public.q", "--from", "lake.p"],
        ["synced-table", "alter", "shop.public.p", "--lock-timeout", "9s"],
        ["synced-table", "pause", "shop.public.p"],
        ["synced-table", "delete", "shop.public.p", "--drop-table"],
        ["source", "add", "lake.q", "s3://b/q", "--storage-option", "aws_secret_access_key=hidden"],
        ["target", "add", "other", database_15.url(), "--password", "literal"],
        ["pg", "start"],
        ["pg", "stop"],
    ):
        program.done(*changing, "--dry-run")
        assert everything() == before, changing
    assert "not done: removed" in _unused(program, products)
    refused = "DEPENDENT_OBJECTS_STILL_EXIST"
    program.fails("target", "remove", "shop", "--dry-run", error_class=refused)
    program.fails("source", "remove", "lake.p", "--dry-run", error_class=refused)
    program.fails("source", "add", "lake.p", products, "--dry-run", error_class="ALREADY_EXISTS")
    program.fails("sync", "shop.public.z", "--dry-run", error_class="SYNCED_TABLE_NOT_FOUND")


def _unused(program: Program, products: pathlib.Path) -> str:
    program.done("source", "add", "lake.unused", products)
    told = program.done("source", "remove", "lake.unused", "--dry-run").stderr
    program.done("source", "show", "lake.unused")
    return told


def test_source_life(spillway: Program, products: pathlib.Path) -> None:
    spillway.done("source", "add", "lake.sales.products", products)
    spillway.fails("source", "add", "lake.sales.products", products, error_class="ALREADY_EXISTS")
    assert [s[Keys.NAME] for s in spillway.json("source", "list")] == ["lake.sales.products"]
    assert str(products) in json.dumps(spillway.json("source", "show", "lake.sales.products"))
    assert (
        spillway.done("lake", "read", "lake.sales.products", "--format", "csv").text.count("\n")
        == 4
    )
    failure = spillway.fails("lake", "show", "lake.sales.product", error_class="SOURCE_NOT_FOUND")
    assert "lake.sales.products" in failure.message + failure.mend
    spillway.done("source", "remove", "lake.sales.products")
    assert spillway.json("source", "list") == []


def test_source_options_are_kept_and_hidden(spillway: Program) -> None:
    spillway.done(
        "source",
        "add",
        "far",
        "s3://lake/x",
        "--storage-option",
        "aws_access_key_id=AKEXAMPLE",
        "--storage-option",
        "aws_secret_access_key=very-secret-indeed",
    )
    for outcome in (
        spillway.done("source", "show", "far"),
        spillway.done("source", "show", "far", "-o", "json"),
        spillway.done("source", "list", "-o", "json"),
    ):
        assert "very-secret-indeed" not in outcome.text + outcome.stderr


def test_a_relative_source_stays_where_it_was(spillway: Program, products: pathlib.Path) -> None:
    spillway.done("source", "add", "p", "./products", cwd=products.parent)
    assert (
        spillway.done("lake", "read", "p", "--format", "csv", cwd=pathlib.Path("/")).text.count(
            "\n"
        )
        == 4
    )


def test_above_a_link_is_above_of_where_it_leads(
    spillway: Program, products: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b" / "deep").mkdir(parents=True)
    shutil.copytree(products, tmp_path / "b" / "t")
    deltalake.write_deltalake(str(tmp_path / "a" / "t"), pa.table({"other": [1]}))
    (tmp_path / "a" / "link").symlink_to(tmp_path / "b" / "deep")
    shown = spillway.json("lake", "read", "link/../t", "--limit", "1", cwd=tmp_path / "a")
    assert "product_id" in json.dumps(shown)


def test_lake_show_history_schema(spillway: Program, products: pathlib.Path) -> None:
    shown = spillway.json("lake", "show", products)
    assert shown[Keys.VERSION] == 1
    history = spillway.json("lake", "history", products)
    assert [entry[Keys.VERSION] for entry in history] == [1, 0]
    schema = json.dumps(spillway.json("lake", "schema", products))
    assert "product_id" in schema and ("long" in schema or "bigint" in schema)
    for verb in ("show", "history", "schema"):
        assert spillway.done("lake", verb, products).text.strip()
    assert "name" not in spillway.done("lake", "schema", products, "--version", "0").stderr


def test_data_on_stdout_all_else_on_stderr(spillway: Program, products: pathlib.Path) -> None:
    outcome = spillway.done(
        "lake", "read", products, "--format", "csv", "--timestamp", "2999-01-01T00:00:00"
    )
    assert outcome.text.startswith("product_id,name") and "UTC" not in outcome.text


def test_yaml(spillway: Program, products: pathlib.Path) -> None:
    assert re.search(
        r"^version: 1$", spillway.done("lake", "show", products, "-o", "yaml").text, re.M
    )


@pytest.mark.parametrize(
    "environment, arguments, colored",
    [
        ({}, (), False),
        ({"NO_COLOR": "1"}, (), False),
        ({}, ("--color", "always"), True),
        ({"NO_COLOR": "1"}, ("--color", "always"), True),
    ],
    ids=str,
)
def test_color(
    spillway: Program, environment: dict[str, str], arguments: tuple[str, ...], colored: bool
) -> None:
    outcome = spillway.with_environment(**environment).run("lake", "show", "/nowhere", *arguments)
    assert outcome.code != 0 and ("\x1b[" in outcome.stderr) == colored, outcome


def test_doctor(spillway: Program) -> None:
    outcome = spillway.run("doctor")
    assert outcome.code in (0, 1) and outcome.text.strip()
    lines = {line["check"]: line for line in spillway.run("doctor", "-o", "json").json()}
    expected = {"home", "disk space", "PostgreSQL programs", "PostgreSQL user", "way to the home"}
    assert lines.keys() >= expected | {"locale", "pgvector", "local PostgreSQL"}
    assert lines["home"]["outcome"] == "ok" and "not made yet" in lines["home"]["note"]
    assert not (spillway.home / "spillway" / "postgres").exists(), "doctor starts nothing"


def test_home_that_cannot_be_written(spillway: Program, products: pathlib.Path) -> None:
    program = spillway.with_environment(SPILLWAY_HOME="/proc/nowhere")
    failure = program.fails(
        "source", "add", "x", products, error_class=("FILE_UNUSABLE", "STATE_CORRUPT")
    )
    assert "/proc/nowhere" in failure.message + failure.object


def test_home_by_flag(spillway: Program, products: pathlib.Path, tmp_path: pathlib.Path) -> None:
    spillway.done("source", "add", "x", products, "--home", tmp_path / "elsewhere")
    assert spillway.json("source", "list") == []
    assert len(spillway.json("--home", tmp_path / "elsewhere", "source", "list")) == 1


@pytest.mark.parametrize(
    "content", [b"", b"garbage" * 100, b"SQLite format 3\0" + bytes(84) + b"x" * 4000], ids=len
)
def test_corrupt_state(spillway: Program, products: pathlib.Path, content: bytes) -> None:
    spillway.done("source", "add", "x", products)
    files = [
        p
        for p in (spillway.home / "spillway").iterdir()
        if p.is_file() and p.read_bytes()[:6] == b"SQLite"
    ]
    assert len(files) == 1
    for path in (spillway.home / "spillway").iterdir():
        if path.name.startswith(files[0].name):
            path.unlink()
    files[0].write_bytes(content)
    outcome = spillway.run("source", "list", "-o", "json")
    if content:
        assert outcome.code == 1 and outcome.failure().error_class == "STATE_CORRUPT", outcome


def test_state_is_private(spillway: Program, products: pathlib.Path) -> None:
    spillway.done("source", "add", "x", products)
    home = spillway.home / "spillway"
    for path in [home, *home.rglob("*")]:
        if path.is_file():
            assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(spillway: Program, shell: str) -> None:
    text = spillway.done("completion", shell).text
    assert "synced-table" in text
    if shell == "bash":
        assert subprocess.run(["bash", "-n"], input=text.encode()).returncode == 0
    assert "--help --help-all --help" not in text and "--help --help-all --home" in text


COMPLETED = [
    ("lake read t --format ", "table csv ndjson parquet"),
    ("lake read t --format=", "table csv ndjson parquet"),
    ("lake read t --format=n", "ndjson"),
    ("-o j", "json"),
    ("synced-table create a.b.c --on-bad-row ", "fail reject"),
    ("sync --progress p", "plain"),
    ("completion ", "bash zsh fish"),
    ("lake read ", "lake.y x"),
    ("source show lake", "lake.y"),
    ("sync local.", r"local.public.t local.public.two\ words"),
    ("target test ", "local"),
    ("synced-table create a.b.c --where ", ""),
    ("kn", ""),
    ("--home=@HOME@ source show lake", "lake.y"),
    ("--home @HOME@ source show lake", "lake.y"),
    ("source show --home=@HOME@ lake", "lake.y"),
    ("--home=/nowhere source show lake", ""),
]


def test_bash_completes_values_and_names(spillway: Program, products: pathlib.Path) -> None:
    for name in ("x", "lake.y"):
        spillway.done("source", "add", name, products)
    for table in ("local.public.t", 'local.public."two words"'):
        spillway.done("synced-table", "create", table, "--from", "x", "--no-sync")
    spillway.run("pg", "stop")
    completion = spillway.done("completion", "bash").text
    for typed, completed in COMPLETED:
        typed = typed.replace("@HOME@", str(spillway.home / "spillway"))
        words = [str(BINARY), *re.split(r" |(?<==)|(?==)", typed)]
        script = (
            f"COMP_WORDS=({' '.join(map(shlex.quote, words))}); COMP_CWORD={len(words) - 1}; "
            '_spillway; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run(
            ["bash", "-c", completion + script],
            env=spillway.environment,
            capture_output=True,
            check=True,
        )
        shown = [line for line in done.stdout.decode().splitlines() if not line.startswith("--")]
        assert " ".join(shown) == completed and done.stderr == b"", (typed, done)
    assert spillway.json("pg", "status")["state"] == "stopped"


# Documentation


def snippets() -> list[tuple[str, str]]:
    """Every line of a ```bash or ```console block of the README that starts with `spillway` or `$ spillway`."""
    readme = ROOT / "README.md"
    if not readme.exists():
        return []
    found = []
    for block in re.findall(r"```(?:bash|sh|console)\n(.*?)```", readme.read_text(), re.S):
        lines = [line.removeprefix("$ ") for line in block.replace("\\\n", " ").splitlines()]
        found += [
            line.split("  #")[0].strip()
            for line in lines
            if line.startswith(("spillway ", "build/bin/spillway "))
        ]
    return [(f"{i:02d}", line) for i, line in enumerate(found)]


def test_every_example_of_the_readme_runs(
    open_directory: pathlib.Path, database_15: Database
) -> None:
    """In order, in one folder that has the lake/products that the README speaks of."""
    commands = snippets()
    assert commands, "README.md has no examples"
    if not BINARY.exists():
        pytest.fail(f"{BINARY} is not built", pytrace=False)
    home = open_directory / "readme"
    home.mkdir()
    lake = home / "lake" / "products"
    deltalake.write_deltalake(
        str(lake),
        pa.table(
            {
                "product_id": [1, 2, 3],
                "name": ["anvil", "rope", None],
                "category": ["tools", "tools", "misc"],
                "price": [1.5, 2.5, None],
            }
        ),
    )
    for block in re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.S):
        (home / "shop.yaml").write_text(block)
    program = Program(home, None).with_environment(
        PATH=f"{BINARY.parent}:/usr/local/bin:/usr/bin:/bin", **database_15.environment
    )
    try:
        for number, command in commands:
            if re.search(r"\b(s3|gs|abfss?|az)://|@db/|<[a-z]+>|…", command):
                continue
            words = shlex.split(command)
            outcome = program.run(*words[1:], cwd=home, timeout=120)
            assert outcome.code == 0, f"README example {number}: {outcome}"
    finally:
        program.run("pg", "stop")
        shutil.rmtree(home, ignore_errors=True)
