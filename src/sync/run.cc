#include "sync/run.h"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/shell_word.h"
#include "sync/observe.h"
#include "sync/table_run.h"

namespace spillway::sync {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

// The error of a sync of `definition`: where its mend says NAME, as the classes' own do, the
// table's or the target's.
Status NamingTable(Status error, const Definition& definition) {
  const auto commands = std::to_array<std::pair<std::string_view, std::string>>(
      {{"spillway sync ", definition.name()},
       {"spillway synced-table alter ", definition.name()},
       {"spillway target test ", definition.target}});
  constexpr std::string_view kPlaceholder = "NAME";
  std::string mend(error.mend());
  for (const auto& [command, name] : commands) {
    const auto at = mend.find(std::string(command) + std::string(kPlaceholder));
    if (at == std::string::npos) continue;
    mend.replace(at + command.size(), kPlaceholder.size(), base::ShellWord(name));
    return std::move(error).Mend(std::move(mend));
  }
  return error;
}

// The tables of one publish: all are prepared, then all are published in one transaction.
class Together {
 public:
  Together(const base::Context& context, const std::vector<Member>& members,
           const Environment& environment, bool rebuild)
      : context_(context), members_(members), environment_(environment), rebuild_(rebuild) {}

  std::vector<Outcome> Perform() {
    Status failure;
    std::optional<std::size_t> culprit;  // whose failure it is; absent: everybody's alike
    for (std::size_t i = 0; i < members_.size() && failure.ok(); ++i) {
      failure = Prepare(members_[i]);
      if (!failure.ok()) culprit = i;
    }
    if (failure.ok()) {
      failure = Publish();
      if (!failure.ok()) culprit = MemberOf(failure.detail("table"));
    }
    const base::Context brief = TimeToCleanUp(failure);
    std::vector<Outcome> outcomes;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      Outcome& outcome = outcomes.emplace_back();
      outcome.report.run_id = members_[i].run_id;
      if (failure.ok()) {
        outcome.report = runs_[i]->Finish();
        continue;
      }
      outcome.status =
          !culprit || i == *culprit
              ? NamingTable(failure, *members_[i].definition)
              : GroupNotPublished(*members_[i].definition, *members_[*culprit].definition);
      if (i >= runs_.size()) continue;
      runs_[i]->CleanUp(failure, brief);
      outcome.report = runs_[i]->report();
    }
    return outcomes;
  }

 private:
  Status Prepare(const Member& member) {
    Result<bool> prepared = Attempt(member);
    if (!prepared.ok() && prepared.status().error_class() == ErrorClass::kDataFileMissing) {
      // A planned file that is gone may only mean that the version was cleaned up meanwhile: plan
      // once more.
      if (environment_.events != nullptr) {
        environment_.events->Receive(member.definition->name(),
                                     Retry{"the sync", prepared.status()});
      }
      runs_.back()->CleanUp(prepared.status(), TimeToCleanUp(prepared.status()));
      runs_.pop_back();
      prepared = Attempt(member);  // with a stage of its own
    }
    if (!prepared.ok()) return std::move(prepared).status();
    staged_.push_back(*prepared);
    return Status();
  }

  Result<bool> Attempt(const Member& member) {
    runs_.push_back(std::make_unique<TableRun>(context_, *member.definition, environment_,
                                               member.run_id, rebuild_));
    return runs_.back()->Prepare();
  }

  Status Publish() {
    std::vector<TableRun*> runs;
    std::vector<target::Publish> publishes;
    base::Context context = context_;
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      if (!staged_[i]) continue;
      runs.push_back(runs_[i].get());
      publishes.push_back(runs_[i]->PublishRequest());
      context.deadline = base::Deadline::Earlier(context.deadline, runs_[i]->context().deadline);
    }
    if (publishes.empty()) return Status();
    for (TableRun* run : runs) run->PublishStarts();
    const Result<target::Published> published =
        environment_.target->PublishStages(context, publishes);
    for (TableRun* run : runs) run->PublishEnds();
    if (!published.ok()) return published.status();
    std::string tables;  // an outcome is that of all of them
    for (const TableRun* run : runs)
      tables += (tables.empty() ? "" : ", ") + run->table().ToString();
    switch (published->outcome) {
      case target::CommitOutcome::kCommitted:
        for (std::size_t i = 0; i < runs.size(); ++i) runs[i]->Note(published->tables[i]);
        return Status();
      case target::CommitOutcome::kRejected:
        return Status(ErrorClass::kFenced, "the publish was rejected: a newer run holds " + tables)
            .With(runs.size() == 1 ? "table" : "tables", tables);
      case target::CommitOutcome::kUnknown:
        return Status(ErrorClass::kCommitUnknown,
                      "whether the publish committed could not be found out: " + tables)
            .With(runs.size() == 1 ? "table" : "tables", tables);
    }
    return Status();
  }

  // Which member's target table that is.
  std::optional<std::size_t> MemberOf(std::string_view table) const {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (members_[i].definition->table.ToString() == table) return i;
    }
    return std::nullopt;
  }

  const base::Context& context_;
  const std::vector<Member>& members_;
  const Environment& environment_;
  const bool rebuild_;
  std::vector<std::unique_ptr<TableRun>> runs_;
  std::vector<bool> staged_;
};

}  // namespace

Status GroupNotPublished(const Definition& member, const Definition& failed) {
  return Status(ErrorClass::kGroupNotPublished, member.name() + " was not published, because " +
                                                    failed.name() + " of its group failed")
      .With("table", member.name())
      .With("group", member.group)
      .With("failed", failed.name());
}

Result<Plan> Explain(const base::Context& context, const Definition& definition,
                     const Environment& environment, bool rebuild) {
  SPILLWAY_ASSIGN(const lake::Location location, environment.resolve(definition.source));
  const bool key_may_change = rebuild || environment.key_decided_later;
  SPILLWAY_ASSIGN(Observation observation, Observe(context, definition, location, *environment.lake,
                                                   *environment.target, rebuild, key_may_change));
  if (environment.take_over) observation.target.owned_by_id = definition.id;
  SPILLWAY_ASSIGN(Plan plan, MakePlan(definition, observation, environment.limits, rebuild));
  if (const Status key = CheckSourceKey(definition, observation);
      !key.ok() && !rebuild && plan.action != Action::kNothing) {
    plan.warnings.push_back("the next sync stops and asks: " + std::string(key.message()));
  }
  std::string deletes;
  if (!environment.deletes_allowed) {
    deletes = ForeseeDeletes(definition, observation.target, plan);
  }
  if (!deletes.empty()) plan.warnings.push_back(std::move(deletes));
  return plan;
}

std::vector<Outcome> SyncTogether(const base::Context& context, const std::vector<Member>& members,
                                  const Environment& environment, bool rebuild) {
  return Together(context, members, environment, rebuild).Perform();
}

}  // namespace spillway::sync
