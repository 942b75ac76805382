#ifndef SPILLWAY_STATE_SQLITE_RUNS_H_
#define SPILLWAY_STATE_SQLITE_RUNS_H_

#include <string>

#include "base/status.h"
#include "state/sqlite_connection.h"
#include "state/store.h"

/// The record of runs in the state file: what is written, what is forgotten. Each call is part of
/// the caller's transaction. Internal to `state`.
namespace spillway::state {

/// The columns of `run` in the order of RunFromRow (sqlite_rows.h).
#define SPILLWAY_RUN_COLUMNS                                                                 \
  "id, synced_table_id, table_name, state, started_us, ended_us, source_version, rows_read," \
  " rows_inserted, rows_updated, rows_deleted, rows_unchanged, rows_rejected, bytes_read,"   \
  " bytes_written, phases, bottleneck, error, checksum"

/// Writes `run` in place of what its id has.
base::Status PutRun(SqliteConnection& connection, const Run& run);

/// Store::BeginRun. `path` is the state file, for errors.
base::Status BeginRun(SqliteConnection& connection, const std::string& path, const Run& run);

/// Forgets all but the newest 500 runs of tables that are removed.
base::Status ForgetOrphans(SqliteConnection& connection);

}  // namespace spillway::state

#endif  // SPILLWAY_STATE_SQLITE_RUNS_H_
