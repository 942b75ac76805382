#include "target/postgres/pause.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace spillway::target::postgres {

base::Status Pause(const base::Context& context, std::chrono::milliseconds duration) {
  SPILLWAY_TRY(context.Check());
  if (const auto left = context.deadline.Remaining(); left) duration = std::min(duration, *left);
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, context.stop, duration, [] { return false; });
  return context.Check();
}

}  // namespace spillway::target::postgres
