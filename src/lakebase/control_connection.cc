#include "lakebase/control_connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <array>
#include <memory>
#include <string_view>

#include "lakebase/process.h"

namespace spillway::lakebase {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

constexpr int kSliceMilliseconds = 20;

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using Connection = std::unique_ptr<PGconn, Finish>;

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ServerResult = std::unique_ptr<PGresult, Clear>;

std::string Trimmed(const char* text) {
  std::string words(text == nullptr ? "" : text);
  while (!words.empty() && words.back() == '\n') words.pop_back();
  return words;
}

Status ServerError(std::string_view action, const char* text) {
  return Status(ErrorClass::kLocalPostgres, "cannot " + std::string(action) + ": " + Trimmed(text));
}

Status WaitFor(const Context& context, PGconn* connection, short events) {
  for (;;) {
    SPILLWAY_TRY(context.Check());
    pollfd waiting{PQsocket(connection), events, 0};
    if (poll(&waiting, 1, kSliceMilliseconds) > 0) return Status();
  }
}

// A connection that may have failed: PQstatus tells.
Result<Connection> Connect(const Context& context, const Endpoint& endpoint) {
  const std::string port = std::to_string(endpoint.port);
  const std::array<const char*, 4> names = {"dbname", "password", "application_name", nullptr};
  const std::array<const char*, 4> values = {endpoint.steadfast_url.c_str(),
                                             endpoint.password.Reveal().c_str(), "spillway control",
                                             nullptr};
  Connection connection(PQconnectStartParams(names.data(), values.data(), 1));
  if (connection == nullptr) return Status(ErrorClass::kInternal, "out of memory");
  for (;;) {
    if (PQstatus(connection.get()) == CONNECTION_BAD) return connection;
    const PostgresPollingStatusType state = PQconnectPoll(connection.get());
    if (state == PGRES_POLLING_OK || state == PGRES_POLLING_FAILED) return connection;
    SPILLWAY_TRY(
        WaitFor(context, connection.get(), state == PGRES_POLLING_READING ? POLLIN : POLLOUT));
  }
}

// Runs one statement; its last result.
Result<ServerResult> Query(const Context& context, PGconn* connection, const char* statement) {
  if (PQsendQuery(connection, statement) == 0) {
    return ServerError("ask the local PostgreSQL", PQerrorMessage(connection));
  }
  ServerResult last;
  for (;;) {
    while (PQisBusy(connection) != 0) {
      SPILLWAY_TRY(WaitFor(context, connection, POLLIN));
      if (PQconsumeInput(connection) == 0) {
        return ServerError("ask the local PostgreSQL", PQerrorMessage(connection));
      }
    }
    ServerResult next(PQgetResult(connection));
    if (next == nullptr) break;
    last = std::move(next);
  }
  if (last == nullptr) return ServerError("ask the local PostgreSQL", "no answer");
  return last;
}

bool Says(PGconn* connection, std::string_view words) {
  return std::string_view(PQerrorMessage(connection)).find(words) != std::string_view::npos;
}

// libpq 15 keeps no SQLSTATE of a failed connection; the server's words are English because its
// lc_messages is C.
bool IsNotYetReady(PGconn* connection) {
  return Says(connection, "the database system is ") || Says(connection, "Connection refused");
}

Result<bool> AcceptsWrites(const Context& context, PGconn* connection) {
  SPILLWAY_ASSIGN(const ServerResult result,
                  Query(context, connection, "SELECT pg_catalog.pg_is_in_recovery()"));
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK || PQntuples(result.get()) != 1) {
    return ServerError("ask the local PostgreSQL", PQresultErrorMessage(result.get()));
  }
  return std::string_view(PQgetvalue(result.get(), 0, 0)) == "f";
}

}  // namespace

Status AwaitWritable(const Context& context, const Endpoint& endpoint) {
  for (;;) {
    SPILLWAY_ASSIGN(const Connection connection, Connect(context, endpoint));
    if (PQstatus(connection.get()) == CONNECTION_OK) {
      SPILLWAY_ASSIGN(const bool accepts, AcceptsWrites(context, connection.get()));
      if (accepts) return Status();
    } else if (!IsNotYetReady(connection.get())) {
      return ServerError("connect to the local PostgreSQL", PQerrorMessage(connection.get()));
    }
    SPILLWAY_TRY(context.Sleep(std::chrono::milliseconds(kSliceMilliseconds)));
  }
}

}  // namespace spillway::lakebase
