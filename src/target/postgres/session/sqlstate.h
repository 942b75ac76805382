#ifndef SPILLWAY_TARGET_POSTGRES_SESSION_SQLSTATE_H_
#define SPILLWAY_TARGET_POSTGRES_SESSION_SQLSTATE_H_

#include <span>
#include <string_view>

#include "base/error_class.h"
#include "base/status.h"

/// What PostgreSQL's error codes (Appendix A of its manual) mean to Spillway, as data. Any thread.
namespace spillway::target::postgres {

/// One row: a whole SQLSTATE, or its first two characters for the class.
struct SqlStateRow {
  std::string_view state;
  base::ErrorClass error_class;
  std::string_view mend;  ///< empty: that of the error class
};

/// The whole table, in the order of `state`.
std::span<const SqlStateRow> SqlStates();

/// The row of the five characters `state`, else that of its class, else the row of an unknown state
/// (TARGET_STATEMENT_FAILED).
const SqlStateRow& DescribeSqlState(std::string_view state);

/// Whether `error` is the server's refusal of a statement for what it would make: not for its rows,
/// a lock that was not had, the transaction, resources, the connection or the server itself.
bool IsRefusal(const base::Status& error);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_SESSION_SQLSTATE_H_
