#ifndef SPILLWAY_BASE_CHECK_H_
#define SPILLWAY_BASE_CHECK_H_

namespace spillway::base {

/// Writes the failed condition to stderr and aborts.
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);

}  // namespace spillway::base

/// Stops the process when one of our own invariants is broken. No input may reach one; it stays on
/// in release.
#define SPILLWAY_CHECK(condition)     \
  ((condition) ? static_cast<void>(0) \
               : ::spillway::base::CheckFailed(#condition, __FILE__, __LINE__))

#endif  // SPILLWAY_BASE_CHECK_H_
