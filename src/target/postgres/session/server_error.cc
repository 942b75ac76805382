#include "target/postgres/session/server_error.h"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "target/postgres/session/sqlstate.h"

namespace spillway::target::postgres {
namespace {

using base::ErrorClass;
using base::Status;

std::string Field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string() : std::string(text);
}

// The SQLSTATE in a verbose message of a failed connection ("FATAL:  28P01: …"), or "".
std::string StateInVerboseMessage(std::string_view message) {
  const auto is_state = [](std::string_view text) {
    if (text.size() < 6 || text[5] != ':') return false;
    return std::ranges::all_of(
        text.substr(0, 5), [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
  };
  std::string found;
  for (std::size_t at = 0; (at = message.find(":  ", at)) != std::string_view::npos; at += 3) {
    if (is_state(message.substr(at + 3))) found = message.substr(at + 3, 5);
  }
  return found;
}

// A message of libpq in one line, without what tells where in the server's sources it arose. After
// a tab, a line is advice or goes on with a sentence.
std::string OneLine(std::string_view message) {
  std::string out;
  while (!message.empty()) {
    const auto end = message.find('\n');
    std::string_view line = message.substr(0, end);
    message = end == std::string_view::npos ? std::string_view() : message.substr(end + 1);
    const bool is_indented = line.starts_with('\t');
    line.remove_prefix(std::min(line.find_first_not_of("\t "), line.size()));
    if (line.empty() || line.starts_with("LOCATION:")) continue;
    const bool goes_on = is_indented && line[0] >= 'a' && line[0] <= 'z';
    if (!out.empty()) out += goes_on ? " " : "; ";
    out += line;
  }
  return out;
}

// An error of the class of `state`, with its mend.
Status WithState(const std::string& state, std::string message) {
  const SqlStateRow& row = DescribeSqlState(state);
  Status error = Status(row.error_class, std::move(message)).With("sqlstate", state);
  return row.mend.empty() ? error : std::move(error).Mend(std::string(row.mend));
}

}  // namespace

Status StatementError(const PGresult* result) {
  const std::string state = Field(result, PG_DIAG_SQLSTATE);
  if (state.empty()) {
    return Status(ErrorClass::kConnectionError,
                  "the connection was lost: " + OneLine(PQresultErrorMessage(result)));
  }
  std::string message = "PostgreSQL: " + Field(result, PG_DIAG_MESSAGE_PRIMARY);
  if (const std::string detail = Field(result, PG_DIAG_MESSAGE_DETAIL); !detail.empty()) {
    message += " (" + detail + ")";
  }
  Status error = WithState(state, std::move(message));
  constexpr auto kFields =
      std::to_array<std::pair<int, std::string_view>>({{PG_DIAG_SCHEMA_NAME, "schema"},
                                                       {PG_DIAG_TABLE_NAME, "table"},
                                                       {PG_DIAG_COLUMN_NAME, "column"},
                                                       {PG_DIAG_CONSTRAINT_NAME, "constraint"},
                                                       {PG_DIAG_DATATYPE_NAME, "type"},
                                                       {PG_DIAG_MESSAGE_HINT, "hint"},
                                                       {PG_DIAG_CONTEXT, "context"}});
  for (const auto& [code, key] : kFields) {
    if (const std::string value = Field(result, code); !value.empty()) {
      error = std::move(error).With(key, value);
    }
  }
  return error;
}

Status ConnectError(const PGconn* connection) {
  const std::string message = PQerrorMessage(connection);
  const std::string state = StateInVerboseMessage(message);
  if (PQconnectionNeedsPassword(connection) != 0 && state.empty()) {
    return Status(ErrorClass::kTargetAuthentication,
                  "the server wants a password and none is given")
        .Mend("Give the password with the target, in PGPASSWORD or in the password file.");
  }
  if (state.empty()) {
    Status error(ErrorClass::kConnectionError,
                 "the connection cannot be made: " + OneLine(message));
    // libpq's own words; it has no code for it.
    const bool lacks_tls = message.find("server does not support SSL") != std::string::npos;
    if (!lacks_tls) return error;
    return std::move(error).Mend(
        "Set up TLS on the server, or say sslmode=prefer in the target's URL.");
  }
  return WithState(state, "the connection cannot be made: " + OneLine(message));
}

Status LostConnection(std::string_view what, const PGconn* connection) {
  return Status(ErrorClass::kConnectionError,
                std::string(what) + ": " + OneLine(PQerrorMessage(connection)));
}

}  // namespace spillway::target::postgres
