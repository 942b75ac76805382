#include "target/postgres/forget.h"

#include <algorithm>
#include <string>
#include <utility>

#include "target/postgres/bookkeeping.h"
#include "target/postgres/layout.h"
#include "target/postgres/lock_wait.h"
#include "target/postgres/relation.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::Deadline;
using base::ErrorClass;
using base::Result;
using base::Status;
using std::chrono::milliseconds;

constexpr milliseconds kBetweenAttempts{100};

// What of the synced table is in schema spillway, and the end of the transaction.
Result<Sql> ForgetStatements(const Context& context, Connection& connection,
                             std::string_view synced_table_id) {
  Sql stages;
  stages << "SELECT stage_name FROM spillway.stage WHERE synced_table_id = "
         << Literal(synced_table_id);
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, stages));
  Sql sql;
  for (int row = 0; row < rows.size(); ++row) {
    const std::string name(rows.text(row, 0));
    sql << "DROP TABLE IF EXISTS " << TableName{"spillway", name}
        << "; DELETE FROM spillway.stage_task WHERE stage_name = " << Literal(name)
        << "; DELETE FROM spillway.stage_rejected WHERE stage_name = " << Literal(name) << ";";
  }
  sql << "DELETE FROM spillway.stage WHERE synced_table_id = " << Literal(synced_table_id)
      << "; DELETE FROM spillway.rejected WHERE synced_table_id = " << Literal(synced_table_id)
      << "; DELETE FROM spillway.condition WHERE synced_table_id = " << Literal(synced_table_id)
      << "; DELETE FROM spillway.position WHERE synced_table_id = " << Literal(synced_table_id)
      << "; COMMIT";
  return sql;
}

// Of a relation that stays although its dropping was asked for.
Status NotDropped(std::string_view kind, const TableName& table) {
  return Status(ErrorClass::kTargetChanged,
                "the " + std::string(kind) + " at " + table.ToString() +
                    " is not the one that Spillway published: it is not dropped")
      .Mend("Drop it by hand, or forget the synced table and keep the table: --keep-table.")
      .With("table", table.ToString());
}

Status DropPublished(const Context& context, Connection& connection,
                     std::string_view synced_table_id, const TableName& table) {
  SPILLWAY_ASSIGN(const auto stored,
                  ReadPosition(context, connection, synced_table_id, RowLock::kExclusive));
  // Of a table that was taken over, a shape is there before anything is published.
  const bool is_published = stored && (stored->published_fence > 0 || !stored->shape.empty());
  SPILLWAY_ASSIGN(const auto relation, FindRelation(context, connection, table, true));
  if (!relation) return Status();
  if (!is_published || relation->owned_by_id != synced_table_id) {
    return NotDropped(relation->kind, table);
  }
  return connection.Execute(context, Sql() << "DROP TABLE " << table);
}

// One attempt, in a transaction that waits for each lock for `wait` at most.
Status ForgetOnce(const Context& context, Pool& pool, std::string_view synced_table_id,
                  const TableName& table, bool drop_table, milliseconds wait) {
  SPILLWAY_ASSIGN(Lease connection, pool.BorrowWritable(context));
  SPILLWAY_TRY(connection->Execute(context, Sql() << "BEGIN;" << SetLockTimeout(wait)));
  const auto forget = [&]() -> Status {
    if (drop_table) {
      SPILLWAY_TRY(DropPublished(context, *connection, synced_table_id, table));
    } else {
      SPILLWAY_TRY(
          ReadPosition(context, *connection, synced_table_id, RowLock::kExclusive).status());
    }
    SPILLWAY_ASSIGN(const Sql sql, ForgetStatements(context, *connection, synced_table_id));
    return connection->Execute(context, sql);
  };
  Status forgotten = forget();
  if (forgotten.ok() || forgotten.error_class() != ErrorClass::kLockTimeout) return forgotten;
  return WithBlockers(context, *connection, std::move(forgotten), table)
      .Mend(
          "End the named sessions, or let it wait longer: spillway synced-table alter NAME"
          " --lock-timeout 1m.");
}

}  // namespace

Status ForgetSyncedTable(const Context& context, Pool& pool, std::string_view synced_table_id,
                         const TableName& table, bool drop_table, milliseconds lock_timeout) {
  {
    SPILLWAY_ASSIGN(Lease connection, pool.BorrowWritable(context));
    SPILLWAY_ASSIGN(const bool layout, HasLayout(context, *connection));
    if (!layout) {
      SPILLWAY_TRY(CheckSyncedTableId(synced_table_id));
      SPILLWAY_ASSIGN(const auto relation, FindRelation(context, *connection, table, false));
      return drop_table && relation ? NotDropped(relation->kind, table) : Status();
    }
    SPILLWAY_TRY(RepairLayout(context, *connection));
  }
  const Deadline locks = Deadline::After(lock_timeout);
  while (true) {
    const milliseconds left = *locks.Remaining();
    Status forgotten =
        ForgetOnce(context, pool, synced_table_id, table, drop_table, std::min(kLockAttempt, left));
    if (forgotten.ok()) return forgotten;
    if (forgotten.error_class() != ErrorClass::kLockTimeout || locks.expired()) {
      return std::move(forgotten).While("forget " + table.ToString());
    }
    SPILLWAY_TRY(context.Sleep(std::min(kBetweenAttempts, left)));
  }
}

}  // namespace spillway::target::postgres
