#include "service/syncs.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "base/shell_word.h"
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
constexpr std::chrono::milliseconds kFirstLook{1000};

// A table that is to be synced, alone or with its group.
struct Candidate {
  state::SyncedTable table;
  sync::Definition definition;  ///< empty when it cannot be read, which the sync of it will say
  bool wanted = false;          ///< by its own name or a pattern, not as part of a group
  bool named = false;           ///< by its own name
};

// Tables that are published together; or a word that names none.
struct Unit {
  std::vector<Candidate> tables;
  std::optional<SyncOutcome> unknown;
};

bool Together(const Candidate& a, const Candidate& b) {
  if (a.table.id == b.table.id) return true;
  return !a.definition.group.empty() && a.definition.group == b.definition.group &&
         a.definition.target == b.definition.target;
}

// The tables that `wanted` names and everybody in their groups.
Result<std::vector<Unit>> MakeUnits(const base::Context& context, World& world,
                                    const std::vector<std::string>& wanted) {
  SPILLWAY_ASSIGN(auto all, world.store().ListSyncedTables(context));
  std::vector<Candidate> every;
  for (state::SyncedTable& table : all) {
    Result<sync::Definition> read = sync::DefinitionFromJson(table.definition);
    every.push_back({std::move(table), read.ok() ? *std::move(read) : sync::Definition()});
  }
  const auto find = [&](const std::string& id) {
    return std::ranges::find(every, id,
                             [](const Candidate& candidate) { return candidate.table.id; });
  };
  std::vector<Result<std::vector<state::SyncedTable>>> selected;
  for (const std::string& word : wanted) {
    selected.push_back(SelectSyncedTables(context, world.store(), {word}));
    if (!selected.back().ok()) continue;
    for (const state::SyncedTable& table : *selected.back()) {
      const auto own = find(table.id);
      if (own == every.end()) continue;
      own->wanted = true;
      own->named = own->named || !IsPattern(word);
    }
  }
  std::vector<Unit> units;
  std::set<std::string> taken;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!selected[i].ok()) {
      units.emplace_back().unknown = SyncOutcome{wanted[i], false, selected[i].status(), {}};
      continue;
    }
    for (const state::SyncedTable& table : *selected[i]) {
      const auto own = find(table.id);
      if (own == every.end() || taken.contains(table.id)) continue;
      Unit& unit = units.emplace_back();
      for (const Candidate& candidate : every) {
        if (!Together(*own, candidate)) continue;
        unit.tables.push_back(candidate);
        taken.insert(candidate.table.id);
      }
    }
  }
  return units;
}

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
    if (const Status begun = Begin(); !begun.ok()) {
      for (std::size_t i = 0; i < members_.size(); ++i) {
        outcomes[members_[i].outcome].status = NotBegun(i, begun);
      }
      return outcomes;
    }
    std::vector<sync::Outcome> ended = Sync();
    for (std::size_t i = 0; i < members_.size(); ++i) {
      TellStatus(ended[i], members_[i]);
      End(std::move(ended[i]), &members_[i].run, &outcomes[members_[i].outcome]);
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

  // Takes the locks and begins the runs. `culprit_` is the member at which that failed, if it was
  // one.
  Status Begin() {
    for (culprit_ = 0; *culprit_ < members_.size(); ++*culprit_) {
      const Member& member = members_[*culprit_];
      SPILLWAY_ASSIGN(auto lock, state::LockTable(world_.home(), member.run.synced_table_id,
                                                  member.run.table_name, member.run.id));
      locks_.push_back(std::move(lock));
    }
    for (culprit_ = 0; *culprit_ < members_.size(); ++*culprit_) {
      SPILLWAY_TRY(ReadAgain(&members_[*culprit_]));
    }
    culprit_.reset();
    for (Member& member : members_) {
      SPILLWAY_ASSIGN(const auto before,
                      world_.store().ListRuns(context_, member.run.synced_table_id, 1));
      member.failed_before = !before.empty() && before.front().state == state::RunState::kFailed;
      SPILLWAY_TRY(world_.store().BeginRun(context_, member.run));
    }
    return Status();
  }

  // What kept a member's run from beginning. It is recorded where the lock was had.
  Status NotBegun(std::size_t member, const Status& begun) {
    const sync::Definition& own = members_[member].candidate.definition;
    sync::Outcome outcome;
    outcome.status = !culprit_ || *culprit_ == member
                         ? begun
                         : sync::GroupNotPublished(own, members_[*culprit_].candidate.definition);
    if (locks_.size() == members_.size()) {
      EndRun(outcome, &members_[member].run);
      static_cast<void>(
          world_.store().EndRun(base::Context().Within(kRecordTime), members_[member].run));
    }
    return std::move(outcome.status);
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
    Result<sync::Definition> read = sync::DefinitionFromJson(now.definition);
    if (!read.ok()) {
      return std::move(read).status().While("read the definition").With("table", table.name());
    }
    member->candidate.definition = *std::move(read);
    table = std::move(now);
    return Status();
  }

  static Status Paused(const state::SyncedTable& table) {
    return Status(ErrorClass::kSyncedTablePaused, "the synced table is paused: " + table.name())
        .With("table", table.name())
        .Mend("Resume it: spillway synced-table resume " + base::ShellWord(table.name()));
  }

  std::vector<sync::Outcome> Sync() {
    std::vector<sync::Member> members;
    for (const Member& member : members_) {
      members.push_back({&member.candidate.definition, member.run.id});
    }
    auto environment =
        MakeEnvironment(context_, world_, members_.front().candidate.definition, events_);
    if (!environment.ok()) {
      return std::vector(members.size(), sync::Outcome{environment.status(), {}});
    }
    environment->deletes_allowed = options_.deletes_allowed;
    return sync::SyncTogether(context_, members, *environment, options_.rebuild);
  }

  // Tells the readers of the target's status what no publish tells them: a failure, and that there
  // is none any more. A target that cannot be told is mostly the failure itself, which the caller
  // reports.
  void TellStatus(const sync::Outcome& outcome, const Member& member) {
    const bool failed = !outcome.status.ok() && IsToBeTold(outcome.status);
    const bool mended = outcome.status.ok() && outcome.report.action == sync::Action::kNothing &&
                        member.failed_before;
    if (!failed && !mended) return;
    const base::Context brief = base::Context().Within(kTellTime);
    const sync::Definition& definition = member.candidate.definition;
    if (auto target = world_.TargetThatRuns(brief, definition.target); target.ok()) {
      static_cast<void>((*target)->RecordFailure(brief, definition.id, definition.table,
                                                 member.run.id, outcome.status));
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

  void End(sync::Outcome ended, state::Run* run, SyncOutcome* outcome) {
    EndRun(ended, run);
    Status recorded = base::Failpoint("state.record");
    if (recorded.ok()) {
      recorded = world_.store().EndRun(base::Context().Within(kRecordTime), *run);
    }
    outcome->status = std::move(ended.status);
    outcome->report = std::move(ended.report);
    if (!recorded.ok()) {
      const std::string_view ended_how = outcome->status.ok() ? "succeeded but" : "failed and";
      outcome->report.warnings.push_back("the run " + std::string(ended_how) +
                                         " could not be recorded: " + recorded.ToString());
    }
  }

  const base::Context& context_;
  World& world_;
  const SyncOptions& options_;
  sync::EventSink* events_;
  std::vector<Member> members_;
  std::vector<std::unique_ptr<state::FileLock>> locks_;
  std::optional<std::size_t> culprit_;
};

// `last_look`: why the target's last answer is missing.
Status WaitedTooLong(const SyncedTableView& view, std::int64_t version, const Status& last_look) {
  const std::string reflected =
      view.position ? "version " + std::to_string(view.position->version) : "nothing yet";
  Status late(ErrorClass::kDeadlineExceeded, view.definition.name() + " does not reflect version " +
                                                 std::to_string(version) +
                                                 " in time; it reflects " + reflected);
  if (!last_look.ok()) late = std::move(late).With("last_look", last_look.ToString());
  late = std::move(late).With("table", view.definition.name());
  if (view.last_run && !view.last_run->error.empty()) {
    return std::move(late)
        .With("last_run", view.last_run->id)
        .Mend("The last run failed: spillway runs show " + view.last_run->id);
  }
  return std::move(late).Mend("Sync it: spillway sync " + base::ShellWord(view.definition.name()));
}

}  // namespace

Result<std::vector<SyncOutcome>> SyncTables(const base::Context& context, World& world,
                                            const std::vector<std::string>& wanted,
                                            const SyncOptions& options, sync::EventSink* events,
                                            const std::function<void(const SyncOutcome&)>& each) {
  SPILLWAY_ASSIGN(const auto units, MakeUnits(context, world, wanted));
  std::vector<SyncOutcome> all;
  for (const Unit& unit : units) {
    std::vector<SyncOutcome> outcomes;
    if (unit.unknown) {
      outcomes.push_back(*unit.unknown);
    } else {
      outcomes = UnitSync(context, world, options, events).Perform(unit.tables);
    }
    for (SyncOutcome& outcome : outcomes) {
      each(outcome);
      all.push_back(std::move(outcome));
    }
    if (context.stop.stop_requested()) break;
  }
  return all;
}

Result<std::vector<BroughtAlong>> BringsAlong(const base::Context& context, World& world,
                                              const std::vector<std::string>& wanted) {
  SPILLWAY_ASSIGN(const auto units, MakeUnits(context, world, wanted));
  std::vector<BroughtAlong> all;
  for (const Unit& unit : units) {
    BroughtAlong along;
    for (const Candidate& candidate : unit.tables) {
      along.group = candidate.definition.group;
      along.target = candidate.definition.target;
      const bool comes = !candidate.wanted && !candidate.table.paused_at;
      if (comes) along.names.push_back(candidate.table.name());
    }
    if (!along.names.empty()) all.push_back(std::move(along));
  }
  return all;
}

std::vector<Explained> ExplainTables(const base::Context& context, World& world,
                                     const std::vector<std::string>& wanted,
                                     const SyncOptions& options) {
  std::vector<Explained> explained;
  const auto explain = [&](const state::SyncedTable& table) -> Result<sync::Plan> {
    SPILLWAY_ASSIGN(const sync::Definition definition, sync::DefinitionFromJson(table.definition));
    SPILLWAY_ASSIGN(sync::Environment environment,
                    MakeEnvironment(context, world, definition, nullptr));
    environment.deletes_allowed = options.deletes_allowed;
    return sync::Explain(context, definition, environment, options.rebuild);
  };
  std::set<std::string> taken;
  for (const std::string& word : wanted) {
    const auto selected = SelectSyncedTables(context, world.store(), {word});
    if (!selected.ok()) {
      explained.push_back({word, selected.status()});
      continue;
    }
    for (const state::SyncedTable& table : *selected) {
      if (taken.insert(table.id).second) explained.push_back({table.name(), explain(table)});
    }
  }
  return explained;
}

Result<std::int64_t> WaitForTable(const base::Context& context, World& world, std::string_view name,
                                  std::optional<std::int64_t> version,
                                  std::chrono::milliseconds timeout) {
  const base::Context bounded = context.Within(timeout);
  // Looks once, however short the wait.
  const base::Context first = context.Within(std::max(timeout, kFirstLook));
  SPILLWAY_ASSIGN(SyncedTableView view, GetSyncedTable(first, world, name, true));
  SPILLWAY_TRY(view.target_outcome);
  if (!version) {
    SPILLWAY_ASSIGN(const sync::Environment environment,
                    MakeEnvironment(first, world, view.definition, nullptr));
    SPILLWAY_ASSIGN(const lake::Location location, environment.resolve(view.definition.source));
    SPILLWAY_ASSIGN(const auto latest,
                    environment.lake->Open(first, location, lake::VersionSpec()));
    version = latest->position().version;
  }
  Status last_look;
  while (!view.position || view.position->version < *version) {
    if (Status slept = bounded.Sleep(kBetweenLooks); !slept.ok()) {
      const bool is_late = context.Check().ok() && bounded.deadline.expired();
      return is_late ? WaitedTooLong(view, *version, last_look) : slept;
    }
    SPILLWAY_ASSIGN(SyncedTableView now, GetSyncedTable(bounded, world, name, true));
    last_look = now.target_outcome;
    // A server that restarts is what one waits for too.
    const bool may_pass = last_look.ok() || last_look.code() == base::Code::kUnavailable ||
                          last_look.code() == base::Code::kThrottled || bounded.deadline.expired();
    if (!may_pass) return last_look;
    if (last_look.ok()) view = std::move(now);
  }
  return view.position->version;
}

}  // namespace spillway::service
