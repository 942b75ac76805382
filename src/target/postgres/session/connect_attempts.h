#ifndef SPILLWAY_TARGET_POSTGRES_SESSION_CONNECT_ATTEMPTS_H_
#define SPILLWAY_TARGET_POSTGRES_SESSION_CONNECT_ATTEMPTS_H_

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

/// Which connections are tried for a connection string. Pure, but for libpq's own reading of the
/// environment and service files.
namespace spillway::target::postgres {

/// How to reach a server.
struct ConnectOptions {
  std::string
      url;  ///< a URL or conninfo string with any libpq option; may be empty (PG* variables)
  base::Secret password{};  ///< empty: from the URL, PGPASSWORD or the password file
  std::string application_name = "spillway";  ///< when the URL has none
  std::chrono::milliseconds connect_timeout{15000};
  std::chrono::milliseconds lock_timeout{30000};  ///< of each lock that a statement waits for
};

/// libpq's connection options with their values; a later one overrides an earlier one.
using Keywords = std::vector<std::pair<std::string, std::string>>;

/// One thing to try.
struct ConnectAttempt {
  Keywords keywords;
  std::string host;  ///< a name to be resolved first; empty: there is none, or libpq resolves it
};

/// What is tried, in this order, until one answers.
struct ConnectAttempts {
  std::vector<ConnectAttempt> list;   ///< at least one
  std::chrono::milliseconds timeout;  ///< of each attempt; what the string says goes first
};

/// The attempts for `options`: one for each of several hosts, which libpq itself would bound in
/// time only when it blocks; one in all when libpq must look at every host to choose. Errors:
/// INVALID_ARGUMENT for an unreadable string.
base::Result<ConnectAttempts> PlanAttempts(const ConnectOptions& options);

/// Adds the addresses of `attempt.host`, which libpq tries in their order.
void AddAddresses(const std::vector<std::string>& addresses, ConnectAttempt* attempt);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_SESSION_CONNECT_ATTEMPTS_H_
