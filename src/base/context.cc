#include "base/context.h"

#include <algorithm>

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

Context Context::Within(Deadline::Clock::duration duration) const {
  return Context{Deadline::Earlier(deadline, Deadline::After(duration)), stop};
}

}  // namespace spillway::base
