#include "target/postgres/session/session.h"

#include <utility>

#include "target/postgres/session/connection.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

// What is carried through a swap is read from catalogs as they are since then.
constexpr std::int32_t kOldestServer = 150000;

Status SetPins(const Context& context, Connection& connection, std::int32_t server_version,
               std::chrono::milliseconds lock_timeout) {
  Sql pins;
  pins << "SET quote_all_identifiers = off; SET search_path = pg_catalog, pg_temp;"
       << " SET row_security = off;"
       << " SET default_transaction_isolation = 'read committed';"
       << " SET default_transaction_read_only = off; SET default_transaction_deferrable = off;"
       << " SET DateStyle = 'ISO, MDY'; SET TimeZone = 'UTC'; SET IntervalStyle = 'postgres';"
       << " SET extra_float_digits = 1; SET bytea_output = 'hex';"
       << " SET client_encoding = 'UTF8'; SET standard_conforming_strings = on;"
       << " SET transform_null_equals = off; SET array_nulls = on;"
       << " SET client_min_messages = 'error'; SET statement_timeout = 0;"
       << " SET idle_in_transaction_session_timeout = '5min';"
       << " SET default_table_access_method = 'heap';"
       // Compiling a statement over the catalogs takes longer than running it, also under locks.
       << " SET jit = off;"
       << " SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10;"
       << " SET tcp_keepalives_count = 3; SET idle_session_timeout = 0; SET lock_timeout = "
       << Literal(lock_timeout.count()) << ";";
  if (server_version >= 170000) pins << " SET transaction_timeout = 0;";
  pins << " SELECT set_config('synchronous_commit', 'on', false)"
       << " WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')";
  // Lets the server notice a lost client while it works. Some platforms cannot and refuse the
  // value.
  Status pinned =
      connection.Execute(context, Sql(pins) << "; SET client_connection_check_interval = '1s'");
  if (pinned.detail("sqlstate") == "22023") pinned = connection.Execute(context, pins);
  return std::move(pinned).While("pin the session's settings");
}

}  // namespace

Result<SessionFacts> PinSession(const Context& context, Connection& connection,
                                const Greeting& greeting, std::chrono::milliseconds lock_timeout) {
  SessionFacts facts;
  facts.server_version = greeting.server_version;
  if (facts.server_version < kOldestServer) {
    return Status(ErrorClass::kTargetUnsuitable, "the server is PostgreSQL " +
                                                     std::to_string(facts.server_version / 10000) +
                                                     "; the oldest that Spillway works with is " +
                                                     std::to_string(kOldestServer / 10000))
        .Mend("Upgrade the server.")
        .With("server_version", std::to_string(facts.server_version));
  }
  SPILLWAY_TRY(SetPins(context, connection, facts.server_version, lock_timeout));

  Sql query;
  query << "SELECT pg_backend_pid(), pg_is_in_recovery(), getdatabaseencoding(),"
        << " current_database(), current_user, current_setting('search_path'),"
        << " current_setting('session_replication_role'),"
        << " (SELECT a.backend_start FROM pg_stat_get_activity(pg_backend_pid()) AS a)";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, query));
  facts.backend_pid = static_cast<int>(rows.number(0, 0));
  facts.in_recovery = rows.boolean(0, 1);
  facts.encoding = rows.text(0, 2);
  facts.database = rows.text(0, 3);
  facts.user = rows.text(0, 4);
  facts.backend_start = rows.text(0, 7);
  facts.through_proxy = facts.backend_pid != greeting.backend_pid;
  if (rows.text(0, 5) != "pg_catalog, pg_temp") {
    return Status(ErrorClass::kTargetUnsuitable,
                  "session settings do not last from one transaction to the next: a pooler in "
                  "transaction mode is in the way")
        .Mend("Connect to PostgreSQL directly, or to a pool in session mode.");
  }
  if (rows.text(0, 6) != "origin") {
    return Status(ErrorClass::kTargetUnsuitable,
                  "session_replication_role is " + std::string(rows.text(0, 6)) +
                      " for this role, so that constraints would not be checked")
        .Mend("Reset it: ALTER ROLE … RESET session_replication_role.");
  }
  Sql system;
  system << "SELECT system_identifier FROM pg_control_system()";
  auto identifier = connection.Query(context, system);
  if (identifier.ok()) {
    facts.system_identifier = identifier->text(0, 0);
  } else if (identifier.status().detail("sqlstate") != "42501") {
    return std::move(identifier).status();
  }
  return facts;
}

}  // namespace spillway::target::postgres
