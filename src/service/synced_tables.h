#ifndef SPILLWAY_SERVICE_SYNCED_TABLES_H_
#define SPILLWAY_SERVICE_SYNCED_TABLES_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "service/world.h"
#include "state/store.h"
#include "sync/definition.h"
#include "sync/plan.h"

/// The verbs on synced tables. A name is TARGET.schema.table (table_name.h).
namespace spillway::service {

/// A synced table as people see it.
struct SyncedTableView {
  sync::Definition definition;
  std::string state;  ///< provisioning, loading, online, updating, paused, failed, offline
  std::optional<target::PositionRow>
      position;               ///< absent when never published or the target is not reachable
  std::int64_t rejected = 0;  ///< outstanding rejected rows, as far as the target was asked
  std::optional<state::Run> last_run;
  /// Of the source, that the newest recorded run which published left in the target.
  std::optional<std::int64_t> published_version;
  base::Status target_outcome;  ///< ok, or why the target could not be asked
  /// Ok, or why the stored definition cannot be read: `definition` has its names and source only.
  base::Status definition_outcome;
};

/// A definition that was checked and remembered.
struct Created {
  sync::Definition definition;
  sync::Plan plan;  ///< of the first sync
};
/// What becomes of a table that Spillway did not make and that has the target's name.
enum class TakeOver : std::uint8_t {
  kNone,     ///< it is in the way: ALREADY_EXISTS
  kAdopt,    ///< the first sync compares and writes what differs
  kReplace,  ///< the first sync swaps it for a new one, with all that hangs on it
};
/// Checks the definition against the others (claims.h), source and target, then remembers it under
/// a new id. `take_over` other than kNone makes the target's table ours; else nothing is written to
/// the target. Returns the definition completed (id, source made absolute). Errors: ALREADY_EXISTS,
/// INVALID_DEFINITION, TARGET_NOT_FOUND, SOURCE_NOT_FOUND and every refusal that planning a first
/// load would meet.
base::Result<Created> CreateSyncedTable(const base::Context& context, World& world,
                                        sync::Definition definition, TakeOver take_over,
                                        bool dry_run);

/// Replaces the definition of a synced table, `before` as it was read, after the same checks. Rows
/// change with the next sync. Errors: RUN_IN_PROGRESS while one holds the table; DEFINITION_CHANGED
/// when the stored definition is no longer `before`, so that no change of another is lost.
base::Result<Created> AlterSyncedTable(const base::Context& context, World& world,
                                       const sync::Definition& before, sync::Definition definition,
                                       bool dry_run);

/// `ask_target`: also reads the position; a target that is down is reported in the view, not as an
/// error. A definition that cannot be read is an error of the first, and in the view of the second.
base::Result<SyncedTableView> GetSyncedTable(const base::Context& context, World& world,
                                             std::string_view name, bool ask_target);
base::Result<std::vector<SyncedTableView>> ListSyncedTables(const base::Context& context,
                                                            World& world);
/// Forgets the definition and, with `drop_table`, the target's table. A target that cannot be
/// reached is no obstacle to keeping its table: then only the definition is forgotten, and the note
/// that is returned, empty otherwise, says so.
base::Result<std::string> DeleteSyncedTable(const base::Context& context, World& world,
                                            std::string_view name, bool drop_table);

/// Pauses a synced table: patterns and schedules pass it over, a sync that names it is refused.
/// Resuming undoes it. Repeating either is harmless. Both return a note for people, which is not
/// empty when those who read the target's status could not be told.
base::Result<std::string> PauseSyncedTable(const base::Context& context, World& world,
                                           std::string_view name);
base::Result<std::string> ResumeSyncedTable(const base::Context& context, World& world,
                                            std::string_view name);

}  // namespace spillway::service

#endif  // SPILLWAY_SERVICE_SYNCED_TABLES_H_
