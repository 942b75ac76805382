#include "state/sqlite_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <span>

#include "base/failpoint.h"
#include "base/nearest_name.h"
#include "state/durable_file.h"
#include "state/sqlite_connection.h"
#include "state/sqlite_layout.h"
#include "state/sqlite_pool.h"
#include "state/sqlite_rows.h"
#include "state/sqlite_runs.h"

namespace spillway::state {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

// A file up to this size is checked whole whenever it is opened: 2 ms. A larger one is checked when
// something is not found in it.
constexpr std::int64_t kCheckedAtOnce = std::int64_t{1} << 20;
constexpr std::size_t kNearest = 3;

#define SPILLWAY_SYNCED_TABLE_COLUMNS                                                       \
  "id, name, target, schema_name, table_name, source, definition, created_us, changed_us, " \
  "checksum"

// What a power failure may take: a record of runs, its last ones; a definition, nothing that was
// acknowledged.
enum class Durability : std::uint8_t { kRecord, kDefinition };

class SqliteStore final : public Store {
 public:
  SqliteStore(std::string path, OpenMode mode, bool checked, WriteMode write_mode)
      : path_(path), write_mode_(write_mode), checked_(checked), pool_(std::move(path), mode) {}

  // Refuses what is not a state file, brings an older layout up to date.
  Status Check(const Context& context) {
    return With(context, [&](SqliteConnection& connection) -> Status {
      SPILLWAY_TRY(CheckLayout(&connection, path_, Migrations()));
      return checked_ ? CheckStructure(&connection, path_) : Status();
    });
  }

  Result<std::vector<Source>> ListSources(const Context& context) override {
    return List<Source>(
        context,
        "SELECT name, url, storage_options, created_us, checksum FROM source ORDER BY name", {},
        &SourceFromRow);
  }

  Result<Source> GetSource(const Context& context, std::string_view name) override {
    SPILLWAY_ASSIGN(auto found,
                    List<Source>(context,
                                 "SELECT name, url, storage_options, created_us, checksum "
                                 "FROM source WHERE name = ?",
                                 {std::string(name)}, &SourceFromRow));
    if (!found.empty()) return std::move(found.front());
    return NoSource(context, name);
  }

  Status AddSource(const Context& context, const Source& source) override {
    SPILLWAY_ASSIGN(const SqlRow row, SourceToRow(source));
    return Insert(context,
                  "INSERT INTO source (name, url, storage_options, created_us, checksum)"
                  " VALUES (?, ?, ?, ?, ?)",
                  row, "source", source.name);
  }

  Status ChangeSource(const Context& context, const Source& source) override {
    return Write(context, Durability::kDefinition, [&](SqliteConnection& connection) -> Status {
      SPILLWAY_ASSIGN(const auto rows,
                      connection.Run("SELECT name, url, storage_options, created_us, checksum "
                                     "FROM source WHERE name = ?",
                                     {{source.name}}));
      if (rows.empty()) return NoSource(context, source.name);
      SPILLWAY_ASSIGN(Source changed, SourceFromRow(path_, rows.front()));
      changed.url = source.url;
      changed.storage_options = source.storage_options;
      SPILLWAY_ASSIGN(const SqlRow row, SourceToRow(changed));
      return connection
          .Run(
              "INSERT OR REPLACE INTO source (name, url, storage_options, created_us, checksum)"
              " VALUES (?, ?, ?, ?, ?)",
              row)
          .status();
    });
  }

  Status RemoveSource(const Context& context, std::string_view name) override {
    return Write(context, Durability::kDefinition, [&](SqliteConnection& connection) -> Status {
      SPILLWAY_TRY(RefuseInUse(connection,
                               "SELECT name FROM synced_table WHERE source = ? ORDER BY name",
                               "source", name));
      SPILLWAY_TRY(
          connection.Run("DELETE FROM source WHERE name = ?", {{std::string(name)}}).status());
      return connection.changes() == 0 ? NoSource(context, name) : Status();
    });
  }

  Result<std::vector<Target>> ListTargets(const Context& context) override {
    return List<Target>(
        context,
        "SELECT name, url, password_reference, created_us, checksum FROM target ORDER BY name", {},
        &TargetFromRow);
  }

  Result<Target> GetTarget(const Context& context, std::string_view name) override {
    SPILLWAY_ASSIGN(auto found,
                    List<Target>(context,
                                 "SELECT name, url, password_reference, created_us, checksum "
                                 "FROM target WHERE name = ?",
                                 {std::string(name)}, &TargetFromRow));
    if (!found.empty()) return std::move(found.front());
    return NoTarget(context, name);
  }

  Status AddTarget(const Context& context, const Target& target) override {
    return Insert(context,
                  "INSERT INTO target (name, url, password_reference, created_us, checksum)"
                  " VALUES (?, ?, ?, ?, ?)",
                  TargetToRow(target), "target", target.name);
  }

  Status ChangeTarget(const Context& context, const Target& target) override {
    return Write(context, Durability::kDefinition, [&](SqliteConnection& connection) -> Status {
      SPILLWAY_ASSIGN(const auto rows,
                      connection.Run("SELECT name, url, password_reference, created_us, checksum "
                                     "FROM target WHERE name = ?",
                                     {{target.name}}));
      if (rows.empty()) return NoTarget(context, target.name);
      SPILLWAY_ASSIGN(Target changed, TargetFromRow(path_, rows.front()));
      changed.url = target.url;
      changed.password_reference = target.password_reference;
      return connection
          .Run(
              "INSERT OR REPLACE INTO target (name, url, password_reference, created_us, checksum)"
              " VALUES (?, ?, ?, ?, ?)",
              TargetToRow(changed))
          .status();
    });
  }

  Status RemoveTarget(const Context& context, std::string_view name) override {
    return Write(context, Durability::kDefinition, [&](SqliteConnection& connection) -> Status {
      SPILLWAY_TRY(RefuseInUse(connection,
                               "SELECT name FROM synced_table WHERE target = ? ORDER BY name",
                               "target", name));
      SPILLWAY_TRY(
          connection.Run("DELETE FROM target WHERE name = ?", {{std::string(name)}}).status());
      return connection.changes() == 0 ? NoTarget(context, name) : Status();
    });
  }

  Result<std::vector<SyncedTable>> ListSyncedTables(const Context& context) override {
    SPILLWAY_ASSIGN(auto tables, List<SyncedTable>(context,
                                                   "SELECT " SPILLWAY_SYNCED_TABLE_COLUMNS
                                                   " FROM synced_table ORDER BY name",
                                                   {}, &SyncedTableFromRow));
    SPILLWAY_TRY(AddPauses(context, &tables));
    return tables;
  }

  Result<SyncedTable> GetSyncedTable(const Context& context, std::string_view name) override {
    SPILLWAY_ASSIGN(auto found, List<SyncedTable>(context,
                                                  "SELECT " SPILLWAY_SYNCED_TABLE_COLUMNS
                                                  " FROM synced_table WHERE name = ?",
                                                  {std::string(name)}, &SyncedTableFromRow));
    if (found.empty()) return NoSyncedTable(context, name);
    SPILLWAY_TRY(AddPauses(context, &found));
    return std::move(found.front());
  }

  Status AddSyncedTable(const Context& context, const SyncedTable& table) override {
    return Insert(context,
                  "INSERT INTO synced_table (" SPILLWAY_SYNCED_TABLE_COLUMNS
                  ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  SyncedTableToRow(table), "synced table", table.name());
  }

  Status ChangeSyncedTable(const Context& context, const SyncedTable& table) override {
    return Write(context, Durability::kDefinition, [&](SqliteConnection& connection) -> Status {
      SPILLWAY_ASSIGN(const auto rows, connection.Run("SELECT " SPILLWAY_SYNCED_TABLE_COLUMNS
                                                      " FROM synced_table WHERE id = ?",
                                                      {{table.id}}));
      if (rows.empty()) return NoSyncedTable(context, table.name());
      SPILLWAY_ASSIGN(SyncedTable changed, SyncedTableFromRow(path_, rows.front()));
      changed.source = table.source;
      changed.definition = table.definition;
      changed.changed_at = table.changed_at;
      return connection
          .Run("INSERT OR REPLACE INTO synced_table (" SPILLWAY_SYNCED_TABLE_COLUMNS
               ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
               SyncedTableToRow(changed))
          .status();
    });
  }

  Status SetPaused(const Context& context, std::string_view id,
                   std::optional<Time> since) override {
    return Write(context, Durability::kDefinition, [&](SqliteConnection& connection) -> Status {
      SPILLWAY_ASSIGN(const auto rows, connection.Run("SELECT 1 FROM synced_table WHERE id = ?",
                                                      {{std::string(id)}}));
      if (rows.empty()) return NoSyncedTableId(connection, id);
      if (!since) return RemovePause(connection, id);
      return connection
          .Run("INSERT OR IGNORE INTO pause (synced_table_id, since_us, checksum) VALUES (?, ?, ?)",
               PauseToRow({std::string(id), *since}))
          .status();
    });
  }

  Status RemoveSyncedTable(const Context& context, std::string_view id) override {
    return Write(context, Durability::kDefinition, [&](SqliteConnection& connection) -> Status {
      SPILLWAY_TRY(
          connection.Run("DELETE FROM synced_table WHERE id = ?", {{std::string(id)}}).status());
      if (connection.changes() == 0) return NoSyncedTableId(connection, id);
      SPILLWAY_TRY(RemovePause(connection, id));
      return ForgetOrphans(connection);
    });
  }

  Status BeginRun(const Context& context, const Run& run) override {
    SPILLWAY_TRY(base::Failpoint("state.record"));
    return Write(context, Durability::kRecord, [&](SqliteConnection& connection) {
      return state::BeginRun(connection, path_, run);
    });
  }

  Status EndRun(const Context& context, const Run& run) override {
    SPILLWAY_TRY(base::Failpoint("state.record"));
    return Write(context, Durability::kRecord,
                 [&](SqliteConnection& connection) { return PutRun(connection, run); });
  }

  Result<std::vector<Run>> ListRuns(const Context& context, std::string_view synced_table_id,
                                    std::int64_t limit) override {
    if (synced_table_id.empty()) {
      return List<Run>(
          context, "SELECT " SPILLWAY_RUN_COLUMNS " FROM run ORDER BY started_us DESC, id LIMIT ?",
          {limit}, &RunFromRow);
    }
    return List<Run>(context,
                     "SELECT " SPILLWAY_RUN_COLUMNS
                     " FROM run WHERE synced_table_id = ? ORDER BY started_us DESC, id LIMIT ?",
                     {std::string(synced_table_id), limit}, &RunFromRow);
  }

  Result<std::optional<Run>> LastPublished(const Context& context,
                                           std::string_view synced_table_id) override {
    SPILLWAY_ASSIGN(auto found,
                    List<Run>(context,
                              "SELECT " SPILLWAY_RUN_COLUMNS
                              " FROM run WHERE synced_table_id = ? AND state IN ('succeeded',"
                              " 'nothing_to_do') ORDER BY started_us DESC, id LIMIT 1",
                              {std::string(synced_table_id)}, &RunFromRow));
    if (found.empty()) return std::optional<Run>();
    return std::optional<Run>(std::move(found.front()));
  }

  Result<std::vector<Run>> FindRuns(const Context& context, std::string_view prefix,
                                    std::int64_t limit) override {
    return List<Run>(context,
                     "SELECT " SPILLWAY_RUN_COLUMNS
                     " FROM run WHERE substr(id, 1, length(?1)) = ?1"
                     " ORDER BY started_us DESC, id LIMIT ?2",
                     {std::string(prefix), limit}, &RunFromRow);
  }

  Result<std::optional<std::string>> GetSetting(const Context& context,
                                                std::string_view key) override {
    SPILLWAY_ASSIGN(auto found, List<Setting>(context,
                                              "SELECT key, value, checksum FROM setting"
                                              " WHERE key = ?",
                                              {std::string(key)}, &SettingFromRow));
    if (found.empty()) return std::optional<std::string>();
    return std::optional<std::string>(std::move(found.front().value));
  }

  Status SetSetting(const Context& context, std::string_view key, std::string_view value) override {
    return Write(context, Durability::kDefinition, [&](SqliteConnection& connection) -> Status {
      return connection
          .Run("INSERT OR REPLACE INTO setting (key, value, checksum) VALUES (?, ?, ?)",
               SettingToRow({std::string(key), std::string(value)}))
          .status();
    });
  }

 private:
  Status With(const Context& context, const std::function<Status(SqliteConnection&)>& work) {
    SPILLWAY_ASSIGN(auto connection, pool_.Take(context));
    Status status = work(*connection);
    // A connection that has seen a damaged page may keep it in its cache.
    if (status.ok() || status.error_class() != ErrorClass::kStateCorrupt) {
      pool_.Give(std::move(connection));
    }
    return status;
  }

  Status Write(const Context& context, Durability durability,
               const std::function<Status(SqliteConnection&)>& work) {
    return With(context, [&](SqliteConnection& connection) -> Status {
      const auto write = [&]() -> Status {
        SPILLWAY_ASSIGN(auto transaction, SqliteTransaction::Begin(&connection));
        SPILLWAY_TRY(work(connection));
        return write_mode_ == WriteMode::kRehearse ? Status() : transaction.Commit();
      };
      if (durability == Durability::kRecord || write_mode_ == WriteMode::kRehearse) return write();
      SPILLWAY_TRY(connection.Run("PRAGMA synchronous = FULL").status());
      Status status = write();
      // A stop that comes now makes nothing unsaid: what is committed is.
      connection.Bound(Context(), kLongestWait);
      static_cast<void>(connection.Run("PRAGMA synchronous = NORMAL"));
      connection.Bound(context, kLongestWait);
      // Into the file itself, whose damage is noticed. What a reader or a full disk keeps in the
      // log for now is as durable there.
      if (status.ok()) static_cast<void>(connection.Run("PRAGMA wal_checkpoint(TRUNCATE)"));
      return status;
    });
  }

  template <typename T>
  Result<std::vector<T>> List(const Context& context, const char* sql,
                              const std::vector<SqlValue>& parameters,
                              Result<T> (*from_row)(const std::string&, const SqlRow&)) {
    std::vector<T> list;
    SPILLWAY_TRY(With(context, [&](SqliteConnection& connection) -> Status {
      SPILLWAY_ASSIGN(const auto rows, connection.Run(sql, parameters));
      for (const SqlRow& row : rows) {
        SPILLWAY_ASSIGN(T value, from_row(path_, row));
        list.push_back(std::move(value));
      }
      return Status();
    }));
    return list;
  }

  Status Insert(const Context& context, const char* sql, const SqlRow& row, std::string_view kind,
                const std::string& name) {
    Status status = Write(context, Durability::kDefinition, [&](SqliteConnection& connection) {
      return connection.Run(sql, row).status();
    });
    if (status.ok() || status.error_class() != ErrorClass::kAlreadyExists) return status;
    return Status(ErrorClass::kAlreadyExists,
                  "there is a " + std::string(kind) + " " + name + " already")
        .With("name", name);
  }

  Status AddPauses(const Context& context, std::vector<SyncedTable>* tables) {
    SPILLWAY_ASSIGN(const auto pauses,
                    List<Pause>(context, "SELECT synced_table_id, since_us, checksum FROM pause",
                                {}, &PauseFromRow));
    for (const Pause& pause : pauses) {
      for (SyncedTable& table : *tables) {
        if (table.id == pause.synced_table_id) table.paused_at = pause.since;
      }
    }
    return Status();
  }

  static Status RemovePause(SqliteConnection& connection, std::string_view id) {
    return connection.Run("DELETE FROM pause WHERE synced_table_id = ?", {{std::string(id)}})
        .status();
  }

  Status NoSyncedTableId(SqliteConnection& connection, std::string_view id) {
    SPILLWAY_TRY(CheckBeforeDenying(connection));
    return Status(ErrorClass::kSyncedTableNotFound,
                  "there is no synced table with the id " + std::string(id));
  }

  static Status RefuseInUse(SqliteConnection& connection, const char* sql, std::string_view kind,
                            std::string_view name) {
    SPILLWAY_ASSIGN(const auto rows, connection.Run(sql, {{std::string(name)}}));
    if (rows.empty()) return Status();
    std::string users;
    for (const SqlRow& row : rows) {
      if (!users.empty()) users += ", ";
      users += std::get<std::string>(row.front());
    }
    return Status(ErrorClass::kDependentObjectsStillExist, "synced tables use the " +
                                                               std::string(kind) + " " +
                                                               std::string(name) + ": " + users)
        .With("name", name)
        .With("synced_tables", users)
        .Mend("Delete them first: spillway synced-table delete NAME.");
  }

  // Something missing in a damaged file is not known to be missing.
  Status CheckBeforeDenying(SqliteConnection& connection) {
    return checked_ ? Status() : CheckStructure(&connection, path_);
  }

  Status NotFound(const Context& context, ErrorClass error_class, std::string_view kind,
                  std::string_view name, std::span<const std::string> names, std::string mend) {
    if (!checked_) {
      SPILLWAY_TRY(With(context, [&](SqliteConnection& connection) {
        return CheckStructure(&connection, path_);
      }));
    }
    std::string nearest;
    for (const std::string& near : base::NearestNames(name, names, kNearest)) {
      if (!nearest.empty()) nearest += ", ";
      nearest += near;
    }
    std::string message = "there is no " + std::string(kind) + " named " + std::string(name);
    if (!nearest.empty()) message += "; the nearest are: " + nearest;
    return Status(error_class, std::move(message))
        .With("name", name)
        .With("nearest", nearest)
        .Mend(std::move(mend));
  }

  Status NoSource(const Context& context, std::string_view name) {
    SPILLWAY_ASSIGN(const auto all, ListSources(context));
    std::vector<std::string> names;
    for (const auto& entry : all) names.push_back(entry.name);
    return NotFound(context, ErrorClass::kSourceNotFound, "source", name, names,
                    "Register it: spillway source add " + std::string(name) + " URL.");
  }

  Status NoTarget(const Context& context, std::string_view name) {
    SPILLWAY_ASSIGN(const auto all, ListTargets(context));
    std::vector<std::string> names = {"local"};
    for (const auto& entry : all) names.push_back(entry.name);
    return NotFound(
        context, ErrorClass::kTargetNotFound, "target", name, names,
        "Add it: spillway target add " + std::string(name) + " 'postgresql://USER@HOST/DATABASE'.");
  }

  Status NoSyncedTable(const Context& context, std::string_view name) {
    SPILLWAY_ASSIGN(const auto all, ListSyncedTables(context));
    std::vector<std::string> names;
    for (const auto& entry : all) names.push_back(entry.name());
    return NotFound(context, ErrorClass::kSyncedTableNotFound, "synced table", name, names,
                    "List them: spillway synced-table list.");
  }

  const std::string path_;
  const WriteMode write_mode_;
  const bool checked_;  // the whole file's structure is checked when it is opened
  SqlitePool pool_;
};

bool Writable(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) == 0 &&
         faccessat(AT_FDCWD, folder.empty() ? "." : folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
}

}  // namespace

Result<std::unique_ptr<Store>> OpenSqliteStore(const Context& context, const std::string& path,
                                               WriteMode mode) {
  struct stat file{};
  if (stat(path.c_str(), &file) != 0) {
    if (errno != ENOENT) return FileError(errno, "open the state file", path);
    SPILLWAY_TRY(MakeStateFile(context, path, Migrations()));
    if (stat(path.c_str(), &file) != 0) return FileError(errno, "open the state file", path);
  }
  if (!S_ISREG(file.st_mode)) return FileError(EISDIR, "use as state file", path);
  if (file.st_size == 0) return Corrupt(path, "it is empty");
  const bool checked = file.st_size <= kCheckedAtOnce;
  if (Writable(path)) {
    auto store = std::make_unique<SqliteStore>(path, OpenMode::kReadWrite, checked, mode);
    SPILLWAY_TRY(store->Check(context));
    return std::unique_ptr<Store>(std::move(store));
  }
  auto store = std::make_unique<SqliteStore>(path, OpenMode::kReadOnly, checked, mode);
  Status status = store->Check(context);
  struct stat log{};
  const bool has_log = stat((path + "-wal").c_str(), &log) == 0 && log.st_size > 0;
  if (!status.ok() && status.error_class() == ErrorClass::kFileUnusable && !has_log) {
    store = std::make_unique<SqliteStore>(path, OpenMode::kImmutable, checked, mode);
    status = store->Check(context);
  }
  SPILLWAY_TRY(std::move(status));
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace spillway::state
