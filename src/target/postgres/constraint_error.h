#ifndef SPILLWAY_TARGET_POSTGRES_CONSTRAINT_ERROR_H_
#define SPILLWAY_TARGET_POSTGRES_CONSTRAINT_ERROR_H_

#include "base/status.h"
#include "target/table_state.h"

namespace spillway::target::postgres {

/// The server's refusal of rows by a constraint that others put on `table` (SQLSTATE class 23) as
/// CONSTRAINT_VIOLATION, with the server's words and the details; another error as it is.
base::Status ConstraintError(base::Status error, const TableName& table);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_CONSTRAINT_ERROR_H_
