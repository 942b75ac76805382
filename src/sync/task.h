#ifndef SPILLWAY_SYNC_TASK_H_
#define SPILLWAY_SYNC_TASK_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "lake/lake.h"
#include "target/target.h"

namespace spillway::sync {

/// A repeatable unit of a load: some splits that go into a stage in one transaction. Plain data in
/// a versioned format (docs/formats/task.md), deterministic: an equal plan gives equal bytes and
/// ids. It carries no secret and no path of the coordinator's disk but the source's own URL.
struct Task {
  std::string id;      ///< unique within the run
  std::string source;  ///< reference that the worker resolves to a location
  std::string scan;    ///< lake::Scan::document
  std::vector<std::string> splits;
  target::TaskOptions options;
  bool reject = false;  ///< rows that cannot be stored are rejected; else the task fails
  target::Stage stage;
  lake::ReadOptions read;

  std::string Serialize() const;
  /// Errors: INVALID_ARGUMENT for bytes that are not a task of this format version.
  static base::Result<Task> Parse(std::string_view bytes);
};

/// Counters that workers raise and the progress display reads.
struct LoadCounters {
  std::atomic<std::int64_t> rows{0};
  std::atomic<std::int64_t> bytes{0};
  std::atomic<std::int64_t> tasks{0};
  std::atomic<std::int64_t> rejected{0};
  std::atomic<std::int64_t> source_nanoseconds{0};  ///< waiting for and decoding the source
  std::atomic<std::int64_t> target_nanoseconds{0};  ///< waiting for the target to take bytes
  std::atomic<std::int64_t> busy_nanoseconds{0};    ///< everything a worker did
};

/// What a worker has at hand. Nothing in it belongs to a coordinator's run.
struct TaskEnvironment {
  lake::Lake* lake = nullptr;
  target::Target* target = nullptr;
  /// Turns a task's source reference into a location with credentials.
  std::function<base::Result<lake::Location>(const std::string& source)> resolve;
  LoadCounters* counters = nullptr;  ///< may be null
  /// A task fails with TOO_MANY_REJECTED once the counters show more rejected rows.
  std::optional<std::int64_t> max_rejected = std::nullopt;
  /// Lets tasks that reject hold back rows of a key that another row has; may be null: then the
  /// target's key finds them.
  target::KeyRegister* keys = nullptr;
};

/// Reads the task's splits and commits their rows, and those that it rejects, together with the
/// task's id. Safe to repeat, doubt and run late: the rows are added at most once, and never to a
/// stage whose fence is old. Where a bad row lies is looked up by a second, much cheaper read of
/// its split, so a task without one pays nothing. A task that may not reject fails with up to ten
/// of its bad rows (target::BadRowsError).
base::Result<target::TaskResult> RunTask(const base::Context& context, std::string_view bytes,
                                         const TaskEnvironment& environment);

}  // namespace spillway::sync

#endif  // SPILLWAY_SYNC_TASK_H_
