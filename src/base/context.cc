#include "base/context.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/result.h"

namespace spillway::base {

std::optional<std::chrono::milliseconds> Deadline::Remaining() const {
  if (!at_) return std::nullopt;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*at_ - Clock::now());
  return std::max(left, std::chrono::milliseconds(0));
}

Deadline Deadline::Earlier(const Deadline& a, const Deadline& b) {
  if (!a.at_) return b;
  if (!b.at_) return a;
  return *a.at_ <= *b.at_ ? a : b;
}

Status Context::Check() const {
  if (stop.stop_requested()) return Status(ErrorClass::kCancelled, "interrupted");
  if (deadline.expired()) return Status(ErrorClass::kDeadlineExceeded, "the time allowed is over");
  return Status();
}

Status Context::Sleep(std::chrono::milliseconds duration) const {
  SPILLWAY_TRY(Check());
  if (const auto left = deadline.Remaining(); left) duration = std::min(duration, *left);
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, duration, [] { return false; });
  return Check();
}

Context Context::Within(Deadline::Clock::duration duration) const {
  return Context{Deadline::Earlier(deadline, Deadline::After(duration)), stop};
}

}  // namespace spillway::base
