#ifndef SPILLWAY_SERVICE_SYNCS_H_
#define SPILLWAY_SERVICE_SYNCS_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "service/world.h"
#include "sync/event.h"
#include "sync/plan.h"
#include "sync/run.h"

/// Syncing one or many tables: locks, groups, the record of runs. What a sync does is in `sync`.
namespace spillway::service {

struct SyncOptions {
  bool rebuild = false;  ///< resync: load even when nothing changed
  /// Deletes that max_delete_share would stop, and such that cascade to others' tables.
  bool deletes_allowed = false;
};

/// What became of one table.
struct SyncOutcome {
  std::string name;
  bool skipped = false;  ///< a pattern or a group met a paused table
  base::Status status;
  sync::Report report;  ///< meaningful when not skipped; of a failed run as sync::Outcome has it
};

/// Syncs what `wanted` names (names and patterns; selection.h), one after another, in the order of
/// `wanted`; a failing table does not stop the others, a stop does. A table of a group brings its
/// whole group along, which is published in one transaction or not at all. A paused table named
/// itself is an error of its own (SYNCED_TABLE_PAUSED), one met by a pattern is skipped. Each table
/// is shown to `each` when it is finished. A word that names no table is an outcome of that name
/// and stops no other. Every run that had its table's lock is recorded in the state. The result is
/// an error only when the state cannot be read. Errors of a table: RUN_IN_PROGRESS when another
/// process or machine holds it; INVALID_DEFINITION when its definition cannot be read; those of
/// sync::SyncTogether.
base::Result<std::vector<SyncOutcome>> SyncTables(
    const base::Context& context, World& world, const std::vector<std::string>& wanted,
    const SyncOptions& options, sync::EventSink* events,
    const std::function<void(const SyncOutcome&)>& each);

/// Tables that nobody named and that are synced because a table of their group is.
struct BroughtAlong {
  std::string group;
  std::string target;
  std::vector<std::string> names;  ///< those that are paused are not synced, and not here
};

/// What a sync of `wanted` brings along. A word that names no table brings nothing. An error only
/// when the state cannot be read.
base::Result<std::vector<BroughtAlong>> BringsAlong(const base::Context& context, World& world,
                                                    const std::vector<std::string>& wanted);

/// What a sync of one table would do.
struct Explained {
  std::string name;
  base::Result<sync::Plan> plan;
};

/// What a sync of each table that `wanted` names would do; a word that names none has its error as
/// plan. Writes nothing.
std::vector<Explained> ExplainTables(const base::Context& context, World& world,
                                     const std::vector<std::string>& wanted,
                                     const SyncOptions& options);

/// Waits until the target reflects `version` of the source or, when absent, the version that was
/// the latest when the wait began. Returns the version reflected then. Reads only; looks
/// once at least and then for `timeout` at most. Errors: DEADLINE_EXCEEDED with what the target
/// reflects and the last run's failure.
base::Result<std::int64_t> WaitForTable(const base::Context& context, World& world,
                                        std::string_view name, std::optional<std::int64_t> version,
                                        std::chrono::milliseconds timeout);

}  // namespace spillway::service

#endif  // SPILLWAY_SERVICE_SYNCS_H_
