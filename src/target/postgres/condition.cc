#include "target/postgres/condition.h"

#include <string>

#include "target/postgres/bookkeeping.h"
#include "target/postgres/layout.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::Result;
using base::Status;

// False when there is no schema `spillway` to write to; else its layout is the present one.
Result<bool> MayWrite(const Context& context, Connection& connection,
                      std::string_view synced_table_id) {
  SPILLWAY_TRY(CheckSyncedTableId(synced_table_id));
  SPILLWAY_ASSIGN(const bool has_layout, HasLayout(context, connection));
  if (!has_layout) return false;
  SPILLWAY_TRY(EnsureLayout(context, connection));
  return true;
}

}  // namespace

Status RecordFailure(const Context& context, Connection& connection,
                     std::string_view synced_table_id, const TableName& table,
                     std::string_view run_id, const Status& error) {
  SPILLWAY_ASSIGN(const bool may_write, MayWrite(context, connection, synced_table_id));
  if (!may_write) return Status();
  Sql sql;
  if (error.ok()) {
    sql << "UPDATE spillway.condition SET failed_run_id = NULL, failed_at = NULL,"
        << " error_class = NULL, error = NULL WHERE synced_table_id = " << Literal(synced_table_id)
        << " AND failed_run_id IS NOT NULL";
  } else {
    std::string message(error.message());
    if (const std::string_view object = error.detail("object");
        message.find(object) == std::string::npos) {
      message.append(": ").append(object);
    }
    if (!IsStorableText(message)) message = "text that cannot be stored; see the run's record";
    sql << "INSERT INTO spillway.condition (synced_table_id, schema_name, table_name,"
        << " failed_run_id, failed_at, error_class, error) VALUES (" << Literal(synced_table_id)
        << "::uuid, " << Literal(table.schema) << ", " << Literal(table.table) << ", "
        << Literal(run_id) << ", clock_timestamp(), "
        << Literal(base::Describe(error.error_class()).name) << ", " << Literal(message)
        << ") ON CONFLICT (synced_table_id) DO UPDATE SET schema_name = excluded.schema_name,"
        << " table_name = excluded.table_name, failed_run_id = excluded.failed_run_id,"
        << " failed_at = excluded.failed_at, error_class = excluded.error_class,"
        << " error = excluded.error";
  }
  return connection.Execute(context, sql);
}

Status RecordPaused(const Context& context, Connection& connection,
                    std::string_view synced_table_id, const TableName& table, bool paused) {
  SPILLWAY_ASSIGN(const bool may_write, MayWrite(context, connection, synced_table_id));
  if (!may_write) return Status();
  Sql sql;
  if (paused) {
    sql << "INSERT INTO spillway.condition AS c (synced_table_id, schema_name, table_name,"
        << " paused_at) VALUES (" << Literal(synced_table_id) << "::uuid, " << Literal(table.schema)
        << ", " << Literal(table.table)
        << ", clock_timestamp()) ON CONFLICT (synced_table_id) DO UPDATE SET paused_at ="
        << " coalesce(c.paused_at, excluded.paused_at)";
  } else {
    sql << "UPDATE spillway.condition SET paused_at = NULL WHERE synced_table_id = "
        << Literal(synced_table_id) << " AND paused_at IS NOT NULL";
  }
  return connection.Execute(context, sql);
}

}  // namespace spillway::target::postgres
