#ifndef SPILLWAY_STATE_STORE_H_
#define SPILLWAY_STATE_STORE_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"

/// The port to what Spillway remembers between two commands: registered sources and targets,
/// definitions of synced tables, runs, settings. It is memory, not truth: what a target reflects is
/// in the target. Adapters: sqlite.
namespace spillway::state {

using Time = std::chrono::sys_time<std::chrono::microseconds>;

/// A registered source: `spillway source add NAME URL`.
struct Source {
  std::string name;  ///< lake.sales.products
  std::string url;
  /// delta-rs' key names. A secret value is a reference (source/secret_reference.h), never the
  /// secret.
  std::map<std::string, std::string> storage_options;
  Time created_at;
};

/// A registered target: `spillway target add NAME URL`. The target `local` is not registered.
struct Target {
  std::string name;
  std::string url;                 ///< without a password
  std::string password_reference;  ///< source/secret_reference.h; empty: libpq finds it (.pgpass …)
  Time created_at;
};

/// A synced table. The store reads nothing in `definition`.
struct SyncedTable {
  std::string id;          ///< uuid; names it in the target and in lock files for ever
  std::string target;      ///< first part of its name
  std::string schema;      ///< unquoted
  std::string table;       ///< unquoted
  std::string source;      ///< as the definition has it: a registered name, URL or absolute path
  std::string definition;  ///< one canonical JSON document, made and checked by `service`
  Time created_at;
  Time changed_at;
  std::optional<Time> paused_at;  ///< only read: SetPaused writes it
  /// target.schema.table; a part that holds a dot, a double quote, * or ? is in double quotes,
  /// those inside doubled, so that a name means one table only.
  std::string name() const;
};

enum class RunState : std::uint8_t {
  kRunning,
  kSucceeded,
  kNothingToDo,
  kFailed,
  kCancelled,
  kUnknown,      ///< whether it committed is not known: the next run reads the position
  kInterrupted,  ///< its process died: a later run of the table found it still running
};

/// The word stored and shown: running, succeeded, nothing_to_do, failed, cancelled, unknown,
/// interrupted.
std::string_view Name(RunState state);
std::optional<RunState> RunStateByName(std::string_view name);

/// One phase of a run, in the order passed; of a failed run the last one is where it failed.
struct RunPhase {
  std::string name;  ///< observe, fence, plan, load, index, publish
  std::chrono::microseconds duration{0};
  bool operator==(const RunPhase&) const = default;
};

/// A run of a synced table. All that is known when it ends; while it runs, its first five members.
struct Run {
  std::string id;               ///< uuid
  std::string synced_table_id;  ///< stays when the synced table is deleted
  std::string table_name;       ///< target.schema.table at the time
  RunState state = RunState::kRunning;
  Time started_at;
  std::optional<Time> ended_at;
  std::optional<std::int64_t> source_version;
  std::int64_t rows_read = 0;
  /// Absent: not counted, as a table that takes another's place need not be compared with it.
  std::optional<std::int64_t> rows_inserted;
  std::optional<std::int64_t> rows_updated;
  std::optional<std::int64_t> rows_deleted;
  std::optional<std::int64_t> rows_unchanged;
  std::int64_t rows_rejected = 0;
  std::int64_t bytes_read = 0;
  std::int64_t bytes_written = 0;
  std::vector<RunPhase> phases;
  std::string bottleneck;  ///< what limited it: source, encoder, target …; empty when not known
  std::string error;       ///< JSON object of the error, empty when none
  bool operator==(const Run&) const = default;
};

/// Memory itself. Thread-safe; several processes may have it open at once. Every call is one
/// transaction: all of it or nothing happened. Calls block on the disk and, at most until the
/// context's deadline or five seconds, on other processes. Errors of any call: STATE_BUSY,
/// STATE_CORRUPT, FILE_UNUSABLE (read-only, no permission), STORE_NO_SPACE, CANCELLED,
/// DEADLINE_EXCEEDED. Lists are ordered by name, runs newest first.
class Store {
 public:
  virtual ~Store() = default;

  virtual base::Result<std::vector<Source>> ListSources(const base::Context& context) = 0;
  /// SOURCE_NOT_FOUND with detail `nearest`: up to three registered names, comma-separated.
  virtual base::Result<Source> GetSource(const base::Context& context, std::string_view name) = 0;
  /// ALREADY_EXISTS.
  virtual base::Status AddSource(const base::Context& context, const Source& source) = 0;
  /// Replaces what the source of that name is, but for its time. SOURCE_NOT_FOUND.
  virtual base::Status ChangeSource(const base::Context& context, const Source& source) = 0;
  /// SOURCE_NOT_FOUND; DEPENDENT_OBJECTS_STILL_EXIST naming synced tables that use the name.
  virtual base::Status RemoveSource(const base::Context& context, std::string_view name) = 0;

  virtual base::Result<std::vector<Target>> ListTargets(const base::Context& context) = 0;
  /// TARGET_NOT_FOUND with detail `nearest`.
  virtual base::Result<Target> GetTarget(const base::Context& context, std::string_view name) = 0;
  /// ALREADY_EXISTS.
  virtual base::Status AddTarget(const base::Context& context, const Target& target) = 0;
  /// Replaces what the target of that name is, but for its time. TARGET_NOT_FOUND.
  virtual base::Status ChangeTarget(const base::Context& context, const Target& target) = 0;
  /// TARGET_NOT_FOUND; DEPENDENT_OBJECTS_STILL_EXIST naming synced tables in it.
  virtual base::Status RemoveTarget(const base::Context& context, std::string_view name) = 0;

  virtual base::Result<std::vector<SyncedTable>> ListSyncedTables(const base::Context& context) = 0;
  /// SYNCED_TABLE_NOT_FOUND with detail `nearest`. `name` is target.schema.table as name() has it.
  virtual base::Result<SyncedTable> GetSyncedTable(const base::Context& context,
                                                   std::string_view name) = 0;
  /// ALREADY_EXISTS when the id or the target's table is taken: one definition per target table.
  virtual base::Status AddSyncedTable(const base::Context& context, const SyncedTable& table) = 0;
  /// Replaces `source` and `definition` and sets `changed_at` of the table with this id.
  /// SYNCED_TABLE_NOT_FOUND.
  virtual base::Status ChangeSyncedTable(const base::Context& context,
                                         const SyncedTable& table) = 0;
  /// Pauses the synced table with this id since `since`, or resumes it (nullopt). Repeating it is
  /// harmless. SYNCED_TABLE_NOT_FOUND.
  virtual base::Status SetPaused(const base::Context& context, std::string_view id,
                                 std::optional<Time> since) = 0;
  /// By id. Its runs stay as the record of what was done; of all removed tables together the newest
  /// 500. SYNCED_TABLE_NOT_FOUND.
  virtual base::Status RemoveSyncedTable(const base::Context& context, std::string_view id) = 0;

  /// Records the start of a run. Runs of the same table still marked as running become
  /// kInterrupted, and all but the newest 500 ended ones and the last that published
  /// (LastPublished) are forgotten. REQUIRES: the caller holds the table's lock
  /// (state/table_lock.h).
  virtual base::Status BeginRun(const base::Context& context, const Run& run) = 0;
  /// Records all members of a run, `ended_at` set, whether it was begun or failed before that.
  /// REQUIRES: the caller holds the table's lock. A run that never had it is not recorded: the
  /// table's newest run is the one that holds the lock.
  virtual base::Status EndRun(const base::Context& context, const Run& run) = 0;
  /// The newest `limit` runs of a synced table id, or of all when it is empty.
  virtual base::Result<std::vector<Run>> ListRuns(const base::Context& context,
                                                  std::string_view synced_table_id,
                                                  std::int64_t limit) = 0;
  /// The newest run of a synced table id that is kSucceeded or kNothingToDo, or nullopt.
  virtual base::Result<std::optional<Run>> LastPublished(const base::Context& context,
                                                         std::string_view synced_table_id) = 0;
  /// The newest `limit` runs whose id begins with `prefix`.
  virtual base::Result<std::vector<Run>> FindRuns(const base::Context& context,
                                                  std::string_view prefix, std::int64_t limit) = 0;

  /// A value of this installation, or nullopt.
  virtual base::Result<std::optional<std::string>> GetSetting(const base::Context& context,
                                                              std::string_view key) = 0;
  virtual base::Status SetSetting(const base::Context& context, std::string_view key,
                                  std::string_view value) = 0;
};

}  // namespace spillway::state

#endif  // SPILLWAY_STATE_STORE_H_
