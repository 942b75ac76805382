#include "target/postgres/stage.h"

#include <utility>

#include "base/failpoint.h"
#include "target/postgres/bookkeeping.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

constexpr int kKeysNamed = 10;

// Ends the sessions that hold locks on the table `stage`: nobody but tasks of a run that is over
// uses it. What they were doing rolls back. Sessions of another role may refuse; the lock that
// follows is bounded anyway.
void EndWriters(const Context& context, Connection& connection, std::string_view stage_name) {
  Sql sql;
  sql << "SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE l.locktype = 'relation'"
      << " AND l.granted AND l.pid <> pg_backend_pid()"
      << " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
      << " AND l.relation = to_regclass(" << Literal("spillway." + std::string(stage_name)) << ")";
  [[maybe_unused]] const Status ignored = connection.Execute(context, sql);
}

// Drops the table and what is recorded of it, as the rest of an open transaction.
Sql DropStatements(std::string_view stage_name) {
  Sql sql;
  sql << "DROP TABLE IF EXISTS " << TableName{"spillway", std::string(stage_name)} << ";"
      << "DELETE FROM spillway.stage_task WHERE stage_name = " << Literal(stage_name) << ";"
      << "DELETE FROM spillway.stage WHERE stage_name = " << Literal(stage_name) << "; COMMIT";
  return sql;
}

Sql CreateStatements(const Stage& stage) {
  Sql sql;
  sql << "CREATE TABLE " << stage.table << " (";
  bool first = true;
  for (const Column& column : stage.columns) {
    if (!first) sql << ", ";
    first = false;
    sql << Identifier(column.name) << " " << ColumnType(column.target_type);
    if (column.not_null) sql << " NOT NULL";
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
  return sql;
}

// TARGET_PERMISSION now, rather than after the load, when the publish could not make the table.
Status CheckMayPublish(const Context& context, Connection& connection, const TableName& target) {
  Sql sql;
  sql << "SELECT n.oid IS NOT NULL, CASE WHEN n.oid IS NULL"
      << " THEN has_database_privilege(current_database(), 'CREATE')"
      << " ELSE has_schema_privilege(n.oid, 'CREATE') END"
      << " FROM (VALUES (1)) AS one LEFT JOIN pg_namespace n ON n.nspname = "
      << Literal(target.schema);
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  if (rows.boolean(0, 1)) return Status();
  const bool exists = rows.boolean(0, 0);
  const std::string object = exists ? "SCHEMA \"" + target.schema + "\""
                                    : "DATABASE \"" + connection.facts().database + "\"";
  return Status(ErrorClass::kTargetPermission,
                exists ? "the role may not create tables in schema " + target.schema
                       : "the role may not create schema " + target.schema)
      .Mend("GRANT CREATE ON " + object + " TO \"" + connection.facts().user + "\".")
      .With("table", target.ToString());
}

std::string KeyText(const Rows& rows, int row, const std::vector<std::string>& key) {
  std::string text;
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (i > 0) text += ", ";
    text += key[i] + "=";
    text += rows.IsNull(row, static_cast<int>(i))
                ? std::string("NULL")
                : std::string(rows.text(row, static_cast<int>(i)));
  }
  return text;
}

// The rows that violate the key, asked of the stage itself: up to ten keys and the number of all.
Status KeyViolation(const Context& context, Connection& connection, const Stage& stage,
                    const std::vector<std::string>& key, bool null_key) {
  Sql sql;
  sql << "SELECT ";
  for (const std::string& column : key) sql << Identifier(column) << "::text, ";
  sql << "count(*), count(*) OVER () FROM " << stage.table << " AS s";
  if (null_key) {
    sql << " WHERE ";
    bool first = true;
    for (const std::string& column : key) {
      if (!first) sql << " OR ";
      first = false;
      sql << Identifier(column) << " IS NULL";
    }
  }
  sql << " GROUP BY " << std::span<const std::string>(key);
  if (!null_key) sql << " HAVING count(*) > 1";
  sql << " ORDER BY ";
  for (const std::string& column : key) sql << "s." << Identifier(column) << ", ";
  sql << "1 LIMIT " << std::int64_t{kKeysNamed};
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  const int counts = static_cast<int>(key.size());
  std::string keys;
  for (int row = 0; row < rows.size(); ++row) {
    if (row > 0) keys += "; ";
    keys += KeyText(rows, row, key);
    if (rows.number(row, counts) > 1) {
      keys += " (" + std::to_string(rows.number(row, counts)) + " rows)";
    }
  }
  const std::int64_t total = rows.size() == 0 ? 0 : rows.number(0, counts + 1);
  std::string message = null_key ? "rows have NULL in the primary key of "
                                 : "several rows have the same primary key in ";
  message += stage.target.ToString() + ": " + keys;
  if (total > kKeysNamed) message += "; … " + std::to_string(total) + " keys in all";
  Status error(ErrorClass::kPrimaryKeyConstraintViolation, std::move(message));
  return std::move(error)
      .With("table", stage.target.ToString())
      .With("key", rows.size() == 0 ? std::string() : KeyText(rows, 0, key))
      .With("keys", keys)
      .With("key_count", std::to_string(total))
      .With("reason", null_key ? "NULL in the key" : "duplicate key");
}

Status AddPrimaryKey(const Context& context, Connection& connection, const Stage& stage,
                     const std::vector<std::string>& key) {
  Sql sql;
  sql << "ALTER TABLE " << stage.table << " ADD CONSTRAINT "
      << Identifier(stage.table.table + "_pkey") << " PRIMARY KEY ("
      << std::span<const std::string>(key) << ")";
  Status added = connection.Execute(context, sql);
  const std::string_view state = added.detail("sqlstate");
  if (state == "23505" || state == "23502") {
    SPILLWAY_TRY(connection.Execute(context, Sql() << "ROLLBACK"));
    return KeyViolation(context, connection, stage, key, state == "23502");
  }
  if (state.starts_with("42")) {
    return Status(ErrorClass::kInvalidDefinition,
                  "the primary key cannot be made: " + std::string(added.message()))
        .With("sqlstate", state)
        .With("table", stage.target.ToString());
  }
  return added;
}

Status AddIndex(const Context& context, Connection& connection, const Stage& stage,
                const std::string& clause) {
  Sql sql;
  sql << "CREATE INDEX ON " << stage.table << " " << IndexClause(clause);
  auto added = connection.QuerySingle(context, sql);
  if (added.ok()) return Status();
  Status error = std::move(added).status();
  const std::string state(error.detail("sqlstate"));
  if (state.starts_with("42") && state != "42501") {
    return Status(ErrorClass::kInvalidDefinition,
                  "an index cannot be made: " + clause + ": " + std::string(error.message()))
        .Mend(
            "Correct it in indexes; functions and operator classes outside pg_catalog are written "
            "with their schema.")
        .With("sqlstate", state)
        .With("object", clause)
        .With("table", stage.target.ToString());
  }
  return std::move(error).While("make index " + clause);
}

}  // namespace

Result<StageState> BeginOnStage(const Context& context, Connection& connection,
                                const Stage& stage) {
  SPILLWAY_TRY(CheckSyncedTableId(stage.fence.synced_table_id));
  Sql sql;
  // Two statements: the second one's snapshot is taken after the lock is had, so it sees what a
  // publish removed.
  sql << "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT fence FROM spillway.position"
      << " WHERE synced_table_id = " << Literal(stage.fence.synced_table_id) << " FOR KEY SHARE;"
      << " SELECT 1 FROM spillway.stage WHERE stage_name = " << Literal(stage.table.table);
  SPILLWAY_ASSIGN(const auto results, connection.Run(context, sql));
  SPILLWAY_CHECK(results.size() == 3);
  const Rows& fence = results[1];
  if (fence.size() == 0 || fence.number(0, 0) != stage.fence.number) return StageState::kFenced;
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

Result<Stage> CreateStage(const Context& context, Connection& connection, const Fence& fence,
                          const TableName& target, const std::vector<Column>& columns) {
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
  Sql sql = CreateStatements(stage);
  sql << "INSERT INTO spillway.stage (stage_name, synced_table_id, fence, run_id) VALUES ("
      << Literal(stage.table.table) << ", " << Literal(fence.synced_table_id) << ", "
      << Literal(fence.number) << ", " << Literal(fence.run_id) << "); COMMIT";
  SPILLWAY_TRY(connection.Execute(context, sql).While("make the stage of " + target.ToString()));
  SPILLWAY_TRY(base::Failpoint("stage.create.after"));
  return stage;
}

Status BuildIndexes(const Context& context, Connection& connection, const Stage& stage,
                    const IndexSpec& index) {
  SPILLWAY_TRY(base::Failpoint("index.before"));
  SPILLWAY_ASSIGN(const StageState state, BeginOnStage(context, connection, stage));
  if (state != StageState::kOpen) {
    SPILLWAY_TRY(connection.Execute(context, Sql() << "ROLLBACK"));
    return StageError(stage, state);
  }
  // All are made in this transaction, so one that is there means that an earlier attempt was
  // committed.
  Sql settings;
  settings << "SELECT set_config('maintenance_work_mem', '256MB', true) WHERE"
           << " pg_size_bytes(current_setting('maintenance_work_mem')) < 268435456;"
           << " SELECT 1 FROM pg_index WHERE indrelid = to_regclass("
           << Literal("spillway." + stage.table.table) << ")";
  SPILLWAY_ASSIGN(const Rows existing, connection.Query(context, settings));
  if (existing.size() == 0) {
    if (!index.primary_key.empty()) {
      SPILLWAY_TRY(AddPrimaryKey(context, connection, stage, index.primary_key));
    }
    for (const std::string& clause : index.indexes) {
      SPILLWAY_TRY(AddIndex(context, connection, stage, clause));
    }
  }
  SPILLWAY_TRY(connection.Execute(context, Sql() << "COMMIT"));
  return base::Failpoint("index.after");
}

Status DropStage(const Context& context, Connection& connection, const Stage& stage) {
  SPILLWAY_ASSIGN(const StageState state, BeginOnStage(context, connection, stage));
  if (state != StageState::kOpen) return connection.Execute(context, Sql() << "ROLLBACK");
  EndWriters(context, connection, stage.table.table);
  return connection.Execute(context, DropStatements(stage.table.table))
      .While("drop the stage of " + stage.target.ToString());
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
       << " AND (p.fence IS NULL OR s.fence < p.fence) ORDER BY s.fence, s.stage_name";
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
