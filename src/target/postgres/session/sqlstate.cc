#include "target/postgres/session/sqlstate.h"

#include <algorithm>
#include <array>

namespace spillway::target::postgres {
namespace {

using enum base::ErrorClass;

constexpr auto kRows = std::to_array<SqlStateRow>({
    {"03", kTargetStatementFailed, ""},
    {"08", kConnectionError, ""},
    {"08P01", kConnectionError,
     "Check that a PostgreSQL server, not another program, listens there."},
    {"0A", kTargetStatementFailed, ""},
    {"21", kTargetStatementFailed, ""},
    {"22", kValueOutOfRange, ""},
    {"22021", kCharacterNotInRepertoire, ""},
    {"22023", kInvalidArgument, ""},
    {"22P02", kValueOutOfRange, ""},
    {"22P03", kTargetStatementFailed, ""},
    {"22P04", kTargetStatementFailed, ""},
    {"22P05", kCharacterNotInRepertoire, "Use a database whose encoding is UTF8."},
    {"23502", kPrimaryKeyConstraintViolation,
     "Mend the source rows that have NULL, or choose another primary key."},
    {"23505", kPrimaryKeyConstraintViolation, ""},
    {"23503", kDependentObjectsStillExist, ""},
    {"25", kTargetStatementFailed, ""},
    {"25006", kTargetUnsuitable,
     "Connect to the primary; if it is one, unset default_transaction_read_only."},
    {"25P03", kConnectionError,
     "Sync again: the server ended a transaction that was idle too long."},
    {"25P04", kConnectionError, "Sync again: the server ended a transaction that took too long."},
    {"26", kTargetUnsuitable, "Connect to PostgreSQL directly, not through a transaction pooler."},
    {"28", kTargetAuthentication, ""},
    {"2BP01", kDependentObjectsStillExist, ""},
    {"3D000", kConnectionError, "Create the database, or correct its name in the target's URL."},
    {"3F000", kTargetStatementFailed, "Create the schema that the message names."},
    {"40", kLockTimeout, "Sync again: another transaction got in the way."},
    {"42501", kTargetPermission, ""},
    {"42602", kInvalidArgument, ""},
    {"42622", kIdentifierCollision, ""},
    {"42701", kIdentifierCollision, ""},
    {"42704", kInvalidDefinition, "Create what the message names in the target, or do without it."},
    {"42710", kAlreadyExists, ""},
    {"42723", kAlreadyExists, ""},
    {"42939", kIdentifierCollision, ""},
    {"42P06", kAlreadyExists, ""},
    {"42P07", kAlreadyExists, ""},
    {"42P16", kInvalidDefinition, ""},
    {"53", kTargetDatabaseFull, ""},
    {"53100", kTargetDatabaseFull, ""},
    {"53200", kTargetDatabaseFull,
     "Give the server more memory, or lower its maintenance_work_mem and connections."},
    {"53300", kConnectionError,
     "Raise the server's max_connections (or the role's limit), or use fewer --connections."},
    {"53400", kTargetDatabaseFull, "Raise the server's limit that the message names."},
    {"54", kValueOutOfRange,
     "Leave out or shorten what the message names: the server has a limit."},
    {"55", kTargetStatementFailed, ""},
    {"55006", kLockTimeout, ""},
    {"55P03", kLockTimeout, ""},
    {"57014", kDeadlineExceeded, "Sync again: the statement was cancelled on the server."},
    {"57P", kConnectionError, ""},
    {"57P03", kConnectionError, "Wait until the server has started, then sync again."},
    {"58", kTargetStatementFailed, "Look at the server's log: it could not use one of its files."},
    {"58030", kTargetDatabaseFull, "Look at the server's log: it could not use its disk."},
    {"72", kTargetStatementFailed, ""},
    {"F0", kTargetStatementFailed, "Look at the server's configuration file."},
    {"XX", kTargetStatementFailed, "Look at the server's log: it met an error of its own."},
    {"XX001", kTargetStatementFailed, "The server found damaged data: restore it from a backup."},
    {"XX002", kTargetStatementFailed, "The server found a damaged index: REINDEX it."},
});

constexpr SqlStateRow kUnknown = {"", kTargetStatementFailed, ""};

// Classes and states that are not about what a statement makes.
constexpr auto kNotRefusals = std::to_array<std::string_view>(
    {"08", "22", "23", "25", "26", "40", "53", "55P", "57", "58", "F0", "XX"});

}  // namespace

std::span<const SqlStateRow> SqlStates() { return kRows; }

const SqlStateRow& DescribeSqlState(std::string_view state) {
  for (std::size_t length = 5; length >= 2; --length) {
    if (state.size() != 5) break;
    const auto* found = std::ranges::find(kRows, state.substr(0, length), &SqlStateRow::state);
    if (found != kRows.end()) return *found;
  }
  return kUnknown;
}

bool IsRefusal(const base::Status& error) {
  const std::string_view state = error.detail("sqlstate");
  return !state.empty() && std::ranges::none_of(kNotRefusals, [&](std::string_view part) {
    return state.starts_with(part);
  });
}

}  // namespace spillway::target::postgres
