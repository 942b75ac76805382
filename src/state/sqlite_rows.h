#ifndef SPILLWAY_STATE_SQLITE_ROWS_H_
#define SPILLWAY_STATE_SQLITE_ROWS_H_

#include <string>

#include "base/result.h"
#include "state/sqlite_connection.h"
#include "state/store.h"

/// Between the store's values and rows of the state file: columns in the order of the layout, the
/// checksum of the row last. A row that does not fit its checksum is STATE_CORRUPT naming `path`.
/// Internal to `state`.
namespace spillway::state {

/// A synced table that is paused.
struct Pause {
  std::string synced_table_id;
  Time since;
};

struct Setting {
  std::string key;
  std::string value;
};

/// INVALID_ARGUMENT when an option is not UTF-8.
base::Result<SqlRow> SourceToRow(const Source& source);
base::Result<Source> SourceFromRow(const std::string& path, const SqlRow& row);
SqlRow TargetToRow(const Target& target);
base::Result<Target> TargetFromRow(const std::string& path, const SqlRow& row);
SqlRow SyncedTableToRow(const SyncedTable& table);
base::Result<SyncedTable> SyncedTableFromRow(const std::string& path, const SqlRow& row);
SqlRow PauseToRow(const Pause& pause);
base::Result<Pause> PauseFromRow(const std::string& path, const SqlRow& row);
SqlRow RunToRow(const Run& run);
base::Result<Run> RunFromRow(const std::string& path, const SqlRow& row);
SqlRow SettingToRow(const Setting& setting);
base::Result<Setting> SettingFromRow(const std::string& path, const SqlRow& row);

}  // namespace spillway::state

#endif  // SPILLWAY_STATE_SQLITE_ROWS_H_
