#include "service/runs.h"

#include <algorithm>
#include <chrono>

#include "base/ids.h"
#include "service/error_json.h"
#include "service/selection.h"
#include "state/table_lock.h"

namespace spillway::service {
namespace {

using base::Code;
using base::ErrorClass;
using base::Result;
using base::Status;

state::Time Now() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

state::RunState StateOf(const sync::Outcome& outcome) {
  if (outcome.status.ok()) {
    return outcome.report.action == sync::Action::kNothing ? state::RunState::kNothingToDo
                                                           : state::RunState::kSucceeded;
  }
  if (outcome.status.error_class() == ErrorClass::kCommitUnknown) return state::RunState::kUnknown;
  if (outcome.status.code() == Code::kCancelled) return state::RunState::kCancelled;
  return state::RunState::kFailed;
}

}  // namespace

Result<std::vector<state::Run>> ListRuns(const base::Context& context, World& world,
                                         const std::vector<std::string>& wanted,
                                         std::int64_t limit) {
  std::vector<state::Run> all;
  if (wanted.empty()) {
    SPILLWAY_ASSIGN(all, world.store().ListRuns(context, "", limit));
    SPILLWAY_TRY(MarkInterrupted(context, world, &all));
    return all;
  }
  SPILLWAY_ASSIGN(const auto tables, SelectSyncedTables(context, world.store(), wanted));
  for (const state::SyncedTable& table : tables) {
    SPILLWAY_ASSIGN(auto runs, world.store().ListRuns(context, table.id, limit));
    all.insert(all.end(), std::make_move_iterator(runs.begin()),
               std::make_move_iterator(runs.end()));
  }
  std::ranges::stable_sort(all, std::ranges::greater(), &state::Run::started_at);
  if (all.size() > static_cast<std::size_t>(limit)) all.resize(static_cast<std::size_t>(limit));
  SPILLWAY_TRY(MarkInterrupted(context, world, &all));
  return all;
}

Result<state::Run> GetRun(const base::Context& context, World& world, std::string_view id) {
  SPILLWAY_ASSIGN(auto runs, world.store().FindRuns(context, id, 2));
  if (id.empty() || runs.empty()) {
    return Status(ErrorClass::kRunNotFound, "there is no run " + std::string(id)).With("run", id);
  }
  if (runs.size() > 1) {
    return Status(ErrorClass::kInvalidArgument,
                  "several runs have ids that begin with " + std::string(id))
        .Mend("Give more of the id.");
  }
  SPILLWAY_TRY(MarkInterrupted(context, world, &runs));
  return std::move(runs.front());
}

Status MarkInterrupted(const base::Context& context, World& world, std::vector<state::Run>* runs) {
  for (state::Run& run : *runs) {
    if (run.state != state::RunState::kRunning ||
        state::IsTableLocked(world.home(), run.synced_table_id)) {
      continue;
    }
    // It may have ended since it was read: what became of it is written before the lock is let go.
    SPILLWAY_ASSIGN(auto again, world.store().FindRuns(context, run.id, 1));
    if (!again.empty()) run = std::move(again.front());
    if (run.state == state::RunState::kRunning) run.state = state::RunState::kInterrupted;
  }
  return Status();
}

state::Run NewRun(const state::SyncedTable& table) {
  state::Run run;
  run.id = base::NewUuid();
  run.synced_table_id = table.id;
  run.table_name = table.name();
  run.started_at = Now();
  return run;
}

void EndRun(const sync::Outcome& outcome, state::Run* run) {
  const sync::Report& report = outcome.report;
  run->ended_at = Now();
  run->state = StateOf(outcome);
  run->bottleneck = sync::Name(report.bottleneck);
  for (const auto& [phase, took] : report.phases) {
    run->phases.push_back({std::string(sync::Name(phase)), took});
  }
  if (!outcome.status.ok()) {
    run->error = ErrorJson(outcome.status);
    return;
  }
  run->source_version = report.to_version;
  run->rows_read = report.rows;
  run->rows_rejected = report.rejected;
  if (report.action != sync::Action::kNothing) {
    run->rows_inserted = report.published.inserted;
    run->rows_updated = report.published.updated;
    run->rows_deleted = report.published.deleted;
    run->rows_unchanged = report.published.unchanged;
  }
  run->bytes_written = report.bytes;
}

}  // namespace spillway::service
