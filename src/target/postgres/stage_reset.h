#ifndef SPILLWAY_TARGET_POSTGRES_STAGE_RESET_H_
#define SPILLWAY_TARGET_POSTGRES_STAGE_RESET_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "target/postgres/session/connection.h"
#include "target/stage.h"

/// Before a publish tries again, what it carried to the stage is taken off: by now others may have
/// dropped it from the table.
namespace spillway::target::postgres {

/// Takes from the stage, relation `oid`, the constraints, indexes, statistics, defaults, NOT NULL
/// and settings of columns that it did not have in `made`, its shape before anything was carried to
/// it. Columns that others compute stay. In a transaction of its own; does nothing, at the price of
/// a query, when nothing was carried. Errors: FENCED, the server's.
base::Status TakeBackCarried(const base::Context& context, Connection& connection,
                             const Stage& stage, std::int64_t oid, std::string_view made);

/// Of the columns of the stage, relation `oid`, that others compute in the table: drops those that
/// `table_shape`, the table's now, has otherwise or not any more, and names those that stay.
/// `stage_shape` is the stage's, before and after. Errors: the server's.
base::Result<std::vector<std::string>> KeepComputedColumns(const base::Context& context,
                                                           Connection& connection,
                                                           const Stage& stage, std::int64_t oid,
                                                           std::string_view table_shape,
                                                           std::string* stage_shape);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_STAGE_RESET_H_
