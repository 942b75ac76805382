#ifndef SPILLWAY_BASE_CONTEXT_H_
#define SPILLWAY_BASE_CONTEXT_H_

#include <chrono>
#include <optional>
#include <stop_token>

#include "base/status.h"

namespace spillway::base {

/// A moment of the steady clock after which waiting is pointless.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;
  /// Never.
  Deadline() = default;
  static Deadline After(Clock::duration duration) { return Deadline(Clock::now() + duration); }

  bool is_infinite() const { return !at_.has_value(); }
  bool expired() const { return at_ && Clock::now() >= *at_; }
  /// Time left, never negative; nullopt for an infinite deadline.
  std::optional<std::chrono::milliseconds> Remaining() const;
  /// The nearer of two.
  static Deadline Earlier(const Deadline& a, const Deadline& b);

 private:
  explicit Deadline(Clock::time_point at) : at_(at) {}
  std::optional<Clock::time_point> at_;
};

/// What bounds a call that may block: a deadline and the caller's wish to stop. Copied freely.
struct Context {
  Deadline deadline;
  std::stop_token stop;

  /// Cancelled, DeadlineExceeded or ok.
  Status Check() const;
  /// Waits for `duration`; returns early with the context's error at a stop or the deadline.
  Status Sleep(std::chrono::milliseconds duration) const;
  /// This context with a deadline no later than `duration` from now.
  Context Within(Deadline::Clock::duration duration) const;
};

}  // namespace spillway::base

#endif  // SPILLWAY_BASE_CONTEXT_H_
