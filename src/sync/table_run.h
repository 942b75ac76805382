#ifndef SPILLWAY_SYNC_TABLE_RUN_H_
#define SPILLWAY_SYNC_TABLE_RUN_H_

#include <memory>
#include <optional>
#include <string>

#include "base/context.h"
#include "base/result.h"
#include "lake/lake.h"
#include "sync/definition.h"
#include "sync/event.h"
#include "sync/loader.h"
#include "sync/observe.h"
#include "sync/plan.h"
#include "sync/run.h"
#include "target/key_register.h"
#include "target/target.h"

namespace spillway::sync {

/// The time to clean up after `cause`, from now on; all runs of a group share one.
base::Context TimeToCleanUp(const base::Status& cause);

/// One attempt at a sync of one table: Prepare, then either Finish, or PublishRequest, a publish
/// and Finish. CleanUp after an error of either. Used by one thread.
class TableRun {
 public:
  /// Everything is borrowed and outlives the run.
  TableRun(const base::Context& context, const Definition& definition,
           const Environment& environment, const std::string& run_id, bool rebuild);
  ~TableRun();
  TableRun(const TableRun&) = delete;
  TableRun& operator=(const TableRun&) = delete;

  /// Everything before the publish. False when nothing is to be published. Errors: those of all
  /// phases; no stage of an earlier run is left then, one of this may be.
  base::Result<bool> Prepare();
  /// Takes the stage away after a failure, within `brief` (TimeToCleanUp). After an unknown commit
  /// nothing is deleted.
  void CleanUp(const base::Status& cause, const base::Context& brief);

  /// What the target is to publish. REQUIRES: Prepare returned true.
  target::Publish PublishRequest() const;
  /// Around the publish, which is timed.
  void PublishStarts();
  void PublishEnds();
  /// What the publish did to the table.
  void Note(const target::PublishedTable& published);

  /// What the run did, or had done when it failed.
  const Report& report() const { return report_; }
  /// The whole report of a run that succeeded.
  Report Finish();

  /// The caller's context within the definition's timeout.
  const base::Context& context() const { return context_; }
  const target::TableName& table() const { return definition_.table; }

 private:
  class Timed;

  /// False, unless more rows than the definition allows are left out of what is published.
  base::Result<bool> NothingToDo();
  void Tell(const Event& event);
  base::Status ObserveWorld();
  base::Status MakePlan();
  std::string ObservedPosition() const;
  /// After the fence the position can only be moved by us; if it moved before, the world is
  /// observed again, and the result is true.
  base::Result<bool> TakeFence();
  base::Status LoadStage();
  base::Status BuildIndexes();
  target::IndexSpec Index() const;

  const base::Context context_;
  const Definition& definition_;
  const Environment& environment_;
  const bool rebuild_;
  lake::Location location_;
  Observation observation_;
  Plan plan_;
  std::unique_ptr<target::TableHold> hold_;
  target::Fence fence_;
  std::string planned_from_;
  std::optional<target::Stage> stage_;
  std::unique_ptr<target::KeyRegister> keys_;
  Loaded loaded_;
  Report report_;
  std::unique_ptr<Timed> publish_;
};

}  // namespace spillway::sync

#endif  // SPILLWAY_SYNC_TABLE_RUN_H_
