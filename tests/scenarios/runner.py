"""Runs one scenario under one regime. The regimes are told in README.md."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
import signal
from decimal import Decimal
from typing import Any

from psycopg import sql

from emulators.postgres import Database
from program import Keys, Outcome, Program
from scenarios import faults
from scenarios.script import Script, Step
from scenarios.source import Source

_QUIETLY = ("-o", "json", "--progress", "none")
Rows = list[str] | None  # the rows of a table as sorted canonical JSON, None when there is no table


@dataclasses.dataclass(frozen=True)
class Regime:
    """What differs from an undisturbed run."""

    name: str
    flags: tuple[str, ...] = ()  # added to every definition
    restart: bool = False
    crash: bool = False
    fault: faults.Fault | None = None  # strikes each sync, before it is run again


PLAIN = Regime("plain")
REGIMES = (
    PLAIN,
    Regime("pg18"),
    Regime("one-row-batches", flags=("--batch-rows", "1")),
    Regime("one-connection", flags=("--connections", "1")),
    Regime("four-connections", flags=("--connections", "4")),
    Regime("restart", restart=True),
    Regime("crash", restart=True, crash=True),
)


class Run:
    """One scenario under one regime, with a database and a home of its own. `world`: what the fault may break."""

    def __init__(
        self,
        script: Script,
        regime: Regime,
        spillway: Program,
        database: Database,
        directory: pathlib.Path,
        world: faults.World | None = None,
    ) -> None:
        self._script = script
        self._regime = regime
        self._database = database
        self._source = Source(directory)
        self._spillway = spillway.with_environment(**database.environment)
        self._world = world or faults.World(database.cluster)
        port = self._world.gate.port if self._world.gate else None
        self._spillway.done("target", "add", "shop", database.url(port=port))
        self.struck: list[faults.Struck] = []  # the runs that the regime's fault struck

    def perform(self) -> None:
        """Performs every step; an AssertionError names the step that does not hold."""
        for step in self._script.steps:
            try:
                getattr(self, "_" + step.word)(step)
            except AssertionError as error:
                raise AssertionError(
                    f"{step.where}, {step.word} {step.name}, regime {self._regime.name}: {error}"
                ) from error

    # The source

    def _create(self, step: Step) -> None:
        self._write(step)

    _append = _overwrite = _create

    def _write(self, step: Step) -> None:
        columns = [(c.split(None, 1)[0], c.split(None, 1)[1]) for c in step.all("column")]
        files: list[list[Any]] = [[]]
        for key, rest in step.details:
            if key == "file":
                files.append([])
            elif key == "row":
                files[-1].append(json.loads(rest))
        properties = dict(p.split(None, 1) for p in step.all("property"))
        self._source.write(step.name, step.word, columns, files, step.all("partition"), properties)

    def _delete(self, step: Step) -> None:
        self._source.delete(step.name, step.one("where"))

    def _remove(self, step: Step) -> None:
        shutil.rmtree(self._source.path(step.name))

    def _rename(self, step: Step) -> None:
        old, new = step.name.split()
        self._source.path(old).rename(self._source.path(new))

    # The program

    def _define(self, step: Step) -> None:
        flags = ["--no-sync", *self._regime.flags]
        for key, rest in step.details:
            if key not in ("error", "names"):
                flags += [f"--{key}", str(self._source.path(rest)) if key == "from" else rest]
        if not step.one("error"):
            self._spillway.done("synced-table", "create", step.name, *flags)
            return
        failure = self._spillway.fails(
            "synced-table", "create", step.name, *flags, error_class=step.one("error")
        )
        for text in step.all("names"):
            assert text in failure.outcome.stderr, f"{text!r} is not said: {failure.outcome}"

    def _sync(self, step: Step) -> None:
        if self._regime.restart:
            self._database.cluster.restart(crash=self._regime.crash)
        table = tuple(step.name.split(".", 1)[1].split("."))
        before, rejected = self._rows(table), self._outstanding(table)
        wanted = step.one("error")
        code = int(step.one("code", "1")) if wanted else 0
        faulty = self._disturbed(step.name, code) if self._regime.fault else None
        meanwhile = self._rows(table)
        outcome = self._spillway.run("sync", step.name, *_QUIETLY)
        self._no_stage_left(outcome)
        if wanted:
            failure = outcome.failure()
            assert failure.error_class == wanted, (
                f"class {failure.error_class}, expected {wanted}: {outcome}"
            )
            assert outcome.code == code, f"exit code {outcome.code}, expected {code}: {outcome}"
            for text in step.all("names"):
                assert text in outcome.stderr, f"{text!r} is not said: {outcome}"
            assert meanwhile == before, f"a disturbed sync changed the table: {faulty}"
            assert self._rows(table) == before, f"a failed sync changed the table: {outcome}"
            assert self._outstanding(table) == rejected, (
                f"a failed sync changed the rejected rows: {outcome}"
            )
            return
        assert outcome.code == 0, f"failed: {outcome}"
        after = self._rows(table)
        assert meanwhile in (before, after), (
            f"the disturbed run left other rows: {meanwhile}: {faulty}"
        )
        said, expected = outcome_of(outcome), step.one("outcome", "synced")
        published = faulty is not None and (meanwhile != before or faulty.code == 0)
        if published:
            expected = "nothing"
        if before != after or faulty is None or published:
            assert said == expected, (
                f"outcome {said}, expected {expected}: {outcome}, after {faulty}"
            )

    def _disturbed(self, name: str, code: int) -> Outcome:
        """Runs the sync with the regime's fault. It ends with `code`, as it would undisturbed, fails with an error that
        tells the mend, or is killed."""
        assert self._regime.fault is not None
        run = faults.run(
            self._spillway, ("sync", name, *_QUIETLY), self._regime.fault, self._world
        )
        if run.times:
            self.struck.append(run)
        outcome = run.outcome
        killed = self._regime.fault.action == "kill"
        assert outcome.code in (code, 1) or (killed and outcome.code == -signal.SIGKILL), (
            f"unexpected exit code: {outcome}"
        )
        if outcome.code > 0:
            assert outcome.failure().error_class, f"no error: {outcome}"
        return outcome

    # The target

    def _sql(self, step: Step) -> None:
        with self._database.connect() as connection:
            for _, statement in step.details:
                connection.execute(statement)

    def _expect(self, step: Step) -> None:
        table = tuple(step.name.split("."))
        rows = self._rows(table)
        assert rows is not None, "there is no such table"
        names = [c.strip() for c in step.one("columns").split(",")] if step.one("columns") else None
        if names is not None:
            found = [
                r[0]
                for r in self._database.query(
                    "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0"
                    " AND NOT attisdropped ORDER BY attnum",
                    (quoted(table),),
                )
            ]
            assert found == names, f"columns {found}, expected {names}"
        wanted = sorted(canonical(text) for text in step.all("row"))
        assert rows == wanted, f"rows {rows}, expected {wanted}"
        if step.one("key"):
            key = [
                r[0]
                for r in self._database.query(
                    "SELECT a.attname FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)"
                    " JOIN pg_attribute a ON a.attnum = k.attnum WHERE a.attrelid = i.indrelid AND i.indisprimary"
                    " AND i.indrelid = to_regclass(%s) ORDER BY place",
                    (quoted(table),),
                )
            ]
            expected = (
                [] if step.one("key") == "none" else [k.strip() for k in step.one("key").split(",")]
            )
            assert key == expected, f"primary key {key}, expected {expected}"

    def _rejected(self, step: Step) -> None:
        found = self._outstanding(tuple(step.name.split(".")))
        wanted = [json.loads(text) for text in step.all("row")]
        assert len(found) == len(wanted), f"rejected {found}, expected {wanted}"
        for key, column, reason, position in wanted:
            like = [r for r in found if r[0] == key and r[1] == column and r[3] == position]
            assert any(reason in r[2] for r in like), (
                f"no rejected row {[key, column, reason, position]} in {found}"
            )

    def _outstanding(self, table: tuple[str, ...]) -> list[tuple[Any, ...]]:
        """Key, column, reason and row position of each rejected row of the table."""
        if self._database.query("SELECT to_regclass('spillway.rejected')") == [(None,)]:
            return []
        rows = self._database.query(
            "SELECT key, column_name, reason, row_position, row::text, file FROM spillway.rejected"
            " WHERE schema_name = %s AND table_name = %s ORDER BY file, row_position",
            table,
        )
        for row in rows:
            assert json.loads(row[4]), f"the row itself is not kept: {row}"
            assert row[5].endswith(".parquet"), f"no data file: {row}"
        return [r[:4] for r in rows]

    def _absent(self, step: Step) -> None:
        assert self._rows(tuple(step.name.split("."))) is None, "the table is there"

    def _rows(self, table: tuple[str, ...]) -> Rows:
        if self._database.query("SELECT to_regclass(%s)", (quoted(table),)) == [(None,)]:
            return None
        with self._database.connect("owner") as connection:
            names = [
                r[0]
                for r in connection.execute(
                    "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0"
                    " AND NOT attisdropped ORDER BY attnum",
                    (quoted(table),),
                ).fetchall()
            ]
            query = sql.SQL("SELECT jsonb_build_array({})::text FROM {}").format(
                sql.SQL(", ").join(sql.Identifier(n) for n in names), sql.Identifier(*table)
            )
            connection.execute("SET TimeZone = 'UTC'")
            return sorted(canonical(r[0]) for r in connection.execute(query).fetchall())

    def _no_stage_left(self, outcome: Outcome) -> None:
        left = stages(self._database)
        assert not left, f"stages are left: {left}: {outcome}"


def end_state(database: Database) -> dict[str, Any]:
    """All that a run leaves in a database but for numbers and times that differ from run to run."""
    tables = database.query(
        "SELECT nspname, relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE relkind IN ('r', 'p') AND nspname <> 'spillway' AND nspname <> 'information_schema'"
        " AND nspname NOT LIKE 'pg\\_%%'"
    )
    state: dict[str, Any] = {"schema": database.cluster.dump_schema(database.name)}
    for schema, table in tables:
        rows = f'SELECT to_jsonb(t)::text FROM "{schema}"."{table}" t'.replace("%", "%%")
        state[f"rows of {schema}.{table}"] = sorted(r[0] for r in database.query(rows))
    if database.query("SELECT to_regclass('spillway.position')") != [(None,)]:
        state["positions"] = database.query(
            "SELECT schema_name, table_name, version, rows, published_fence = fence"
            " FROM spillway.position ORDER BY 1, 2"
        )
    if database.query("SELECT to_regclass('spillway.rejected')") != [(None,)]:
        state["rejected rows"] = database.query(
            "SELECT schema_name, table_name, key::text, column_name, class, reason, row_position,"
            " version FROM spillway.rejected ORDER BY 1, 2, 3, 7"
        )
    return state


def stages(database: Database) -> list[str]:
    """Relations in schema spillway that a finished run must not leave: stage tables, and tasks of one."""
    found = [
        r[0]
        for r in database.query(
            "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = 'spillway'"
            " AND relkind IN ('r', 'p') AND relname NOT IN ('position', 'stage', 'stage_task', 'stage_rejected', 'layout', 'rejected', 'condition')"
        )
    ]
    if database.query("SELECT to_regclass('spillway.stage_task')") != [(None,)]:
        found += [
            f"task {r[0]}" for r in database.query("SELECT t::text FROM spillway.stage_task t")
        ]
    if database.query("SELECT to_regclass('spillway.stage_rejected')") != [(None,)]:
        found += [
            f"rejected row {r[0]}"
            for r in database.query("SELECT t::text FROM spillway.stage_rejected t")
        ]
    return found


def outcome_of(outcome: Outcome) -> str:
    """`synced` or `nothing`, from the document on stdout."""
    document = outcome.json()
    if isinstance(document, list):
        assert len(document) == 1, f"one table was synced: {outcome}"
        document = document[0]
    return {Keys.OUTCOME_NOTHING: "nothing", Keys.OUTCOME_DONE: "synced"}[document[Keys.OUTCOME]]


def quoted(table: tuple[str, ...]) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in table)


def canonical(text: str) -> str:
    """JSON in one spelling; numbers keep their digits, so 1.5 and 1.50 differ as the server shows them."""
    return _spelled(json.loads(text, parse_float=Decimal, parse_int=Decimal))


def _spelled(found: Any) -> str:
    if isinstance(found, dict):
        return (
            "{" + ",".join(f"{json.dumps(k)}:{_spelled(v)}" for k, v in sorted(found.items())) + "}"
        )
    if isinstance(found, list):
        return "[" + ",".join(map(_spelled, found)) + "]"
    return format(found, "f") if isinstance(found, Decimal) else json.dumps(found)
