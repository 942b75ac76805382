#ifndef SPILLWAY_TARGET_POSTGRES_SESSION_SESSION_H_
#define SPILLWAY_TARGET_POSTGRES_SESSION_SESSION_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "base/context.h"
#include "base/result.h"

/// The settings that Spillway fixes in every session, so that those of a role or database change
/// nothing of what it does, and the facts that a session tells of its server.
namespace spillway::target::postgres {

class Connection;

/// Facts of a session, read when it was opened.
struct SessionFacts {
  std::int32_t server_version = 0;  ///< as server_version_num
  int backend_pid = 0;              ///< of the server process itself
  std::string backend_start;        ///< of that process, as the server writes it
  bool in_recovery = false;
  std::string encoding;
  std::string database;
  std::string user;               ///< whose rights count: current_user
  std::string system_identifier;  ///< of the cluster; empty when the role may not know it
  bool through_proxy = false;     ///< the process that answers is not the one that greeted
};

/// Who greeted a new connection, before any statement.
struct Greeting {
  std::int32_t server_version = 0;  ///< as server_version_num
  int backend_pid = 0;              ///< as the one that greeted gives it
};

/// Pins the settings of the new session `connection` and reads its facts. Blocks. Errors:
/// TARGET_UNSUITABLE for a server before 15 or settings that cannot be pinned; those of a
/// statement.
base::Result<SessionFacts> PinSession(const base::Context& context, Connection& connection,
                                      const Greeting& greeting,
                                      std::chrono::milliseconds lock_timeout);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_SESSION_SESSION_H_
