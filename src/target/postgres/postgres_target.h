#ifndef SPILLWAY_TARGET_POSTGRES_POSTGRES_TARGET_H_
#define SPILLWAY_TARGET_POSTGRES_POSTGRES_TARGET_H_

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "target/target.h"

namespace spillway::target::postgres {

/// How to reach a PostgreSQL database that holds synced tables.
struct PostgresOptions {
  /// URL or conninfo string with any libpq option: TLS, service, passfile, several hosts …
  std::string url{};
  /// Takes precedence over the URL's; empty: from the URL, PGPASSWORD or the password file.
  base::Secret password{};
  /// Connections at a time, at least 1: one for each task being written, and one more in passing.
  int max_connections = 8;
  std::string application_name = "spillway";
  std::chrono::milliseconds connect_timeout{15000};
  /// Of each lock that a statement waits for; a publish has its own.
  std::chrono::milliseconds lock_timeout{30000};
};

/// A target in PostgreSQL 15 or later (tested with 15 and 18). Connects when first used. Errors:
/// INVALID_ARGUMENT for options that cannot be.
base::Result<std::unique_ptr<Target>> OpenPostgresTarget(PostgresOptions options);

/// Whether a synced table may have this name on any server, which is not asked. Errors:
/// IDENTIFIER_COLLISION; INVALID_ARGUMENT for the server's schemas and Spillway's own.
base::Status CheckTableName(const TableName& table);

/// Whether `type`, an override, is one that columns can have on some server, which is not asked.
/// Errors: INVALID_DEFINITION.
base::Status CheckTypeName(std::string_view type);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_POSTGRES_TARGET_H_
