#include "target/postgres/constraint_error.h"

#include <string>

namespace spillway::target::postgres {

using base::ErrorClass;
using base::Status;

Status ConstraintError(Status error, const TableName& table) {
  if (!error.detail("sqlstate").starts_with("23")) return error;
  Status violation(ErrorClass::kConstraintViolation,
                   "a constraint that others put on " + table.ToString() +
                       " refuses rows of the source: " + std::string(error.message()));
  for (const auto& [key, value] : error.details()) {
    if (key != "table") violation = std::move(violation).With(key, value);
  }
  return std::move(violation).With("table", table.ToString());
}

}  // namespace spillway::target::postgres
