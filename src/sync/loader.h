#ifndef SPILLWAY_SYNC_LOADER_H_
#define SPILLWAY_SYNC_LOADER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "sync/event.h"
#include "sync/plan.h"
#include "sync/task.h"

namespace spillway::sync {

/// What a load put into the stage.
struct Loaded {
  std::int64_t tasks = 0;
  std::int64_t rows = 0;
  std::int64_t rejected = 0;
  std::int64_t bytes = 0;
  Bottleneck bottleneck = Bottleneck::kNone;
};

/// How a load is performed.
struct LoadSpec {
  Task prototype;  ///< every task but its id and splits
  const lake::Table* source = nullptr;
  lake::Scan scan;
  const Plan* plan = nullptr;
  std::int32_t retries = 0;  ///< of one task, for errors that may pass
  TaskEnvironment environment;
};

/// The tasks of a load, one after another, in the order of the listing: an equal plan gives equal
/// tasks. `take` gets each task's number and splits, and returns whether it wants more.
base::Status ListTasks(
    const base::Context& context, const lake::Table& source, const lake::Scan& scan,
    const Plan& plan,
    const std::function<bool(std::int64_t number, std::vector<std::string> splits)>& take);

/// Plans tasks while worker threads run them: splits are listed on one thread, at most a few tasks
/// wait, so memory does not grow with the number of files. The first error stops all workers; it is
/// what is returned. `report` receives progress and retries on the calling thread.
base::Result<Loaded> Load(const base::Context& context, LoadSpec spec,
                          const std::function<void(const Event&)>& report);

}  // namespace spillway::sync

#endif  // SPILLWAY_SYNC_LOADER_H_
