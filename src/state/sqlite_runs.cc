#include "state/sqlite_runs.h"

#include "state/sqlite_rows.h"

namespace spillway::state {

using base::Status;

Status PutRun(SqliteConnection& connection, const Run& run) {
  return connection
      .Run("INSERT OR REPLACE INTO run (" SPILLWAY_RUN_COLUMNS
           ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
           RunToRow(run))
      .status();
}

Status BeginRun(SqliteConnection& connection, const std::string& path, const Run& run) {
  SPILLWAY_ASSIGN(const auto rows,
                  connection.Run("SELECT " SPILLWAY_RUN_COLUMNS
                                 " FROM run WHERE synced_table_id = ? AND state = 'running'",
                                 {{run.synced_table_id}}));
  for (const SqlRow& row : rows) {
    SPILLWAY_ASSIGN(Run dead, RunFromRow(path, row));
    dead.state = RunState::kInterrupted;
    SPILLWAY_TRY(PutRun(connection, dead));
  }
  SPILLWAY_TRY(connection
                   .Run("DELETE FROM run WHERE synced_table_id = ?1 AND id NOT IN (SELECT id"
                        " FROM run WHERE synced_table_id = ?1 ORDER BY started_us DESC, id"
                        " LIMIT 500) AND id IS NOT (SELECT id FROM run WHERE synced_table_id = ?1"
                        " AND state IN ('succeeded', 'nothing_to_do')"
                        " ORDER BY started_us DESC, id LIMIT 1)",
                        {{run.synced_table_id}})
                   .status());
  return PutRun(connection, run);
}

Status ForgetOrphans(SqliteConnection& connection) {
  return connection
      .Run(
          "DELETE FROM run WHERE synced_table_id NOT IN (SELECT id FROM synced_table)"
          " AND id NOT IN (SELECT id FROM run WHERE synced_table_id NOT IN"
          " (SELECT id FROM synced_table) ORDER BY started_us DESC, id LIMIT 500)")
      .status();
}

}  // namespace spillway::state
