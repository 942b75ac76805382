#include "target/postgres/bookkeeping.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "target/postgres/layout.h"
#include "target/postgres/lock_wait.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

constexpr std::string_view kSchema = "spillway";

std::string FormatTime(std::chrono::sys_time<std::chrono::microseconds> time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss<std::chrono::microseconds> clock{time - day};
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}+00", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

std::chrono::sys_time<std::chrono::microseconds> TimeAt(const Rows& rows, int column) {
  return std::chrono::sys_time<std::chrono::microseconds>(
      std::chrono::microseconds(rows.number(0, column)));
}

// The columns of StoredFrom, in its order.
Sql PositionColumns() {
  Sql sql;
  sql << "synced_table_id, schema_name, table_name, source_position, version, definition_hash,"
      << " fence, run_id, rows, digest,"
      << " (extract(epoch FROM published_at) * 1000000)::bigint,"
      << " (extract(epoch FROM committed_at) * 1000000)::bigint,"
      << " table_oid, published_fence, shape,"
      << " system_identifier, timeline, database_name, cluster_name, server_version, fence_run_id";
  return sql;
}

StoredPosition StoredFrom(const Rows& rows) {
  StoredPosition stored;
  PositionRow& row = stored.row;
  row.synced_table_id = rows.text(0, 0);
  row.table = {std::string(rows.text(0, 1)), std::string(rows.text(0, 2))};
  row.source_position = rows.text(0, 3);
  row.version = rows.number(0, 4);
  row.definition_hash = rows.text(0, 5);
  row.fence = rows.number(0, 6);
  row.run_id = rows.text(0, 7);
  row.rows = rows.number(0, 8);
  row.digest = rows.text(0, 9);
  row.published_at = TimeAt(rows, 10);
  row.committed_at = TimeAt(rows, 11);
  row.table_oid = rows.number(0, 12);
  stored.published_fence = rows.number(0, 13);
  stored.shape = rows.text(0, 14);
  row.published_on.system_identifier = rows.text(0, 15);
  row.published_on.timeline = rows.number(0, 16);
  row.published_on.database = rows.text(0, 17);
  row.published_on.cluster_name = rows.text(0, 18);
  row.published_on.server_version = static_cast<std::int32_t>(rows.number(0, 19));
  stored.fence_run_id = rows.text(0, 20);
  return stored;
}

}  // namespace

TableName PositionTable() { return {std::string(kSchema), "position"}; }
TableName StageTable() { return {std::string(kSchema), "stage"}; }
TableName StageTaskTable() { return {std::string(kSchema), "stage_task"}; }

Status CheckSyncedTableId(std::string_view id) {
  constexpr std::size_t kLength = 36;
  bool fits = id.size() == kLength;
  for (std::size_t i = 0; fits && i < kLength; ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = id[i];
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    fits = dash ? c == '-' : hex;
  }
  if (fits) return Status();
  return Status(ErrorClass::kInvalidArgument,
                "a synced table's id is not a uuid: " + std::string(id));
}

Result<Identity> ReadIdentity(const Context& context, Connection& connection) {
  Sql sql;
  sql << "SELECT current_database(),"
      << " current_setting('cluster_name'), current_setting('server_version_num'),"
      << " pg_is_in_recovery(),"
      << " CASE WHEN pg_is_in_recovery()"
      << " THEN (SELECT timeline_id FROM pg_control_checkpoint())"
      << " ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint END";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  Identity identity;
  identity.system_identifier = connection.facts().system_identifier;
  identity.database = rows.text(0, 0);
  identity.cluster_name = rows.text(0, 1);
  identity.server_version = static_cast<std::int32_t>(rows.number(0, 2));
  identity.is_primary = !rows.boolean(0, 3);
  identity.timeline = rows.number(0, 4);
  return identity;
}

Result<std::string> DescribeOtherServer(const Context& context, Connection& connection,
                                        const PositionRow& row) {
  SPILLWAY_ASSIGN(const Identity now, ReadIdentity(context, connection));
  const Identity& then = row.published_on;
  std::string text;
  const auto differs = [&text](std::string_view what, const std::string& is,
                               const std::string& was) {
    if (is == was) return;
    text += fmt::format("{}{} is {}, was {}", text.empty() ? "" : ", ", what,
                        is.empty() ? "empty" : is, was.empty() ? "empty" : was);
  };
  // A role that may not read the identifier knows none.
  if (!now.system_identifier.empty() && !then.system_identifier.empty()) {
    differs("the system identifier", now.system_identifier, then.system_identifier);
  }
  differs("the database", now.database, then.database);
  differs("the cluster's name", now.cluster_name, then.cluster_name);
  Sql sql;
  sql << "SELECT " << IsLogicalCopy(connection)
      << " FROM spillway.position p WHERE p.synced_table_id = " << Literal(row.synced_table_id);
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  const bool copied = rows.size() == 1 && rows.boolean(0, 0);
  if (copied && text.empty()) text = "the database was made anew from a dump";
  // Of another cluster it says nothing.
  if (!copied) differs("the timeline", std::to_string(now.timeline), std::to_string(then.timeline));
  return text;
}

Result<std::string> DescribeGone(const Context& context, Connection& connection,
                                 const PositionRow& row) {
  Sql sql;
  sql << "SELECT format('%I.%I', n.nspname, c.relname) FROM spillway.position p JOIN pg_class c"
      << " ON c.oid = p.table_oid JOIN pg_namespace n ON n.oid = c.relnamespace"
      << " WHERE p.synced_table_id = " << Literal(row.synced_table_id) << " AND NOT ("
      << IsLogicalCopy(connection) << ")";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  if (rows.size() == 0) return std::string("the table is gone");
  return "the table has another name now: " + std::string(rows.text(0, 0));
}

Result<std::optional<StoredPosition>> ReadPosition(const Context& context, Connection& connection,
                                                   std::string_view synced_table_id, RowLock lock) {
  SPILLWAY_TRY(CheckSyncedTableId(synced_table_id));
  Sql sql;
  sql << "SELECT " << PositionColumns()
      << " FROM spillway.position WHERE synced_table_id = " << Literal(synced_table_id);
  switch (lock) {
    case RowLock::kNone:
      break;
    case RowLock::kShared:
      sql << " FOR KEY SHARE";
      break;
    case RowLock::kExclusive:
      sql << " FOR UPDATE";
      break;
  }
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  if (rows.size() == 0) return std::optional<StoredPosition>();
  return std::optional<StoredPosition>(StoredFrom(rows));
}

Result<std::pair<Fence, StoredPosition>> NextFence(const Context& context, Connection& connection,
                                                   std::string_view synced_table_id,
                                                   const TableName& table,
                                                   std::string_view run_id) {
  SPILLWAY_TRY(CheckSyncedTableId(synced_table_id));
  SPILLWAY_TRY(EnsureLayout(context, connection));
  Sql sql;
  // The update locks the row FOR NO KEY UPDATE: tasks of an older fence, which hold it FOR KEY
  // SHARE, do not delay it.
  sql << "INSERT INTO spillway.position AS p (synced_table_id, schema_name, table_name, fence,"
      << " fence_run_id, fenced_at) SELECT " << Literal(synced_table_id) << "::uuid, "
      << Literal(table.schema) << ", " << Literal(table.table) << ", 1, " << Literal(run_id)
      << ", clock_timestamp() FROM spillway.layout WHERE version = " << std::int64_t{kLayoutVersion}
      << " ON CONFLICT (synced_table_id) DO UPDATE SET fence = p.fence + 1,"
      << " fence_run_id = excluded.fence_run_id, fenced_at = excluded.fenced_at RETURNING "
      << PositionColumns();
  auto rows = connection.Query(context, sql);
  if (!rows.ok()) {
    Status error = std::move(rows).status();
    if (error.error_class() == ErrorClass::kLockTimeout) {
      if (const auto holders = NameLockHolders(context, connection, PositionTable());
          !holders.empty()) {
        error = std::move(error).With("blockers", holders);
      }
    }
    return std::move(error).While("take the fence of " + table.ToString());
  }
  if (rows->size() != 1) {
    return Status(ErrorClass::kTargetUnsuitable, "schema spillway changed its layout meanwhile");
  }
  StoredPosition stored = StoredFrom(*rows);
  Fence fence{std::string(synced_table_id), stored.row.fence, std::string(run_id)};
  return std::make_pair(std::move(fence), std::move(stored));
}

bool IsLatest(const StoredPosition& stored, const Fence& fence) {
  return stored.row.fence == fence.number && stored.fence_run_id == fence.run_id;
}

Result<bool> MovePosition(const Context& context, Connection& connection, const Fence& fence,
                          std::string_view planned_from, const PositionRow& position,
                          const Identity& identity) {
  Sql sql;
  sql << "UPDATE spillway.position SET schema_name = " << Literal(position.table.schema)
      << ", table_name = " << Literal(position.table.table)
      << ", published_fence = fence, run_id = " << Literal(fence.run_id)
      << ", source_position = " << Literal(position.source_position)
      << ", version = " << Literal(position.version)
      << ", definition_hash = " << Literal(position.definition_hash)
      << ", rows = " << Literal(position.rows) << ", digest = nullif(" << Literal(position.digest)
      << ", '')"
      << ", committed_at = " << Literal(FormatTime(position.committed_at))
      << ", published_at = clock_timestamp(), system_identifier = "
      << Literal(identity.system_identifier) << ", timeline = " << Literal(identity.timeline)
      << ", database_name = " << Literal(identity.database)
      << ", cluster_name = " << Literal(identity.cluster_name)
      << ", server_version = " << Literal(std::int64_t{identity.server_version})
      << " WHERE synced_table_id = " << Literal(fence.synced_table_id)
      << " AND fence = " << Literal(fence.number) << " AND fence_run_id = " << Literal(fence.run_id)
      << " AND source_position::text";
  if (planned_from.empty()) {
    sql << " IS NULL";
  } else {
    sql << " = " << Literal(planned_from);
  }
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  return rows.affected() == 1;
}

Sql IsLogicalCopy(const Connection& connection) {
  const Literal here(connection.facts().system_identifier);
  Sql sql;
  // A role that may not read the identifier knows and writes none. Where it differs the cluster is
  // another one, whose oids may be the same by chance.
  sql << "coalesce(nullif(p.system_identifier, '') <> nullif(" << here
      << ", ''), false) OR coalesce((p.shape->>'position_oid')::oid <>"
      << " 'spillway.position'::regclass, false)";
  return sql;
}

Sql KeptShape(std::string_view shape) {
  Sql sql;
  sql << "(" << Literal(shape) << "::jsonb || jsonb_build_object('position_oid',"
      << " 'spillway.position'::regclass::oid::bigint))::json";
  return sql;
}

Status RecordRelation(const Context& context, Connection& connection, const Fence& fence,
                      std::int64_t oid, std::string_view shape) {
  Sql sql;
  sql << "UPDATE spillway.position SET table_oid = " << Literal(oid)
      << ", shape = " << KeptShape(shape)
      << " WHERE synced_table_id = " << Literal(fence.synced_table_id);
  return connection.Execute(context, sql);
}

Status FencedError(const Fence& fence, std::string_view why) {
  return Status(ErrorClass::kFenced, std::string(why) + ": run " + fence.run_id + ", fence " +
                                         std::to_string(fence.number))
      .With("synced_table_id", fence.synced_table_id)
      .With("fence", std::to_string(fence.number))
      .With("run_id", fence.run_id);
}

}  // namespace spillway::target::postgres
