#include "target/postgres/publish.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/failpoint.h"
#include "target/postgres/bookkeeping.h"
#include "target/postgres/old_readers.h"
#include "target/postgres/pause.h"
#include "target/postgres/relation.h"
#include "target/postgres/resolution.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::Deadline;
using base::ErrorClass;
using base::Result;
using base::Status;

// One wait for the old table's lock: readers that come meanwhile queue behind us, so it is short
// and repeated.
constexpr std::chrono::milliseconds kLockAttempt{500};
constexpr std::chrono::milliseconds kBetweenLockAttempts{100};

// What the new table must take over from the one that it replaces.
struct Inherited {
  std::string owner;
  Sql grants;  ///< to be run after the owner is set; empty: none
};

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

// The publish of one stage: the steps of its transaction, in order.
class Publication {
 public:
  Publication(Connection& connection, const Publish& publish)
      : connection_(connection), publish_(publish), stage_(publish.stage) {}

  // Everything but the COMMIT. An error leaves the transaction to be rolled back.
  Status Prepare(const Context& context, std::chrono::milliseconds lock_timeout) {
    SPILLWAY_TRY(base::Failpoint("publish.begin"));
    SPILLWAY_TRY(Begin(context, lock_timeout));
    SPILLWAY_TRY(Move(context));
    SPILLWAY_TRY(base::Failpoint("publish.position"));
    SPILLWAY_TRY(CheckCounts(context));
    SPILLWAY_TRY(CheckIndexes(context));
    SPILLWAY_TRY(Replace(context));
    SPILLWAY_TRY(Finish(context));
    SPILLWAY_ASSIGN(doubted_, NoteTransaction(context, connection_));
    return base::Failpoint("publish.commit.before");
  }

  const DoubtedTransaction& doubted() const { return doubted_; }

 private:
  Status Begin(const Context& context, std::chrono::milliseconds lock_timeout) {
    SPILLWAY_ASSIGN(identity_, ReadIdentity(context, connection_));
    Sql sql;
    sql << "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = "
        << Literal(lock_timeout.count());
    return connection_.Execute(context, sql);
  }

  // Locks the fence row against every task and fence, and moves the position from the planned one.
  Status Move(const Context& context) {
    auto stored =
        ReadPosition(context, connection_, stage_.fence.synced_table_id, RowLock::kExclusive);
    if (!stored.ok()) {
      Status error = std::move(stored).status();
      if (error.error_class() != ErrorClass::kLockTimeout) return error;
      return WithBlockers(context, std::move(error), PositionTable())
          .While("lock the position of " + stage_.target.ToString());
    }
    if (!*stored || (*stored)->row.fence != stage_.fence.number) {
      return FencedError(stage_.fence, "a newer run has taken over " + stage_.target.ToString());
    }
    published_shape_ = (*stored)->shape;
    // Whose relation is there depends on what the position says before it is moved.
    SPILLWAY_ASSIGN(old_, FindRelation(context, connection_, stage_.target, true));
    SPILLWAY_ASSIGN(const bool moved,
                    MovePosition(context, connection_, stage_.fence, publish_.planned_from,
                                 publish_.position, identity_));
    if (moved) return Status();
    return FencedError(stage_.fence,
                       "the position of " + stage_.target.ToString() + " is not the planned one");
  }

  // The stage must hold what its tasks say, and they what was planned.
  Status CheckCounts(const Context& context) {
    Sql sql;
    sql << "SELECT s.oid, coalesce(sum(t.rows), 0), count(t.task_id) FROM (SELECT c.oid FROM "
           "spillway.stage g"
        << " JOIN pg_class c ON c.relname = g.stage_name JOIN pg_namespace n"
        << " ON n.oid = c.relnamespace AND n.nspname = 'spillway' WHERE g.stage_name = "
        << Literal(stage_.table.table) << ") AS s LEFT JOIN spillway.stage_task t"
        << " ON t.stage_name = " << Literal(stage_.table.table) << " GROUP BY s.oid";
    SPILLWAY_ASSIGN(const Rows rows, connection_.Query(context, sql));
    if (rows.size() != 1) {
      return FencedError(stage_.fence,
                         "the stage of " + stage_.target.ToString() + " is published or dropped");
    }
    oid_ = rows.number(0, 0);
    const std::int64_t loaded = rows.number(0, 1);
    const std::int64_t tasks = rows.number(0, 2);
    if (tasks != publish_.expected_tasks) {
      return Status(ErrorClass::kCountMismatch,
                    "the stage of " + stage_.target.ToString() + " has " + std::to_string(tasks) +
                        " tasks, not " + std::to_string(publish_.expected_tasks))
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
  Status CheckIndexes(const Context& context) {
    Sql sql;
    sql << "SELECT count(*) FILTER (WHERE indisprimary), count(*) FILTER (WHERE NOT indisprimary)"
        << " FROM pg_index WHERE indrelid = " << Literal(oid_) << "::oid AND indisvalid";
    SPILLWAY_ASSIGN(const Rows rows, connection_.Query(context, sql));
    const bool key = rows.number(0, 0) == 1;
    const auto others = static_cast<std::size_t>(rows.number(0, 1));
    if (key == !publish_.index.primary_key.empty() && others == publish_.index.indexes.size()) {
      return Status();
    }
    return Status(ErrorClass::kInternal,
                  "the stage of " + stage_.target.ToString() + " lacks its primary key or an index")
        .With("table", stage_.target.ToString());
  }

  Status Replace(const Context& context) {
    Inherited inherited;
    if (old_) {
      SPILLWAY_TRY(TakeAway(context, *old_, &inherited));
    } else {
      SPILLWAY_TRY(MakeSchema(context));
    }
    return PutInPlace(context, inherited);
  }

  Status MakeSchema(const Context& context) {
    Sql exists;
    exists << "SELECT 1 FROM pg_namespace WHERE nspname = " << Literal(stage_.target.schema);
    SPILLWAY_ASSIGN(const Rows rows, connection_.Query(context, exists));
    if (rows.size() == 1) return Status();
    Sql make;
    make << "CREATE SCHEMA " << Identifier(stage_.target.schema);
    return connection_.Execute(context, make).While("make schema " + stage_.target.schema);
  }

  // Locks the old table, makes sure that nothing would be lost with it, and drops it.
  Status TakeAway(const Context& context, const Relation& old, Inherited* inherited) {
    if (old.owned_by_id != stage_.fence.synced_table_id) {
      return Status(ErrorClass::kAlreadyExists, "a " + old.kind +
                                                    " that this synced table did not make is at " +
                                                    stage_.target.ToString())
          .With("table", stage_.target.ToString())
          .With("kind", old.kind);
    }
    Sql lock;
    lock << "LOCK TABLE " << stage_.target << " IN ACCESS EXCLUSIVE MODE";
    if (Status waited = connection_.Execute(context, lock); !waited.ok()) {
      if (waited.error_class() != ErrorClass::kLockTimeout) return waited;
      return WithBlockers(context, std::move(waited), stage_.target)
          .While("lock " + stage_.target.ToString());
    }
    SPILLWAY_ASSIGN(const auto locked, FindRelation(context, connection_, stage_.target, true));
    if (!locked || locked->oid != old.oid) {
      return Status(ErrorClass::kTargetChanged, "another relation took the place of " +
                                                    stage_.target.ToString() +
                                                    " during the publish")
          .With("table", stage_.target.ToString());
    }
    SPILLWAY_ASSIGN(auto dependents,
                    FindDependents(context, connection_, old.oid, published_shape_));
    if (!old.may_drop) dependents.push_back({"owner", old.owner});
    if (!dependents.empty()) return DependentsError(stage_.target, dependents);
    inherited->owner = old.owner;
    Sql grants;
    grants << "SELECT x.privilege_type, CASE WHEN x.grantee <> 0 THEN"
           << " pg_get_userbyid(x.grantee) END, x.is_grantable FROM pg_class c,"
           << " LATERAL aclexplode(c.relacl) x WHERE c.oid = " << Literal(old.oid)
           << "::oid AND x.grantee <> c.relowner ORDER BY 2, 1";
    SPILLWAY_ASSIGN(const Rows rows, connection_.Query(context, grants));
    inherited->grants = GrantStatements(rows, stage_.target);
    return connection_.Execute(context, Sql() << "DROP TABLE " << stage_.target);
  }

  // The privileges that ALTER DEFAULT PRIVILEGES IN SCHEMA gives a table made in the target's
  // schema; the stage was made in another one.
  Result<Sql> DefaultGrants(const Context& context) {
    Sql query;
    query << "SELECT x.privilege_type, CASE WHEN x.grantee <> 0 THEN"
          << " pg_get_userbyid(x.grantee) END, x.is_grantable FROM pg_default_acl d"
          << " JOIN pg_namespace n ON n.oid = d.defaclnamespace, LATERAL aclexplode(d.defaclacl) x"
          << " WHERE d.defaclobjtype = 'r' AND d.defaclrole ="
          << " (SELECT oid FROM pg_roles WHERE rolname = current_user)"
          << " AND n.nspname = " << Literal(stage_.target.schema);
    SPILLWAY_ASSIGN(const Rows rows, connection_.Query(context, query));
    return GrantStatements(rows, stage_.target);
  }

  Status PutInPlace(const Context& context, const Inherited& inherited) {
    SPILLWAY_ASSIGN(const Sql renames, Renames(context));
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
    if (inherited.owner.empty()) {
      SPILLWAY_ASSIGN(const Sql defaults, DefaultGrants(context));
      sql << defaults;
    } else {
      if (inherited.owner != connection_.facts().user) {
        sql << "ALTER TABLE " << stage_.target << " OWNER TO " << Identifier(inherited.owner)
            << ";";
      }
      sql << inherited.grants;
    }
    return connection_.Execute(context, sql)
        .While("put the stage in place as " + stage_.target.ToString());
  }

  // Constraints and indexes were named after the stage; a user expects them named after the table.
  Result<Sql> Renames(const Context& context) {
    const std::string prefix = stage_.table.table + "_";
    Sql query;
    query << "SELECT false, k.conname FROM pg_constraint k WHERE k.conrelid = " << Literal(oid_)
          << "::oid UNION ALL SELECT true, c.relname FROM pg_index i"
          << " JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = " << Literal(oid_)
          << "::oid AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)"
          << " ORDER BY 2";
    SPILLWAY_ASSIGN(const Rows rows, connection_.Query(context, query));
    Sql taken_query;
    taken_query << "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                << " WHERE n.nspname = " << Literal(stage_.target.schema)
                << " AND c.relkind IN ('i', 'I', 'r', 'S', 'v', 'm', 'f', 'p', 'c')"
                << " AND starts_with(c.relname, " << Literal(CutUtf8(stage_.target.table, 40))
                << ")";
    SPILLWAY_ASSIGN(const Rows taken_rows, connection_.Query(context, taken_query));
    std::vector<std::string> taken = {stage_.target.table};
    for (int row = 0; row < taken_rows.size(); ++row) taken.emplace_back(taken_rows.text(row, 0));
    Sql sql;
    for (int row = 0; row < rows.size(); ++row) {
      const std::string_view name = rows.text(row, 1);
      if (!name.starts_with(prefix)) continue;
      const std::string renamed = FreeName(name.substr(prefix.size() - 1), &taken);
      if (rows.boolean(row, 0)) {
        sql << "ALTER INDEX " << TableName{stage_.target.schema, std::string(name)} << " RENAME TO "
            << Identifier(renamed) << ";";
      } else {
        sql << "ALTER TABLE " << stage_.target << " RENAME CONSTRAINT " << Identifier(name)
            << " TO " << Identifier(renamed) << ";";
      }
    }
    return sql;
  }

  // The table's name with `suffix`, cut to fit and numbered until nobody in the schema has it, as
  // the server does.
  std::string FreeName(std::string_view suffix, std::vector<std::string>* taken) const {
    for (int number = 0;; ++number) {
      const std::string end =
          std::string(suffix) + (number == 0 ? std::string() : std::to_string(number));
      const std::string cut_end(CutUtf8(end, 40));
      std::string name(CutUtf8(stage_.target.table, kMaxIdentifierBytes - cut_end.size()));
      name += cut_end;
      if (std::ranges::find(*taken, name) == taken->end()) {
        taken->push_back(name);
        return name;
      }
    }
  }

  Status Finish(const Context& context) {
    SPILLWAY_ASSIGN(const std::string shape, ReadShape(context, connection_, oid_));
    SPILLWAY_TRY(RecordRelation(context, connection_, stage_.fence, oid_, shape));
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
    return connection_.Execute(context, sql);
  }

  Status WithBlockers(const Context& context, Status error, const TableName& table) {
    const std::string holders = NameLockHolders(context, connection_, table);
    if (holders.empty()) return error;
    Status named(error.error_class(), std::string(error.message()) + ": held by " + holders);
    for (const auto& [key, value] : error.details()) named = std::move(named).With(key, value);
    return std::move(named).With("blockers", holders);
  }

  Connection& connection_;
  const Publish& publish_;
  const Stage& stage_;
  Identity identity_;
  std::string published_shape_;
  std::optional<Relation> old_;  ///< what has the table's name before the publish
  std::int64_t oid_ = 0;
  DoubtedTransaction doubted_;
};

// What became of a publish whose COMMIT was not acknowledged: read under the row lock, so that it
// has ended.
Result<CommitOutcome> AskServer(const Context& context, Pool& pool, const Publish& publish,
                                const DoubtedTransaction& doubted) {
  SPILLWAY_ASSIGN(Lease other, ReconnectPatiently(context, pool));
  EndIdleTransaction(context, *other, doubted);
  SPILLWAY_TRY(other->Execute(context, Sql() << "BEGIN"));
  SPILLWAY_ASSIGN(
      const auto stored,
      ReadPosition(context, *other, publish.stage.fence.synced_table_id, RowLock::kExclusive));
  SPILLWAY_TRY(other->Execute(context, Sql() << "ROLLBACK"));
  if (stored && stored->published_fence == publish.stage.fence.number) {
    return CommitOutcome::kCommitted;
  }
  if (stored && stored->published_fence < publish.stage.fence.number) {
    return CommitOutcome::kRejected;
  }
  // A newer run has published since, or the synced table was forgotten: only the commit log can
  // tell.
  SPILLWAY_ASSIGN(const std::string status, TransactionStatus(context, *other, doubted));
  if (status == "committed") return CommitOutcome::kCommitted;
  if (status == "aborted") return CommitOutcome::kRejected;
  return CommitOutcome::kUnknown;
}

Result<CommitOutcome> PublishOnce(const Context& context, Pool& pool, const Publish& publish,
                                  std::chrono::milliseconds lock_timeout) {
  SPILLWAY_ASSIGN(Lease connection, pool.BorrowWritable(context));
  Publication publication(*connection, publish);
  SPILLWAY_TRY(publication.Prepare(context, lock_timeout));
  auto reply = connection->Commit(context, "publish.commit.sent");
  if (reply.outcome == CommitOutcome::kUnknown) {
    connection.Return();
    auto found = AskServer(ResolutionContext(context), pool, publish, publication.doubted());
    // Not to be found out in time: the caller must read the position before it does anything.
    if (!found.ok()) return CommitOutcome::kUnknown;
    reply.outcome = *found;
  }
  if (reply.outcome == CommitOutcome::kRejected && !reply.error.ok()) return reply.error;
  if (reply.outcome == CommitOutcome::kCommitted) {
    SPILLWAY_TRY(base::Failpoint("publish.commit.after"));
  }
  return reply.outcome;
}

// A swap needs that nobody reads with a snapshot older than the stage's rows; a first publish has
// no readers.
Status MakeReadyToReplace(const Context& context, Pool& pool, const Publish& publish) {
  SPILLWAY_ASSIGN(Lease connection, pool.BorrowWritable(context));
  SPILLWAY_ASSIGN(const auto old, FindRelation(context, *connection, publish.stage.target, true));
  if (!old) return Status();
  // The old table's plans rest on statistics; the new one has its own from the first query on. A
  // first load leaves them to autovacuum.
  Sql analyze;
  analyze << "ANALYZE " << publish.stage.table;
  if (Status analyzed = connection->Execute(context, analyze); !analyzed.ok()) {
    // A stage that is gone is told by the publish itself, which knows why.
    if (analyzed.detail("sqlstate") != "42P01") return analyzed;
  }
  return WaitForOldReaders(context, *connection, publish.lock_timeout);
}

}  // namespace

Result<CommitOutcome> PublishStage(const Context& context, Pool& pool, const Publish& publish) {
  const Deadline locks = Deadline::After(publish.lock_timeout);
  SPILLWAY_TRY(MakeReadyToReplace(context, pool, publish));
  while (true) {
    const auto attempt =
        std::max(std::chrono::milliseconds(1), std::min(kLockAttempt, locks.Remaining().value()));
    auto outcome = PublishOnce(context, pool, publish, attempt);
    if (outcome.ok() || outcome.status().error_class() != ErrorClass::kLockTimeout ||
        locks.expired()) {
      return outcome;
    }
    SPILLWAY_TRY(Pause(context, kBetweenLockAttempts));
  }
}

Status ForgetSyncedTable(const Context& context, Pool& pool, std::string_view synced_table_id,
                         const TableName& table, bool drop_table) {
  SPILLWAY_ASSIGN(Lease connection, pool.BorrowWritable(context));
  SPILLWAY_ASSIGN(const int layout, ReadLayoutVersion(context, *connection));
  if (layout == 0) return CheckSyncedTableId(synced_table_id);
  SPILLWAY_TRY(connection->Execute(context, Sql() << "BEGIN"));
  SPILLWAY_ASSIGN(const auto stored,
                  ReadPosition(context, *connection, synced_table_id, RowLock::kExclusive));
  if (drop_table && stored && stored->published_fence > 0) {
    SPILLWAY_ASSIGN(const auto relation, FindRelation(context, *connection, table, true));
    if (relation && relation->owned_by_id != stored->row.synced_table_id) {
      return Status(ErrorClass::kTargetChanged,
                    "the " + relation->kind + " at " + table.ToString() +
                        " is not the one that Spillway published: it is not dropped")
          .Mend("Drop it by hand, or forget the synced table and keep the table.")
          .With("table", table.ToString());
    }
    if (relation) SPILLWAY_TRY(connection->Execute(context, Sql() << "DROP TABLE " << table));
  }
  Sql stages;
  stages << "SELECT stage_name FROM spillway.stage WHERE synced_table_id = "
         << Literal(synced_table_id);
  SPILLWAY_ASSIGN(const Rows rows, connection->Query(context, stages));
  Sql sql;
  for (int row = 0; row < rows.size(); ++row) {
    const std::string name(rows.text(row, 0));
    sql << "DROP TABLE IF EXISTS " << TableName{"spillway", name}
        << "; DELETE FROM spillway.stage_task WHERE stage_name = " << Literal(name) << ";";
  }
  sql << "DELETE FROM spillway.stage WHERE synced_table_id = " << Literal(synced_table_id)
      << "; DELETE FROM spillway.position WHERE synced_table_id = " << Literal(synced_table_id)
      << "; COMMIT";
  return connection->Execute(context, sql).While("forget " + table.ToString());
}

}  // namespace spillway::target::postgres
