#include "sync/table_run.h"

#include <chrono>
#include <functional>

#include "base/failpoint.h"
#include "sync/duplicates.h"
#include "sync/task.h"

namespace spillway::sync {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

// A run that somebody stops has this long to take its stage away, one that failed has longer; what
// they miss is found by its fence next time.
constexpr milliseconds kCleanUpAfterStop{800};
constexpr milliseconds kCleanUpAfterFailure{10'000};

constexpr double kAnyShare = 100;
// Another run may move the position between our observation and our fence, but not for ever.
constexpr int kMaxObservations = 3;

}  // namespace

base::Context TimeToCleanUp(const Status& cause) {
  const bool stopped = cause.code() == base::Code::kCancelled;
  return {base::Deadline::After(stopped ? kCleanUpAfterStop : kCleanUpAfterFailure), {}};
}

// Announces a phase and records how long it took.
class TableRun::Timed {
 public:
  Timed(TableRun* run, Phase phase) : run_(run), phase_(phase), start_(SteadyClock::now()) {
    run_->Tell(PhaseStarted{phase});
  }
  ~Timed() {
    const auto took = std::chrono::duration_cast<milliseconds>(SteadyClock::now() - start_);
    run_->report_.phases.emplace_back(phase_, took);
    run_->Tell(PhaseFinished{phase_, took});
  }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  TableRun* run_;
  Phase phase_;
  SteadyClock::time_point start_;
};

TableRun::TableRun(const base::Context& context, const Definition& definition,
                   const Environment& environment, const std::string& run_id, bool rebuild)
    : context_(definition.timeout.count() > 0 ? context.Within(definition.timeout) : context),
      definition_(definition),
      environment_(environment),
      rebuild_(rebuild) {
  report_.run_id = run_id;
}

TableRun::~TableRun() = default;

Result<bool> TableRun::Prepare() {
  SPILLWAY_TRY(Validate(definition_));
  SPILLWAY_ASSIGN(location_, environment_.resolve(definition_.source));
  {
    Timed phase(this, Phase::kObserve);
    SPILLWAY_TRY(ObserveWorld());
  }
  // What can be refused is refused before anything is written, the fence included.
  SPILLWAY_TRY(MakePlan());
  // A stage that a dead run left is removed under the next fence, though there is nothing to load.
  const bool idle = plan_.action == Action::kNothing;
  if (idle && !observation_.target.has_stages) return NothingToDo();
  bool observed_again = false;
  {
    Timed phase(this, Phase::kFence);
    auto hold = environment_.target->HoldTable(context_, definition_.table);
    if (!hold.ok()) {
      const bool at_work = hold.status().error_class() == ErrorClass::kRunInProgress;
      if (idle && at_work) return NothingToDo();  // the stage is that run's
      return std::move(hold).status();
    }
    hold_ = *std::move(hold);
    SPILLWAY_ASSIGN(observed_again, TakeFence());
  }
  {
    Timed phase(this, Phase::kPlan);
    SPILLWAY_TRY(base::Failpoint("plan"));
    if (observed_again) SPILLWAY_TRY(MakePlan());
  }
  if (plan_.action == Action::kNothing) return NothingToDo();
  if (const std::string& restored = observation_.target.restored; !restored.empty()) {
    Tell(Decision{"the target was restored, branched or failed over (" + restored +
                  "); continuing from version " + std::to_string(plan_.from_version.value_or(0))});
  }
  Tell(Decision{plan_.reason});
  if (!plan_.way_reason.empty()) Tell(Decision{plan_.way_reason});
  for (const std::string& warning : plan_.warnings) Tell(Warning{warning});
  {
    Timed phase(this, Phase::kLoad);
    SPILLWAY_TRY(LoadStage());
  }
  Timed phase(this, Phase::kIndex);
  SPILLWAY_TRY(BuildIndexes());
  return true;
}

void TableRun::CleanUp(const Status& cause, const base::Context& brief) {
  if (!stage_ || cause.error_class() == ErrorClass::kCommitUnknown) return;
  if (Status status = environment_.target->DropStage(brief, *stage_); !status.ok()) {
    Tell(Warning{"the stage " + stage_->table.ToString() +
                 " could not be removed now; the next sync removes it: " + status.ToString()});
  }
}

target::Publish TableRun::PublishRequest() const {
  target::Publish publish;
  publish.stage = *stage_;
  publish.way = plan_.way;
  publish.planned_from = planned_from_;
  publish.expected_rows = loaded_.rows;
  publish.expected_tasks = loaded_.tasks;
  publish.index = Index();
  publish.table_comment = observation_.source->description().description;
  publish.max_delete_percent =
      environment_.deletes_allowed ? kAnyShare : definition_.max_delete_percent;
  publish.max_rejected = definition_.max_rejected;
  publish.cascades_allowed = environment_.deletes_allowed;
  publish.lock_timeout = definition_.lock_timeout;
  target::PositionRow& position = publish.position;
  position.synced_table_id = definition_.id;
  position.table = definition_.table;
  position.source_position = observation_.source->position().document;
  position.version = observation_.source->position().version;
  position.definition_hash = RowHash(definition_);
  position.fence = fence_.number;
  position.run_id = report_.run_id;
  position.rows = report_.rows;
  position.committed_at = observation_.source->description().committed_at;
  return publish;
}

void TableRun::PublishStarts() { publish_ = std::make_unique<Timed>(this, Phase::kPublish); }

void TableRun::PublishEnds() { publish_.reset(); }

void TableRun::Note(const target::PublishedTable& published) {
  if (!published.reason.empty()) Tell(Decision{published.reason});
  report_.published = published;
}

Report TableRun::Finish() {
  report_.action = plan_.action;
  report_.reason = plan_.reason;
  report_.from_version = plan_.from_version;
  report_.to_version = plan_.to_version;
  report_.warnings = plan_.warnings;
  if (plan_.action == Action::kNothing) report_.rejected = observation_.target.rejected;
  return report_;
}

Result<bool> TableRun::NothingToDo() {
  SPILLWAY_TRY(CheckRejected(definition_, observation_.target));
  return false;
}

void TableRun::Tell(const Event& event) {
  if (environment_.events != nullptr) environment_.events->Receive(definition_.name(), event);
}

Status TableRun::ObserveWorld() {
  SPILLWAY_ASSIGN(observation_, Observe(context_, definition_, location_, *environment_.lake,
                                        *environment_.target, rebuild_, rebuild_));
  return Status();
}

Status TableRun::MakePlan() {
  SPILLWAY_ASSIGN(plan_, sync::MakePlan(definition_, observation_, environment_.limits, rebuild_));
  return Status();
}

std::string TableRun::ObservedPosition() const {
  const auto& position = observation_.target.position;
  return position ? position->source_position : std::string();
}

Result<bool> TableRun::TakeFence() {
  int attempt = 1;
  for (;; ++attempt) {
    SPILLWAY_TRY(base::Failpoint("fence.before"));
    SPILLWAY_ASSIGN(auto fenced, environment_.target->TakeFence(context_, definition_.id,
                                                                definition_.table, report_.run_id));
    fence_ = fenced.first;
    planned_from_ = fenced.second ? fenced.second->source_position : std::string();
    SPILLWAY_TRY(base::Failpoint("fence.after"));
    if (planned_from_ == ObservedPosition()) break;
    if (attempt >= kMaxObservations) {
      return Status(ErrorClass::kFenced,
                    "other runs keep moving the position of " + definition_.table.ToString())
          .With("table", definition_.table.ToString());
    }
    SPILLWAY_TRY(ObserveWorld());
  }
  SPILLWAY_ASSIGN(const std::vector<std::string> removed,
                  environment_.target->RemoveDeadStages(context_, definition_.id));
  for (const std::string& stage : removed) {
    Tell(Decision{"removed the stage of a run that had died: " + stage});
  }
  return attempt > 1;
}

Status TableRun::LoadStage() {
  SPILLWAY_ASSIGN(target::Stage stage,
                  environment_.target->CreateStage(context_, fence_, definition_.table,
                                                   plan_.columns, definition_.extra_columns));
  stage_ = std::move(stage);
  SPILLWAY_TRY(environment_.target->TryIndexes(context_, *stage_, Index()));
  LoadSpec spec;
  spec.prototype.source = definition_.source;
  spec.prototype.scan = observation_.scan.document;
  spec.prototype.options.key = plan_.key;
  spec.prototype.options.json_nonfinite_strings =
      definition_.json_nonfinite == JsonNonfinite::kString;
  spec.prototype.reject = definition_.on_bad_row == OnBadRow::kReject;
  spec.prototype.stage = *stage_;
  spec.prototype.read = plan_.read;
  spec.source = observation_.source.get();
  spec.scan = observation_.scan;
  spec.plan = &plan_;
  spec.retries = definition_.retries;
  spec.environment.lake = environment_.lake;
  spec.environment.target = environment_.target;
  spec.environment.resolve = environment_.resolve;
  spec.environment.max_rejected = definition_.max_rejected;
  if (plan_.registered_keys > 0) {
    keys_ = std::make_unique<target::KeyRegister>(plan_.registered_keys,
                                                  std::hash<std::string>()(report_.run_id));
    spec.environment.keys = keys_.get();
  }
  SPILLWAY_ASSIGN(loaded_,
                  Load(context_, std::move(spec), [this](const Event& event) { Tell(event); }));
  report_.rows = loaded_.rows;
  report_.rejected = loaded_.rejected;
  report_.bytes = loaded_.bytes;
  report_.bottleneck = loaded_.bottleneck;
  return Status();
}

Status TableRun::BuildIndexes() {
  DuplicateSearch search;
  search.lake = environment_.lake;
  search.target = environment_.target;
  search.source = observation_.source.get();
  search.location = location_;
  search.scan = observation_.scan;
  search.plan = &plan_;
  search.stage = *stage_;
  search.key = plan_.key;
  search.columns = plan_.key;
  const std::string& timeseries = observation_.timeseries_key;
  if (!timeseries.empty()) search.columns.push_back(timeseries);
  search.max_rejected = definition_.max_rejected;
  search.rejected = loaded_.rejected;
  search.keys = keys_.get();
  SPILLWAY_ASSIGN(const KeyOutcome outcome,
                  BuildKeyAndIndexes(context_, search, Index(), timeseries,
                                     definition_.on_bad_row == OnBadRow::kReject));
  report_.superseded = outcome.superseded;
  report_.rows -= outcome.superseded + outcome.rejected;
  report_.rejected += outcome.rejected;
  return Status();
}

target::IndexSpec TableRun::Index() const { return {plan_.key, definition_.indexes}; }

}  // namespace spillway::sync
