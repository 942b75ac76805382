#include "service/rejected_rows.h"

#include <utility>

#include "service/synced_tables.h"

namespace spillway::service {

using base::Result;
using base::Status;

Result<std::vector<RejectedCount>> CountRejectedRows(const base::Context& context, World& world) {
  SPILLWAY_ASSIGN(const std::vector<SyncedTableView> views, ListSyncedTables(context, world));
  std::vector<RejectedCount> counts;
  for (const SyncedTableView& listed : views) {
    const std::string name = listed.definition.name();
    SPILLWAY_ASSIGN(const SyncedTableView view, GetSyncedTable(context, world, name, true));
    if (view.rejected == 0 && view.target_outcome.ok()) continue;
    counts.push_back({name, view.rejected, view.target_outcome});
  }
  return counts;
}

Result<std::unique_ptr<data::BatchStream>> ReadRejectedRows(const base::Context& context,
                                                            World& world, std::string_view name) {
  SPILLWAY_ASSIGN(const SyncedTableView view, GetSyncedTable(context, world, name, false));
  SPILLWAY_ASSIGN(target::Target * target, world.Target(context, view.definition.target));
  return target->ReadRejected(context, view.definition.id);
}

}  // namespace spillway::service
