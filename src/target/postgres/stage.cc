#include "target/postgres/stage.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "base/failpoint.h"
#include "target/postgres/adopt.h"
#include "target/postgres/attachments.h"
#include "target/postgres/bookkeeping.h"
#include "target/postgres/copy/type_table.h"
#include "target/postgres/layout.h"
#include "target/postgres/relation.h"
#include "target/postgres/session/sqlstate.h"
#include "target/postgres/shape.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

// Ends the sessions that write to the table `stage`: nobody but tasks of a run that is over does.
// What they were doing rolls back. Readers, pg_dump among them, are left alone, and sessions of
// another role may refuse; the lock that follows is bounded anyway.
void EndWriters(const Context& context, Connection& connection, std::string_view stage_name) {
  Sql sql;
  sql << "SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE l.locktype = 'relation'"
      << " AND l.granted AND l.pid <> pg_backend_pid() AND l.mode <> 'AccessShareLock'"
      << " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
      << " AND l.relation = to_regclass(" << Literal("spillway." + std::string(stage_name)) << ")";
  [[maybe_unused]] const Status ignored = connection.Execute(context, sql);
}

// Drops the table and what is recorded of it, as the rest of an open transaction.
Sql DropStatements(std::string_view stage_name) {
  Sql sql;
  sql << "DROP TABLE IF EXISTS " << TableName{"spillway", std::string(stage_name)} << ";"
      << "DELETE FROM spillway.stage_task WHERE stage_name = " << Literal(stage_name) << ";"
      << "DELETE FROM spillway.stage_rejected WHERE stage_name = " << Literal(stage_name) << ";"
      << "DELETE FROM spillway.stage WHERE stage_name = " << Literal(stage_name) << "; COMMIT";
  return sql;
}

// What the table that the stage is for says of a column.
struct OldColumn {
  int place = 0;
  std::string collation;  ///< that Spillway found there and left, as the server writes it; or empty
  std::string computed;   ///< of a generated column of others: what makes it, after its name
};
using OldColumns = std::map<std::string, OldColumn, std::less<>>;

// Of a table that is another's, that goes with all that it has, or is not there: none.
Result<OldColumns> ReadOldColumns(const Context& context, Connection& connection,
                                  const Stage& stage) {
  OldColumns columns;
  SPILLWAY_ASSIGN(const auto relation, FindRelation(context, connection, stage.target, true));
  if (!relation || relation->owned_by_id != stage.fence.synced_table_id) return columns;
  SPILLWAY_ASSIGN(const auto stored,
                  ReadPosition(context, connection, stage.fence.synced_table_id, RowLock::kNone));
  const std::string shape = stored ? stored->shape : std::string();
  if (shape.empty() || IsReplaced(shape)) return columns;
  Sql sql;
  sql << "SELECT a.attname, c.name, CASE WHEN e IS NULL AND a.attgenerated <> '' THEN "
      << GeneratedDeclaration("a", "pg_get_expr(d.adbin, d.adrelid)")
      << " END FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid"
      << " AND d.adnum = a.attnum LEFT JOIN json_array_elements("
      << Literal(ShapeList(shape, "columns")) << "::json) e ON e->>0 = a.attname"
      << " LEFT JOIN LATERAL (SELECT a.attcollation::regcollation::text) AS c(name)"
      << " ON a.attcollation <> 0 AND c.name = e->>6 WHERE a.attrelid = " << Literal(relation->oid)
      << "::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  for (int row = 0; row < rows.size(); ++row) {
    columns[std::string(rows.text(row, 0))] = {row, std::string(rows.text(row, 1)),
                                               std::string(rows.text(row, 2))};
  }
  return columns;
}

bool HasCollation(std::string_view type) {
  const auto parsed = ParsePostgresType(type);
  return parsed.ok() &&
         (parsed->kind == PostgresKind::kText || parsed->kind == PostgresKind::kVarchar ||
          parsed->kind == PostgresKind::kChar);
}

constexpr int kLastPlace = std::numeric_limits<int>::max();

int PlaceOf(const OldColumns& old, const std::string& name) {
  const auto found = old.find(name);
  return found == old.end() ? kLastPlace : found->second.place;
}

// Of the columns that others compute, those that come before one of the stage: the others are added
// when the rows are there.
OldColumns InnerComputed(const Stage& stage, const std::vector<ExtraColumn>& extra_columns,
                         const OldColumns& old) {
  int last = -1;
  OldColumns inner = old;
  const auto count = [&](const std::string& name) {
    last = std::max(last, PlaceOf(old, name));
    inner.erase(name);
  };
  for (const Column& column : stage.columns) count(column.name);
  for (const ExtraColumn& column : extra_columns) count(column.name);
  std::erase_if(inner, [&](const auto& column) {
    return column.second.computed.empty() || column.second.place > last;
  });
  return inner;
}

// The columns' definitions, in the order of the old table; new ones last.
std::vector<Sql> ColumnDefinitions(const Stage& stage,
                                   const std::vector<ExtraColumn>& extra_columns,
                                   const OldColumns& old, const OldColumns& computed) {
  std::vector<std::pair<int, Sql>> placed;
  const auto place = [&](const std::string& name) { return PlaceOf(old, name); };
  for (const auto& [name, column] : computed) {
    placed.emplace_back(column.place, Sql()
                                          << Identifier(name) << " " << ServerSql(column.computed));
  }
  for (const Column& column : stage.columns) {
    Sql sql;
    sql << Identifier(column.name) << " " << ColumnType(column.target_type);
    const auto found = old.find(column.name);
    if (found != old.end() && !found->second.collation.empty() &&
        HasCollation(column.target_type)) {
      sql << " COLLATE " << ServerSql(found->second.collation);
    }
    if (column.not_null) sql << " NOT NULL";
    placed.emplace_back(place(column.name), std::move(sql));
  }
  for (const ExtraColumn& column : extra_columns) {
    placed.emplace_back(place(column.name), Sql() << Identifier(column.name) << " "
                                                  << ColumnDeclaration(column.declaration));
  }
  std::ranges::stable_sort(placed, {}, &std::pair<int, Sql>::first);
  std::vector<Sql> definitions;
  for (auto& [_, sql] : placed) definitions.push_back(std::move(sql));
  return definitions;
}

Sql CreateStatements(const Stage& stage, const std::vector<ExtraColumn>& extra_columns,
                     const OldColumns& old, const OldColumns& computed) {
  const std::vector<Sql> definitions = ColumnDefinitions(stage, extra_columns, old, computed);
  Sql sql;
  sql << "CREATE TABLE " << stage.table << " (";
  bool first = true;
  for (const Sql& definition : definitions) {
    if (!first) sql << ", ";
    first = false;
    sql << definition;
  }
  sql << ") WITH (autovacuum_enabled = off, toast.autovacuum_enabled = off);";
  sql << "COMMENT ON TABLE " << stage.table << " IS "
      << Literal("Spillway: being loaded for " + stage.target.ToString() + " by run " +
                 stage.fence.run_id)
      << ";";
  for (const Column& column : stage.columns) {
    if (column.comment.empty()) continue;
    sql << "COMMENT ON COLUMN " << stage.table << "." << Identifier(column.name) << " IS "
        << Literal(column.comment) << ";";
  }
  for (const auto& [name, _] : computed) {
    sql << "COMMENT ON COLUMN " << stage.table << "." << Identifier(name) << " IS "
        << Literal(kCarriedColumn) << ";";
  }
  return sql;
}

std::string NameExtras(const std::vector<ExtraColumn>& extra_columns) {
  std::string names;
  for (const ExtraColumn& column : extra_columns) {
    names += (names.empty() ? "" : ", ") + column.name + " " + column.declaration;
  }
  return names;
}

// The server's refusal of a table with extra columns as an error of their declarations: types of
// the others are from the type table.
Status ExtraColumnsError(Status refused, const std::vector<ExtraColumn>& extra_columns,
                         const TableName& target) {
  const std::string state(refused.detail("sqlstate"));
  const bool permission = state == "42501";
  if (extra_columns.empty() || permission ||
      !(state.starts_with("42") || state.starts_with("22") || state.starts_with("0A"))) {
    return refused;
  }
  return Status(ErrorClass::kInvalidDefinition, "an extra column cannot be made (" +
                                                    NameExtras(extra_columns) +
                                                    "): " + std::string(refused.message()))
      .Mend(
          "Correct it in extra_columns: a type with DEFAULT … or GENERATED ALWAYS AS (…) STORED; "
          "functions and types outside pg_catalog are written with their schema.")
      .With("field", "extra_columns")
      .With("sqlstate", state)
      .With("table", target.ToString());
}

// Runs in a transaction of the caller.
Status MakeTable(const Context& context, Connection& connection, const Stage& stage,
                 const std::vector<ExtraColumn>& extra_columns, const OldColumns& old) {
  const OldColumns computed = InnerComputed(stage, extra_columns, old);
  if (!computed.empty()) {
    Sql sql;
    sql << "SAVEPOINT computed;" << CreateStatements(stage, extra_columns, old, computed);
    const Status made = connection.Execute(context, sql);
    // What keeps us from making them keeps the publish from a swap; it says why.
    if (!IsRefusal(made)) return made;
    SPILLWAY_TRY(connection.Execute(context, Sql() << "ROLLBACK TO SAVEPOINT computed"));
  }
  Status made = connection.Execute(context, CreateStatements(stage, extra_columns, old, {}));
  if (made.ok()) return made;
  return ExtraColumnsError(std::move(made), extra_columns, stage.target)
      .While("make the stage of " + stage.target.ToString());
}

// That the declarations made exactly the columns that they name, and nothing but columns.
Status CheckExtraColumns(const Context& context, Connection& connection, const Stage& stage,
                         const std::vector<ExtraColumn>& extra_columns) {
  if (extra_columns.empty()) return Status();
  Sql sql;
  sql << "SELECT (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0"
      << " AND (a.attgenerated = '' OR col_description(c.oid, a.attnum) IS DISTINCT FROM "
      << Literal(kCarriedColumn) << ")),"
      << " (SELECT string_agg(k.conname || ' ' || pg_get_constraintdef(k.oid), ', ')"
      << " FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype <> 'n'),"
      << " (SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_attribute a JOIN pg_type t"
      << " ON t.oid = a.atttypid WHERE a.attrelid = c.oid AND (a.attnotnull OR t.typnotnull)"
      << " AND NOT a.atthasdef AND a.attidentity = '' AND t.typdefault IS NULL"
      << " AND a.attname IN (''";
  for (const ExtraColumn& column : extra_columns) sql << ", " << Literal(column.name);
  sql << ")) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname ="
      << " 'spillway' AND c.relname = " << Literal(stage.table.table);
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  const auto expected = static_cast<std::int64_t>(stage.columns.size() + extra_columns.size());
  std::string problem;
  if (rows.size() != 1 || rows.number(0, 0) != expected) problem = "it makes more than one column";
  if (problem.empty() && !rows.IsNull(0, 1)) {
    problem =
        "it makes a constraint, which the source's rows may break: " + std::string(rows.text(0, 1));
  }
  if (problem.empty() && !rows.IsNull(0, 2)) {
    problem = std::string(rows.text(0, 2)) +
              " is NOT NULL without a default, so that no row can be loaded";
  }
  if (problem.empty()) return Status();
  return Status(ErrorClass::kInvalidDefinition,
                "an extra column cannot be made (" + NameExtras(extra_columns) + "): " + problem)
      .Mend("Write a type with DEFAULT … or GENERATED ALWAYS AS (…) STORED in extra_columns.")
      .With("field", "extra_columns")
      .With("table", stage.target.ToString());
}

// TARGET_PERMISSION when the rows of the present table would be hidden from us, its owner: they are
// compared with the new ones.
Status CheckRowSecurity(const Context& context, Connection& connection, const TableName& target) {
  Sql sql;
  sql << "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,"
      << " pg_roles r WHERE n.nspname = " << Literal(target.schema)
      << " AND c.relname = " << Literal(target.table)
      << " AND c.relrowsecurity AND c.relforcerowsecurity AND r.rolname = current_user"
      << " AND NOT r.rolsuper AND NOT r.rolbypassrls";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  if (rows.size() == 0) return Status();
  return Status(ErrorClass::kTargetPermission,
                "row level security is forced on " + target.ToString() +
                    ", so that Spillway's role cannot see all its rows")
      .Mend((Sql() << "ALTER ROLE " << Identifier(connection.facts().user)
                   << " BYPASSRLS, or ALTER TABLE " << target << " NO FORCE ROW LEVEL SECURITY.")
                .text())
      .With("table", target.ToString());
}

// TARGET_PERMISSION now, rather than after the load, when the publish could not make the table.
Status CheckMayPublish(const Context& context, Connection& connection, const TableName& target) {
  SPILLWAY_TRY(CheckRowSecurity(context, connection, target));
  Sql sql;
  sql << "SELECT n.oid IS NOT NULL, CASE WHEN n.oid IS NULL"
      << " THEN has_database_privilege(current_database(), 'CREATE')"
      << " ELSE has_schema_privilege(n.oid, 'CREATE') END"
      << " FROM (VALUES (1)) AS one LEFT JOIN pg_namespace n ON n.nspname = "
      << Literal(target.schema);
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  if (rows.boolean(0, 1)) return Status();
  const bool exists = rows.boolean(0, 0);
  const std::string& user = connection.facts().user;
  Sql grant;
  if (exists) {
    grant << "GRANT CREATE ON SCHEMA " << Identifier(target.schema) << " TO " << Identifier(user);
  } else {
    grant = GrantCreate(connection.facts().database, user);
  }
  return Status(ErrorClass::kTargetPermission,
                exists ? "the role may not create tables in schema " + target.schema
                       : "the role may not create schema " + target.schema)
      .Mend(grant.text() + ".")
      .With("table", target.ToString());
}

}  // namespace

Result<StageState> BeginOnStage(const Context& context, Connection& connection,
                                const Stage& stage) {
  SPILLWAY_TRY(CheckSyncedTableId(stage.fence.synced_table_id));
  Sql sql;
  // Two statements: the second one's snapshot is taken after the lock is had, so it sees what a
  // publish removed.
  sql << "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT fence, fence_run_id FROM spillway.position"
      << " WHERE synced_table_id = " << Literal(stage.fence.synced_table_id) << " FOR KEY SHARE;"
      << " SELECT 1 FROM spillway.stage WHERE stage_name = " << Literal(stage.table.table)
      << " AND fence = " << Literal(stage.fence.number)
      << " AND run_id = " << Literal(stage.fence.run_id);
  SPILLWAY_ASSIGN(const auto results, connection.Run(context, sql));
  SPILLWAY_CHECK(results.size() == 3);
  const Rows& fence = results[1];
  if (fence.size() == 0 || fence.number(0, 0) != stage.fence.number ||
      fence.text(0, 1) != stage.fence.run_id) {
    return StageState::kFenced;
  }
  return results[2].size() == 0 ? StageState::kGone : StageState::kOpen;
}

Status StageError(const Stage& stage, StageState state) {
  switch (state) {
    case StageState::kOpen:
      return Status();
    case StageState::kFenced:
      return FencedError(stage.fence, "a newer run has taken over " + stage.target.ToString());
    case StageState::kGone:
      return FencedError(stage.fence,
                         "the stage of " + stage.target.ToString() + " is published or dropped");
  }
  return Status();
}

Status BeginOnOpenStage(const Context& context, Connection& connection, const Stage& stage) {
  SPILLWAY_ASSIGN(const StageState state, BeginOnStage(context, connection, stage));
  if (state == StageState::kOpen) return Status();
  SPILLWAY_TRY(connection.Execute(context, Sql() << "ROLLBACK"));
  return StageError(stage, state);
}

Result<Stage> CreateStage(const Context& context, Connection& connection, const Fence& fence,
                          const TableName& target, const std::vector<Column>& columns,
                          const std::vector<ExtraColumn>& extra_columns) {
  SPILLWAY_TRY(base::Failpoint("stage.create.before"));
  Stage stage;
  stage.target = target;
  stage.fence = fence;
  stage.columns = columns;
  SPILLWAY_TRY(CheckMayPublish(context, connection, target));
  // No stage has the empty name: only the fence is asked for.
  SPILLWAY_ASSIGN(const StageState state, BeginOnStage(context, connection, stage));
  if (state == StageState::kFenced) {
    SPILLWAY_TRY(connection.Execute(context, Sql() << "ROLLBACK"));
    return StageError(stage, state);
  }
  SPILLWAY_ASSIGN(const Rows number,
                  connection.Query(context, Sql() << "SELECT nextval('spillway.stage_number')"));
  // The number makes it unique here, the id in the schema that it is published to.
  stage.table = {"spillway", "stage_" + std::string(number.text(0, 0)) + "_" +
                                 fence.synced_table_id.substr(0, 8)};
  SPILLWAY_ASSIGN(const OldColumns old, ReadOldColumns(context, connection, stage));
  SPILLWAY_TRY(MakeTable(context, connection, stage, extra_columns, old));
  SPILLWAY_TRY(CheckExtraColumns(context, connection, stage, extra_columns));
  Sql sql;
  sql << "INSERT INTO spillway.stage (stage_name, synced_table_id, fence, run_id) VALUES ("
      << Literal(stage.table.table) << ", " << Literal(fence.synced_table_id) << ", "
      << Literal(fence.number) << ", " << Literal(fence.run_id) << "); COMMIT";
  SPILLWAY_TRY(connection.Execute(context, sql).While("make the stage of " + target.ToString()));
  SPILLWAY_TRY(base::Failpoint("stage.create.after"));
  return stage;
}

Status DropStage(const Context& context, Connection& connection, const Stage& stage) {
  SPILLWAY_ASSIGN(const StageState state, BeginOnStage(context, connection, stage));
  if (state != StageState::kOpen) return connection.Execute(context, Sql() << "ROLLBACK");
  EndWriters(context, connection, stage.table.table);
  return connection.Execute(context, DropStatements(stage.table.table))
      .While("drop the stage of " + stage.target.ToString());
}

Result<bool> HasStages(const Context& context, Connection& connection,
                       std::string_view synced_table_id) {
  Sql sql;
  sql << "SELECT EXISTS (SELECT FROM spillway.stage WHERE synced_table_id = "
      << Literal(synced_table_id) << ")";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  return rows.boolean(0, 0);
}

Result<std::vector<std::string>> RemoveDeadStages(const Context& context, Connection& connection,
                                                  std::string_view synced_table_id) {
  SPILLWAY_TRY(CheckSyncedTableId(synced_table_id));
  std::vector<std::string> removed;
  SPILLWAY_ASSIGN(const int layout, ReadLayoutVersion(context, connection));
  if (layout == 0) return removed;
  Sql dead;
  dead << "SELECT s.stage_name FROM spillway.stage s LEFT JOIN spillway.position p"
       << " USING (synced_table_id) WHERE s.synced_table_id = " << Literal(synced_table_id)
       << " AND (p.fence IS NULL OR s.fence < p.fence OR s.fence = p.fence"
       << " AND s.run_id <> p.fence_run_id) ORDER BY s.fence, s.stage_name";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, dead));
  for (int row = 0; row < rows.size(); ++row) {
    const std::string name(rows.text(row, 0));
    EndWriters(context, connection, name);
    Status dropped = connection.Execute(
        context, Sql() << "BEGIN; SET LOCAL lock_timeout = '2s';" << DropStatements(name));
    if (dropped.ok()) {
      removed.push_back(name);
    } else if (dropped.error_class() == ErrorClass::kLockTimeout) {
      SPILLWAY_TRY(connection.Execute(context, Sql() << "ROLLBACK"));
    } else {
      return std::move(dropped).While("drop the dead stage " + name);
    }
  }
  return removed;
}

}  // namespace spillway::target::postgres
