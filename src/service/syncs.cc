#include "service/syncs.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "base/mutex.h"
#include "service/environment.h"
#include "service/runs.h"
#include "service/selection.h"
#include "service/synced_tables.h"
#include "state/table_lock.h"

namespace spillway::service {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

// The record of a run is written even when the run itself was stopped.
constexpr std::chrono::seconds kRecordTime{5};
// Readers of the target's status are told a failure if that takes no longer.
constexpr std::chrono::seconds kTellTime{2};
constexpr std::chrono::milliseconds kBetweenLooks{200};

// A table that is to be synced, alone or with its group.
struct Candidate {
  state::SyncedTable table;
  sync::Definition definition;
  bool named = false;  ///< by its own name, not by a pattern or as part of a group
};

// The definitions of the selected tables and of everybody in their groups, in units that are
// published together.
class Units {
 public:
  static Result<std::vector<std::vector<Candidate>>> Make(const base::Context& context,
                                                          World& world,
                                                          const std::vector<std::string>& wanted) {
    SPILLWAY_ASSIGN(const auto selected, SelectSyncedTables(context, world.store(), wanted));
    std::vector<std::string> words = wanted;
    std::erase_if(words, [](const std::string& word) { return IsPattern(word); });
    SPILLWAY_ASSIGN(const auto by_name, SelectSyncedTables(context, world.store(), words));
    SPILLWAY_ASSIGN(const auto all, world.store().ListSyncedTables(context));
    std::vector<Candidate> every;
    for (const state::SyncedTable& table : all) {
      SPILLWAY_ASSIGN(sync::Definition definition, sync::DefinitionFromJson(table.definition));
      const bool named =
          std::ranges::find(by_name, table.id, &state::SyncedTable::id) != by_name.end();
      every.push_back({table, std::move(definition), named});
    }
    std::vector<std::vector<Candidate>> units;
    std::set<std::string> taken;
    for (const state::SyncedTable& table : selected) {
      if (taken.contains(table.id)) continue;
      const auto own = std::ranges::find(
          every, table.id, [](const Candidate& candidate) { return candidate.table.id; });
      std::vector<Candidate> unit;
      for (const Candidate& candidate : every) {
        if (!Together(*own, candidate)) continue;
        unit.push_back(candidate);
        taken.insert(candidate.table.id);
      }
      units.push_back(std::move(unit));
    }
    return units;
  }

 private:
  static bool Together(const Candidate& a, const Candidate& b) {
    if (a.table.id == b.table.id) return true;
    return !a.definition.group.empty() && a.definition.group == b.definition.group &&
           a.definition.target == b.definition.target;
  }
};

// Syncs one unit: takes the tables' locks, begins their runs, syncs, ends their runs.
class UnitSync {
 public:
  UnitSync(const base::Context& context, World& world, const SyncOptions& options,
           sync::EventSink* events)
      : context_(context), world_(world), options_(options), events_(events) {}

  std::vector<SyncOutcome> Perform(const std::vector<Candidate>& unit) {
    std::vector<SyncOutcome> outcomes;
    for (const Candidate& candidate : unit) {
      SyncOutcome& outcome = outcomes.emplace_back();
      outcome.name = candidate.table.name();
      if (!candidate.table.paused_at) {
        members_.push_back({candidate, NewRun(candidate.table), outcomes.size() - 1});
      } else if (candidate.named) {
        outcome.status = Paused(candidate.table);
      } else {
        outcome.skipped = true;
      }
    }
    if (members_.empty()) return outcomes;
    if (Status begun = Begin(); !begun.ok()) {
      for (const Member& member : members_) outcomes[member.outcome].status = begun;
      return outcomes;
    }
    std::vector<Result<sync::Report>> results = Sync();
    for (std::size_t i = 0; i < members_.size(); ++i) {
      TellStatus(results[i], members_[i]);
      End(results[i], &members_[i].run, &outcomes[members_[i].outcome]);
    }
    return outcomes;
  }

 private:
  struct Member {
    Candidate candidate;
    state::Run run;
    std::size_t outcome;
    bool failed_before = false;  ///< the run before this one
  };

  Status Begin() {
    for (const Member& member : members_) {
      SPILLWAY_ASSIGN(auto lock, state::LockTable(world_.home(), member.run.synced_table_id,
                                                  member.run.table_name, member.run.id));
      locks_.push_back(std::move(lock));
    }
    for (Member& member : members_) {
      SPILLWAY_TRY(ReadAgain(&member));
      SPILLWAY_ASSIGN(const auto before,
                      world_.store().ListRuns(context_, member.run.synced_table_id, 1));
      member.failed_before = !before.empty() && before.front().state == state::RunState::kFailed;
      SPILLWAY_TRY(world_.store().BeginRun(context_, member.run));
    }
    return Status();
  }

  // The definition as it is under the lock: it may have been altered, paused or deleted while
  // tables before it were synced.
  Status ReadAgain(Member* member) {
    state::SyncedTable& table = member->candidate.table;
    SPILLWAY_ASSIGN(state::SyncedTable now, world_.store().GetSyncedTable(context_, table.name()));
    if (now.id != table.id) {
      return Status(ErrorClass::kSyncedTableNotFound,
                    "the synced table was deleted and made anew meanwhile: " + table.name())
          .With("table", table.name());
    }
    if (now.paused_at) return Paused(now);
    SPILLWAY_ASSIGN(member->candidate.definition, sync::DefinitionFromJson(now.definition));
    table = std::move(now);
    return Status();
  }

  static Status Paused(const state::SyncedTable& table) {
    return Status(ErrorClass::kSyncedTablePaused, "the synced table is paused: " + table.name())
        .With("table", table.name())
        .Mend("Resume it: spillway synced-table resume " + table.name());
  }

  std::vector<Result<sync::Report>> Sync() {
    std::vector<sync::Member> members;
    for (const Member& member : members_) {
      members.push_back({&member.candidate.definition, member.run.id});
    }
    auto environment =
        MakeEnvironment(context_, world_, members_.front().candidate.definition, events_);
    if (!environment.ok()) {
      return std::vector<Result<sync::Report>>(members.size(), environment.status());
    }
    environment->deletes_allowed = options_.deletes_allowed;
    return sync::SyncTogether(context_, members, *environment, options_.rebuild);
  }

  // Tells the readers of the target's status what no publish tells them: a failure, and that there
  // is none any more. A target that cannot be told is mostly the failure itself, which the caller
  // reports.
  void TellStatus(const Result<sync::Report>& result, const Member& member) {
    const bool failed = !result.ok() && IsToBeTold(result.status());
    const bool mended =
        result.ok() && result->action == sync::Action::kNothing && member.failed_before;
    if (!failed && !mended) return;
    const base::Context brief = base::Context().Within(kTellTime);
    const sync::Definition& definition = member.candidate.definition;
    if (auto target = world_.TargetThatRuns(brief, definition.target); target.ok()) {
      static_cast<void>((*target)->RecordFailure(brief, definition.id, definition.table,
                                                 member.run.id,
                                                 failed ? result.status() : Status()));
    }
  }

  // Not a run that was stopped, one that another run has overtaken, which has its own say, one that
  // may have published, or one that could not reach the target.
  static bool IsToBeTold(const Status& error) {
    return error.code() != base::Code::kCancelled &&
           error.error_class() != ErrorClass::kRunInProgress &&
           error.error_class() != ErrorClass::kFenced &&
           error.error_class() != ErrorClass::kCommitUnknown &&
           error.error_class() != ErrorClass::kConnectionError;
  }

  void End(Result<sync::Report>& result, state::Run* run, SyncOutcome* outcome) {
    EndRun(result, run);
    Status recorded = base::Failpoint("state.record");
    if (recorded.ok()) {
      recorded = world_.store().EndRun(base::Context().Within(kRecordTime), *run);
    }
    if (!result.ok()) {
      outcome->status = std::move(result).status();
      return;
    }
    outcome->report = *std::move(result);
    if (!recorded.ok()) {
      outcome->report.warnings.push_back("the run succeeded but could not be recorded: " +
                                         recorded.ToString());
    }
  }

  const base::Context& context_;
  World& world_;
  const SyncOptions& options_;
  sync::EventSink* events_;
  std::vector<Member> members_;
  std::vector<std::unique_ptr<state::FileLock>> locks_;
};

// Waits for `duration` or until the context ends.
void Sleep(const base::Context& context, std::chrono::milliseconds duration) {
  base::Mutex mutex;
  std::condition_variable_any never;
  base::MutexLock lock(mutex);
  never.wait_for(mutex, context.stop, duration, [] { return false; });
}

Status WaitedTooLong(const SyncedTableView& view, std::int64_t version) {
  const std::string reflected =
      view.position ? "version " + std::to_string(view.position->version) : "nothing yet";
  Status late(ErrorClass::kDeadlineExceeded, view.definition.name() + " does not reflect version " +
                                                 std::to_string(version) +
                                                 " in time; it reflects " + reflected);
  late = std::move(late).With("table", view.definition.name());
  if (view.last_run && !view.last_run->error.empty()) {
    return std::move(late)
        .With("last_run", view.last_run->id)
        .Mend("The last run failed: spillway runs show " + view.last_run->id);
  }
  return std::move(late).Mend("Sync it: spillway sync " + view.definition.name());
}

}  // namespace

Result<std::vector<SyncOutcome>> SyncTables(const base::Context& context, World& world,
                                            const std::vector<std::string>& wanted,
                                            const SyncOptions& options, sync::EventSink* events,
                                            const std::function<void(const SyncOutcome&)>& each) {
  SPILLWAY_ASSIGN(const auto units, Units::Make(context, world, wanted));
  std::vector<SyncOutcome> all;
  for (const std::vector<Candidate>& unit : units) {
    for (SyncOutcome& outcome : UnitSync(context, world, options, events).Perform(unit)) {
      each(outcome);
      all.push_back(std::move(outcome));
    }
    if (context.stop.stop_requested()) break;
  }
  return all;
}

Result<std::vector<Explained>> ExplainTables(const base::Context& context, World& world,
                                             const std::vector<std::string>& wanted,
                                             const SyncOptions& options) {
  SPILLWAY_ASSIGN(const auto tables, SelectSyncedTables(context, world.store(), wanted));
  std::vector<Explained> explained;
  for (const state::SyncedTable& table : tables) {
    const auto explain = [&]() -> Result<sync::Plan> {
      SPILLWAY_ASSIGN(const sync::Definition definition,
                      sync::DefinitionFromJson(table.definition));
      SPILLWAY_ASSIGN(const sync::Environment environment,
                      MakeEnvironment(context, world, definition, nullptr));
      return sync::Explain(context, definition, environment, options.rebuild);
    };
    explained.push_back({table.name(), explain()});
  }
  return explained;
}

Result<std::int64_t> WaitForTable(const base::Context& context, World& world, std::string_view name,
                                  std::optional<std::int64_t> version,
                                  std::chrono::milliseconds timeout) {
  const base::Deadline deadline = base::Deadline::After(timeout);
  SPILLWAY_ASSIGN(SyncedTableView view, GetSyncedTable(context, world, name, true));
  if (!version) {
    SPILLWAY_ASSIGN(const sync::Environment environment,
                    MakeEnvironment(context, world, view.definition, nullptr));
    SPILLWAY_ASSIGN(const lake::Location location, environment.resolve(view.definition.source));
    SPILLWAY_ASSIGN(const auto latest,
                    environment.lake->Open(context, location, lake::VersionSpec()));
    version = latest->position().version;
  }
  while (!view.position || view.position->version < *version) {
    SPILLWAY_TRY(view.target_outcome);
    if (deadline.expired()) return WaitedTooLong(view, *version);
    Sleep(context, kBetweenLooks);
    SPILLWAY_TRY(context.Check());
    SPILLWAY_ASSIGN(view, GetSyncedTable(context, world, name, true));
  }
  return view.position->version;
}

}  // namespace spillway::service
