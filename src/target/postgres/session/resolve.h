#ifndef SPILLWAY_TARGET_POSTGRES_SESSION_RESOLVE_H_
#define SPILLWAY_TARGET_POSTGRES_SESSION_RESOLVE_H_

#include <string>
#include <vector>

#include "base/context.h"
#include "base/result.h"

/// The system's resolver, bounded in time: libpq asks it itself and then waits for name servers
/// that do not answer. Any thread.
namespace spillway::target::postgres {

/// The addresses of the host named `host`, as numbers, in the order in which they are to be tried.
/// Blocks. Errors: CONNECTION_ERROR when the name has none or nobody knows it; CANCELLED and
/// DEADLINE_EXCEEDED of `context`, at once.
base::Result<std::vector<std::string>> ResolveHost(const base::Context& context,
                                                   const std::string& host);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_SESSION_RESOLVE_H_
