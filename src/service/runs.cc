#include "service/runs.h"

#include <algorithm>
#include <chrono>

#include "base/ids.h"
#include "service/error_json.h"
#include "service/selection.h"

namespace spillway::service {
namespace {

using base::Code;
using base::ErrorClass;
using base::Result;
using base::Status;

// As many as the store keeps of one table.
constexpr std::int64_t kEveryRun = 100'000;

state::Time Now() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

state::RunState StateOf(const Result<sync::Report>& result) {
  if (result.ok()) {
    return result->action == sync::Action::kNothing ? state::RunState::kNothingToDo
                                                    : state::RunState::kSucceeded;
  }
  if (result.status().error_class() == ErrorClass::kCommitUnknown) return state::RunState::kUnknown;
  if (result.status().code() == Code::kCancelled) return state::RunState::kCancelled;
  return state::RunState::kFailed;
}

}  // namespace

Result<std::vector<state::Run>> ListRuns(const base::Context& context, World& world,
                                         const std::vector<std::string>& wanted,
                                         std::int64_t limit) {
  if (wanted.empty()) return world.store().ListRuns(context, "", limit);
  SPILLWAY_ASSIGN(const auto tables, SelectSyncedTables(context, world.store(), wanted));
  std::vector<state::Run> all;
  for (const state::SyncedTable& table : tables) {
    SPILLWAY_ASSIGN(auto runs, world.store().ListRuns(context, table.id, limit));
    all.insert(all.end(), std::make_move_iterator(runs.begin()),
               std::make_move_iterator(runs.end()));
  }
  std::ranges::stable_sort(all, std::ranges::greater(), &state::Run::started_at);
  if (all.size() > static_cast<std::size_t>(limit)) all.resize(static_cast<std::size_t>(limit));
  return all;
}

Result<state::Run> GetRun(const base::Context& context, World& world, std::string_view id) {
  SPILLWAY_ASSIGN(auto runs, world.store().ListRuns(context, "", kEveryRun));
  std::erase_if(runs, [&](const state::Run& run) { return !run.id.starts_with(id); });
  if (id.empty() || runs.empty()) {
    return Status(ErrorClass::kRunNotFound, "there is no run " + std::string(id)).With("run", id);
  }
  if (runs.size() > 1) {
    return Status(ErrorClass::kInvalidArgument,
                  std::to_string(runs.size()) + " runs have ids that begin with " + std::string(id))
        .Mend("Give more of the id.");
  }
  return std::move(runs.front());
}

state::Run NewRun(const state::SyncedTable& table) {
  state::Run run;
  run.id = base::NewUuid();
  run.synced_table_id = table.id;
  run.table_name = table.name();
  run.started_at = Now();
  return run;
}

void EndRun(const Result<sync::Report>& result, state::Run* run) {
  run->ended_at = Now();
  run->state = StateOf(result);
  if (!result.ok()) {
    run->error = ErrorJson(result.status());
    return;
  }
  run->source_version = result->to_version;
  run->rows_read = result->rows;
  run->rows_rejected = result->rejected;
  if (result->action != sync::Action::kNothing) {
    run->rows_inserted = result->published.inserted;
    run->rows_updated = result->published.updated;
    run->rows_deleted = result->published.deleted;
    run->rows_unchanged = result->published.unchanged;
  }
  run->bytes_written = result->bytes;
  run->bottleneck = sync::Name(result->bottleneck);
  for (const auto& [phase, took] : result->phases) {
    run->phases.push_back({std::string(sync::Name(phase)), took, 0, 0});
  }
}

}  // namespace spillway::service
