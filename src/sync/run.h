#ifndef SPILLWAY_SYNC_RUN_H_
#define SPILLWAY_SYNC_RUN_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "lake/lake.h"
#include "sync/definition.h"
#include "sync/event.h"
#include "sync/plan.h"
#include "target/target.h"

namespace spillway::sync {

/// The world that a run acts on. Pointers are borrowed and outlive the run.
struct Environment {
  lake::Lake* lake = nullptr;
  target::Target* target = nullptr;
  /// Turns a source reference (Definition::source) into a location with credentials; called from
  /// worker threads.
  std::function<base::Result<lake::Location>(const std::string& source)> resolve;
  EventSink* events = nullptr;
  Limits limits;
  bool take_over = false;  ///< Explain: a table that is not ours is about to be made ours
  /// Explain: a key that the source changed is a warning, not CHANGED_PRIMARY_KEY.
  bool key_decided_later = false;
  /// The user has consented to what max_delete_share would stop, and to deletes that cascade.
  bool deletes_allowed = false;
};

/// What a run did.
struct Report {
  std::string run_id;
  Action action = Action::kNothing;
  std::string reason;
  std::optional<lake::Version> from_version;
  lake::Version to_version = 0;
  std::int64_t rows = 0;        ///< in the published table
  std::int64_t rejected = 0;    ///< outstanding rejected rows
  std::int64_t superseded = 0;  ///< rows that a greater timeseries key won over
  std::int64_t bytes = 0;
  std::vector<std::pair<Phase, std::chrono::milliseconds>> phases;
  Bottleneck bottleneck = Bottleneck::kNone;
  target::PublishedTable published;  ///< meaningful unless action is kNothing
  std::vector<std::string> warnings;
};

/// What became of a run.
struct Outcome {
  base::Status status;
  /// When status is an error: of what it had done, `run_id`, `phases` (the last is where it failed)
  /// and `bottleneck`.
  Report report;
};

/// A table of a sync and its run. The definition is borrowed and outlives the call.
struct Member {
  const Definition* definition = nullptr;
  std::string run_id;  ///< unique among runs
};

/// GROUP_NOT_PUBLISHED: `member` waits for `failed`, which is of its group.
base::Status GroupNotPublished(const Definition& member, const Definition& failed);

/// What the next sync would do; reads only.
base::Result<Plan> Explain(const base::Context& context, const Definition& definition,
                           const Environment& environment, bool rebuild);

/// One sync of tables of one target that belong together (or of one): observe, fence, plan, load,
/// index each, then publish all that have changed in one transaction, or none. Old data is served
/// until the publish commits; on any error or stop nothing of a run remains but its fence. One
/// outcome a member, in their order; when one fails the others are GROUP_NOT_PUBLISHED, naming it.
/// `rebuild` loads even when nothing changed. REQUIRES: at least one member, each of another table.
std::vector<Outcome> SyncTogether(const base::Context& context, const std::vector<Member>& members,
                                  const Environment& environment, bool rebuild);

}  // namespace spillway::sync

#endif  // SPILLWAY_SYNC_RUN_H_
