#ifndef SPILLWAY_BASE_FAILPOINT_H_
#define SPILLWAY_BASE_FAILPOINT_H_

#include <span>
#include <string_view>

#include "base/status.h"

namespace spillway::base {

/// Places where a test can make the engine fail, chosen by the environment variable
/// SPILLWAY_FAILPOINTS: `name=action[;name=action…]` with the actions `error` (always),
/// `error-once`, `kill` (SIGKILL to ourselves), `stop` (SIGSTOP to ourselves: the test changes the
/// world and sends SIGCONT), `sleep(ms)`, each optionally preceded by `N*` (act at the N-th passage
/// only; N from 1). Every passage that acts writes `failpoint NAME: ACTION` to stderr, so that a
/// test can prove that it fired. Builds without SPILLWAY_FAILPOINTS compile the
/// call away. Names are listed in failpoint.cc, so that a test can try them all.
std::span<const std::string_view> FailpointNames();

#if defined(SPILLWAY_FAILPOINTS)
/// ok, or class FAILPOINT when `name` is set to fail. Thread-safe.
Status Failpoint(std::string_view name);
#else
inline Status Failpoint(std::string_view) { return Status(); }
#endif

}  // namespace spillway::base

#endif  // SPILLWAY_BASE_FAILPOINT_H_
