#include "target/postgres/table_publish.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "target/postgres/bookkeeping.h"
#include "target/postgres/rejected_rows.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::Deadline;
using base::ErrorClass;
using base::Result;
using base::Status;

Sql GrantStatement(const Rows& rows, int row, const TableName& table) {
  Sql sql;
  // The privilege is one of aclexplode's words; it cannot be an identifier.
  constexpr auto kPrivileges = std::to_array<SqlText>(
      {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"});
  for (const SqlText privilege : kPrivileges) {
    if (rows.text(row, 0) != privilege.text()) continue;
    sql << "GRANT " << privilege << " ON TABLE " << table << " TO ";
    if (rows.IsNull(row, 1)) {
      sql << "PUBLIC";
    } else {
      sql << Identifier(rows.text(row, 1));
    }
    if (rows.boolean(row, 2)) sql << " WITH GRANT OPTION";
    sql << ";";
  }
  return sql;
}

Sql GrantStatements(const Rows& rows, const TableName& table) {
  Sql sql;
  for (int row = 0; row < rows.size(); ++row) sql << GrantStatement(rows, row, table);
  return sql;
}

Status WithBlockers(const Context& context, Connection& connection, Status error,
                    const TableName& table) {
  const std::string holders = NameLockHolders(context, connection, table);
  if (holders.empty()) return error;
  Status named(error.error_class(), std::string(error.message()) + ": held by " + holders);
  for (const auto& [key, value] : error.details()) named = std::move(named).With(key, value);
  return std::move(named).With("blockers", holders);
}

// What is left until `deadline`, in a form that lock_timeout takes: 0 would mean for ever.
std::chrono::milliseconds LockTimeout(const Deadline& deadline) {
  return std::max(std::chrono::milliseconds(1), *deadline.Remaining());
}

// The table's name with `suffix`, cut to fit and numbered until nobody in the schema has it, as
// the server does.
std::string FreeName(std::string_view table, std::string_view suffix,
                     std::vector<std::string>* taken) {
  for (int number = 0;; ++number) {
    const std::string end =
        std::string(suffix) + (number == 0 ? std::string() : std::to_string(number));
    const std::string cut_end(CutUtf8(end, 40));
    std::string name(CutUtf8(table, kMaxIdentifierBytes - cut_end.size()));
    name += cut_end;
    if (std::ranges::find(*taken, name) == taken->end()) {
      taken->push_back(name);
      return name;
    }
  }
}

}  // namespace

Status TablePublish::Move(const Context& context, Connection& connection,
                          const Identity& identity) {
  auto stored =
      ReadPosition(context, connection, stage_.fence.synced_table_id, RowLock::kExclusive);
  if (!stored.ok()) {
    Status error = std::move(stored).status();
    if (error.error_class() != ErrorClass::kLockTimeout) return error;
    return WithBlockers(context, connection, std::move(error), PositionTable())
        .While("lock the position of " + stage_.target.ToString());
  }
  if (!*stored || (*stored)->row.fence != stage_.fence.number) {
    return FencedError(stage_.fence, "a newer run has taken over " + stage_.target.ToString());
  }
  published_shape_ = (*stored)->shape;
  // Whose relation is there depends on what the position says before it is moved.
  SPILLWAY_ASSIGN(old_, FindRelation(context, connection, stage_.target, true));
  SPILLWAY_ASSIGN(const bool moved,
                  MovePosition(context, connection, stage_.fence, publish_.planned_from,
                               publish_.position, identity));
  if (moved) return Status();
  return FencedError(stage_.fence,
                     "the position of " + stage_.target.ToString() + " is not the planned one");
}

Status TablePublish::Check(const Context& context, Connection& connection) {
  SPILLWAY_TRY(CheckCounts(context, connection));
  SPILLWAY_TRY(PublishRejected(context, connection, stage_, publish_.position.version,
                               publish_.max_rejected));
  return CheckIndexes(context, connection);
}

// The stage must hold what its tasks say, and they what was planned.
Status TablePublish::CheckCounts(const Context& context, Connection& connection) {
  Sql sql;
  sql << "SELECT s.oid, coalesce(sum(t.rows), 0), count(t.task_id) FROM (SELECT c.oid FROM "
         "spillway.stage g"
      << " JOIN pg_class c ON c.relname = g.stage_name JOIN pg_namespace n"
      << " ON n.oid = c.relnamespace AND n.nspname = 'spillway' WHERE g.stage_name = "
      << Literal(stage_.table.table) << ") AS s LEFT JOIN spillway.stage_task t"
      << " ON t.stage_name = " << Literal(stage_.table.table) << " GROUP BY s.oid";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  if (rows.size() != 1) {
    return FencedError(stage_.fence,
                       "the stage of " + stage_.target.ToString() + " is published or dropped");
  }
  oid_ = rows.number(0, 0);
  const std::int64_t loaded = rows.number(0, 1);
  const std::int64_t tasks = rows.number(0, 2);
  if (tasks != publish_.expected_tasks) {
    return Status(ErrorClass::kCountMismatch, "the stage of " + stage_.target.ToString() + " has " +
                                                  std::to_string(tasks) + " tasks, not " +
                                                  std::to_string(publish_.expected_tasks))
        .With("table", stage_.target.ToString());
  }
  if (loaded == publish_.expected_rows) return Status();
  return Status(ErrorClass::kCountMismatch, "the stage of " + stage_.target.ToString() + " has " +
                                                std::to_string(loaded) + " rows, not " +
                                                std::to_string(publish_.expected_rows))
      .With("table", stage_.target.ToString())
      .With("loaded", std::to_string(loaded))
      .With("expected", std::to_string(publish_.expected_rows));
}

// The key and indexes of the definition must have been made.
Status TablePublish::CheckIndexes(const Context& context, Connection& connection) {
  Sql sql;
  sql << "SELECT count(*) FILTER (WHERE indisprimary), count(*) FILTER (WHERE NOT indisprimary)"
      << " FROM pg_index WHERE indrelid = " << Literal(oid_) << "::oid AND indisvalid";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  const bool key = rows.number(0, 0) == 1;
  const auto others = static_cast<std::size_t>(rows.number(0, 1));
  if (key == !publish_.index.primary_key.empty() && others == publish_.index.indexes.size()) {
    return Status();
  }
  return Status(ErrorClass::kInternal,
                "the stage of " + stage_.target.ToString() + " lacks its primary key or an index")
      .With("table", stage_.target.ToString());
}

Status TablePublish::Lock(const Context& context, Connection& connection,
                          const Deadline& deadline) {
  published_.way = PublishWay::kSwap;
  if (!old_) return Status();
  if (old_->owned_by_id != stage_.fence.synced_table_id) {
    return Status(ErrorClass::kAlreadyExists, "a " + old_->kind +
                                                  " that this synced table did not make is at " +
                                                  stage_.target.ToString())
        .With("table", stage_.target.ToString())
        .With("kind", old_->kind);
  }
  Sql lock;
  lock << "SET LOCAL lock_timeout = " << Literal(LockTimeout(deadline).count()) << "; LOCK TABLE "
       << stage_.target << " IN ACCESS EXCLUSIVE MODE";
  if (Status waited = connection.Execute(context, lock); !waited.ok()) {
    if (waited.error_class() != ErrorClass::kLockTimeout) return waited;
    return WithBlockers(context, connection, std::move(waited), stage_.target)
        .While("lock " + stage_.target.ToString());
  }
  SPILLWAY_ASSIGN(const auto locked, FindRelation(context, connection, stage_.target, true));
  if (!locked || locked->oid != old_->oid) {
    return Status(ErrorClass::kTargetChanged, "another relation took the place of " +
                                                  stage_.target.ToString() + " during the publish")
        .With("table", stage_.target.ToString());
  }
  return Status();
}

Status TablePublish::Put(const Context& context, Connection& connection) {
  if (publish_.way == PublishWay::kApply) {
    return Status(ErrorClass::kNotYetSupported, "a publish cannot apply in place yet");
  }
  if (old_) {
    SPILLWAY_TRY(TakeAway(context, connection));
  } else {
    SPILLWAY_TRY(MakeSchema(context, connection));
  }
  return PutInPlace(context, connection);
}

Status TablePublish::MakeSchema(const Context& context, Connection& connection) {
  Sql exists;
  exists << "SELECT 1 FROM pg_namespace WHERE nspname = " << Literal(stage_.target.schema);
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, exists));
  if (rows.size() == 1) return Status();
  Sql make;
  make << "CREATE SCHEMA " << Identifier(stage_.target.schema);
  return connection.Execute(context, make).While("make schema " + stage_.target.schema);
}

// Makes sure that nothing would be lost with the old table, and drops it.
Status TablePublish::TakeAway(const Context& context, Connection& connection) {
  SPILLWAY_ASSIGN(auto dependents,
                  FindDependents(context, connection, old_->oid, published_shape_));
  if (!old_->may_drop) dependents.push_back({"owner", old_->owner, false});
  if (!dependents.empty()) return DependentsError(stage_.target, dependents);
  Sql grants;
  grants << "SELECT x.privilege_type, CASE WHEN x.grantee <> 0 THEN"
         << " pg_get_userbyid(x.grantee) END, x.is_grantable FROM pg_class c,"
         << " LATERAL aclexplode(c.relacl) x WHERE c.oid = " << Literal(old_->oid)
         << "::oid AND x.grantee <> c.relowner ORDER BY 2, 1";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, grants));
  grants_ = GrantStatements(rows, stage_.target);
  return connection.Execute(context, Sql() << "DROP TABLE " << stage_.target);
}

// The privileges that ALTER DEFAULT PRIVILEGES IN SCHEMA gives a table made in the target's
// schema; the stage was made in another one.
Result<Sql> TablePublish::DefaultGrants(const Context& context, Connection& connection) {
  Sql query;
  query << "SELECT x.privilege_type, CASE WHEN x.grantee <> 0 THEN"
        << " pg_get_userbyid(x.grantee) END, x.is_grantable FROM pg_default_acl d"
        << " JOIN pg_namespace n ON n.oid = d.defaclnamespace, LATERAL aclexplode(d.defaclacl) x"
        << " WHERE d.defaclobjtype = 'r' AND d.defaclrole ="
        << " (SELECT oid FROM pg_roles WHERE rolname = current_user)"
        << " AND n.nspname = " << Literal(stage_.target.schema);
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, query));
  return GrantStatements(rows, stage_.target);
}

Status TablePublish::PutInPlace(const Context& context, Connection& connection) {
  SPILLWAY_ASSIGN(const Sql renames, Renames(context, connection));
  Sql sql;
  // First into the schema, where nothing has the stage's name, then the name, which may be one of
  // Spillway's own tables.
  sql << "ALTER TABLE " << stage_.table << " SET SCHEMA " << Identifier(stage_.target.schema)
      << "; ALTER TABLE " << TableName{stage_.target.schema, stage_.table.table} << " RENAME TO "
      << Identifier(stage_.target.table) << ";";
  sql << renames << "ALTER TABLE " << stage_.target
      << " RESET (autovacuum_enabled, toast.autovacuum_enabled);"
      << "COMMENT ON TABLE " << stage_.target << " IS ";
  if (publish_.table_comment.empty()) {
    sql << "NULL;";
  } else {
    sql << Literal(publish_.table_comment) << ";";
  }
  if (!old_) {
    SPILLWAY_ASSIGN(const Sql defaults, DefaultGrants(context, connection));
    sql << defaults;
  } else {
    if (old_->owner != connection.facts().user) {
      sql << "ALTER TABLE " << stage_.target << " OWNER TO " << Identifier(old_->owner) << ";";
    }
    sql << grants_;
  }
  return connection.Execute(context, sql)
      .While("put the stage in place as " + stage_.target.ToString());
}

// Constraints and indexes were named after the stage; a user expects them named after the table.
Result<Sql> TablePublish::Renames(const Context& context, Connection& connection) {
  const std::string prefix = stage_.table.table + "_";
  Sql query;
  query << "SELECT false, k.conname FROM pg_constraint k WHERE k.conrelid = " << Literal(oid_)
        << "::oid UNION ALL SELECT true, c.relname FROM pg_index i"
        << " JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = " << Literal(oid_)
        << "::oid AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)"
        << " ORDER BY 2";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, query));
  Sql taken_query;
  taken_query << "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
              << " WHERE n.nspname = " << Literal(stage_.target.schema)
              << " AND c.relkind IN ('i', 'I', 'r', 'S', 'v', 'm', 'f', 'p', 'c')"
              << " AND starts_with(c.relname, " << Literal(CutUtf8(stage_.target.table, 40)) << ")";
  SPILLWAY_ASSIGN(const Rows taken_rows, connection.Query(context, taken_query));
  std::vector<std::string> taken = {stage_.target.table};
  for (int row = 0; row < taken_rows.size(); ++row) taken.emplace_back(taken_rows.text(row, 0));
  Sql sql;
  for (int row = 0; row < rows.size(); ++row) {
    const std::string_view name = rows.text(row, 1);
    if (!name.starts_with(prefix)) continue;
    const std::string renamed =
        FreeName(stage_.target.table, name.substr(prefix.size() - 1), &taken);
    if (rows.boolean(row, 0)) {
      sql << "ALTER INDEX " << TableName{stage_.target.schema, std::string(name)} << " RENAME TO "
          << Identifier(renamed) << ";";
    } else {
      sql << "ALTER TABLE " << stage_.target << " RENAME CONSTRAINT " << Identifier(name) << " TO "
          << Identifier(renamed) << ";";
    }
  }
  return sql;
}

Status TablePublish::Finish(const Context& context, Connection& connection) {
  SPILLWAY_ASSIGN(const std::string shape, ReadShape(context, connection, oid_));
  SPILLWAY_TRY(RecordRelation(context, connection, stage_.fence, oid_, shape));
  const nlohmann::json event = {{"event", "published"},
                                {"synced_table", stage_.fence.synced_table_id},
                                {"schema", stage_.target.schema},
                                {"table", stage_.target.table},
                                {"version", publish_.position.version},
                                {"rows", publish_.position.rows},
                                {"run", stage_.fence.run_id}};
  Sql sql;
  sql << "DELETE FROM spillway.stage_task WHERE stage_name = " << Literal(stage_.table.table)
      << "; DELETE FROM spillway.stage WHERE stage_name = " << Literal(stage_.table.table)
      << "; SELECT pg_notify('spillway', "
      << Literal(event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)) << ")";
  return connection.Execute(context, sql);
}

}  // namespace spillway::target::postgres
