#ifndef SPILLWAY_TARGET_POSTGRES_SESSION_SERVER_ERROR_H_
#define SPILLWAY_TARGET_POSTGRES_SESSION_SERVER_ERROR_H_

#include <string_view>

#include "base/status.h"

struct pg_conn;
struct pg_result;

/// What libpq and the server say of a failure, as a Status: the words of the server, the class and
/// mend that the table of SQLSTATEs gives (sqlstate.h), and what the server tells besides (table,
/// column, constraint, …) as details. Any thread; nothing is kept.
namespace spillway::target::postgres {

/// The error that `result` of a statement carries; CONNECTION_ERROR when it has no SQLSTATE.
base::Status StatementError(const pg_result* result);

/// Why `connection` could not be made. REQUIRES: it was set to verbose errors, the only ones that
/// tell the SQLSTATE of a refused login.
base::Status ConnectError(const pg_conn* connection);

/// CONNECTION_ERROR for a session that broke: `what` ("the connection was lost"), and libpq's
/// words.
base::Status LostConnection(std::string_view what, const pg_conn* connection);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_SESSION_SERVER_ERROR_H_
