#ifndef SPILLWAY_SYNC_PLAN_H_
#define SPILLWAY_SYNC_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "lake/lake.h"
#include "sync/definition.h"
#include "sync/observe.h"
#include "target/publish.h"

namespace spillway::sync {

enum class Action : std::uint8_t {
  kNothing,    ///< the target reflects the source already
  kFirstLoad,  ///< fill a new table and publish it
  kRebuild,    ///< fill a table beside the old one and swap it in
  kApply,      ///< fill a table beside the old one and write what differs into the old one
};
std::string_view Name(Action action);

/// What one process may use.
struct Limits {
  std::int64_t memory_bytes = std::int64_t{512} << 20;
  std::int32_t cores = 1;
};

/// A way to the same rows that a plan does not take.
struct OtherWay {
  std::string way;   ///< as Name(Action) writes it, or the verb that takes it
  std::string cost;  ///< what it would read and write instead, or why it is impossible; for people
};

/// What the next sync does and why: a value, made without I/O, printed by explain and performed by
/// the runner.
struct Plan {
  Action action = Action::kNothing;
  std::string reason;
  std::optional<lake::Version> from_version;  ///< what the target reflects now
  lake::Version to_version = 0;
  std::int64_t estimated_bytes = 0;
  std::optional<std::int64_t> estimated_rows;  ///< before the row predicate
  std::int64_t files = 0;
  target::PublishWay way = target::PublishWay::kSwap;
  std::string way_reason;  ///< what decided it; empty when there is no old table
  std::vector<OtherWay> other_ways;
  std::vector<target::Column> columns;
  std::vector<std::string> key;
  std::int32_t connections = 1;
  std::int64_t split_bytes = 0;  ///< files above this are read in parts
  std::int64_t task_bytes = 0;   ///< small splits share a task up to this
  lake::ReadOptions read;
  /// Keys that are remembered while loading, so that duplicates are rejected without building the
  /// key twice; 0: none, the target's key finds them.
  std::int64_t registered_keys = 0;
  std::vector<std::string> warnings;
};

/// TOO_MANY_REJECTED when the target has more rejected rows outstanding than the definition's
/// max_rejected allows, which may have been lowered since they were rejected.
base::Status CheckRejected(const Definition& definition, const target::TableState& state);

/// What to say of a plan whose deletes max_delete_share will not allow, as far as the counts tell
/// before anything is read; empty: nothing.
std::string ForeseeDeletes(const Definition& definition, const target::TableState& state,
                           const Plan& plan);

/// Decides. Errors: ALREADY_EXISTS, TARGET_CHANGED, INVALID_DEFINITION, each before anything was
/// written. `rebuild` demands a load even when nothing changed (resync).
base::Result<Plan> MakePlan(const Definition& definition, const Observation& observation,
                            const Limits& limits, bool rebuild);

}  // namespace spillway::sync

#endif  // SPILLWAY_SYNC_PLAN_H_
