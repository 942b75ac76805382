#ifndef SPILLWAY_SERVICE_RUNS_H_
#define SPILLWAY_SERVICE_RUNS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "service/world.h"
#include "state/store.h"
#include "sync/run.h"

/// The record of runs that this installation keeps.
namespace spillway::service {

/// The newest `limit` runs of the tables that `wanted` names (selection.h), of all when it is
/// empty; newest first.
base::Result<std::vector<state::Run>> ListRuns(const base::Context& context, World& world,
                                               const std::vector<std::string>& wanted,
                                               std::int64_t limit);

/// The run whose id begins with `id`. Errors: RUN_NOT_FOUND; INVALID_ARGUMENT when several do.
base::Result<state::Run> GetRun(const base::Context& context, World& world, std::string_view id);

/// Shows those whose process died as interrupted, which only the table's next run records. One that
/// ended since it was read is shown as it ended. Errors: the store's.
base::Status MarkInterrupted(const base::Context& context, World& world,
                             std::vector<state::Run>* runs);

/// A run of `table` that begins now, with a fresh id.
state::Run NewRun(const state::SyncedTable& table);

/// Ends `run` with what became of it; a failed one has its phases, the last being where it failed.
void EndRun(const sync::Outcome& outcome, state::Run* run);

}  // namespace spillway::service

#endif  // SPILLWAY_SERVICE_RUNS_H_
