#include "target/postgres/forget.h"

#include <string>

#include "target/postgres/bookkeeping.h"
#include "target/postgres/layout.h"
#include "target/postgres/relation.h"

namespace spillway::target::postgres {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

Status ForgetSyncedTable(const Context& context, Pool& pool, std::string_view synced_table_id,
                         const TableName& table, bool drop_table) {
  SPILLWAY_ASSIGN(Lease connection, pool.BorrowWritable(context));
  SPILLWAY_ASSIGN(const bool layout, HasLayout(context, *connection));
  if (!layout) return CheckSyncedTableId(synced_table_id);
  SPILLWAY_TRY(RepairLayout(context, *connection));
  SPILLWAY_TRY(connection->Execute(context, Sql() << "BEGIN"));
  SPILLWAY_ASSIGN(const auto stored,
                  ReadPosition(context, *connection, synced_table_id, RowLock::kExclusive));
  // Of a table that was taken over, a shape is there before anything is published.
  if (drop_table && stored && (stored->published_fence > 0 || !stored->shape.empty())) {
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
        << "; DELETE FROM spillway.stage_task WHERE stage_name = " << Literal(name)
        << "; DELETE FROM spillway.stage_rejected WHERE stage_name = " << Literal(name) << ";";
  }
  sql << "DELETE FROM spillway.stage WHERE synced_table_id = " << Literal(synced_table_id)
      << "; DELETE FROM spillway.rejected WHERE synced_table_id = " << Literal(synced_table_id)
      << "; DELETE FROM spillway.condition WHERE synced_table_id = " << Literal(synced_table_id)
      << "; DELETE FROM spillway.position WHERE synced_table_id = " << Literal(synced_table_id)
      << "; COMMIT";
  return connection->Execute(context, sql).While("forget " + table.ToString());
}

}  // namespace spillway::target::postgres
