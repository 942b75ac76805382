#ifndef SPILLWAY_TARGET_POSTGRES_APPLY_DIFFERENCE_H_
#define SPILLWAY_TARGET_POSTGRES_APPLY_DIFFERENCE_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "target/postgres/session/connection.h"
#include "target/publish.h"

namespace spillway::target::postgres {

/// Rows that an apply wrote, and left.
struct Difference {
  std::int64_t inserted = 0;
  std::int64_t updated = 0;
  std::int64_t deleted = 0;
  std::int64_t unchanged = 0;
  Sql unique_indexes;  ///< makes those anew that had to go; to be run when constraints are checked
};

/// The statement that keeps writers, not readers, away from the table until the transaction ends;
/// with `columns_change` readers too.
Sql LockForApply(const TableName& table, bool columns_change);

/// Makes the table of `publish` equal to its stage in the columns that the stage loads, in the open
/// transaction: rows whose key (without one: whose whole row) the stage lacks are deleted, rows
/// whose binary image differs are updated, missing ones are inserted. A key in both is never
/// deleted and inserted; other columns keep their values; rows that are equal are not touched.
/// Foreign keys from tables of `group`, which are published together, delete nothing of others.
/// REQUIRES: LockForApply, and the columns of both are the same; SET CONSTRAINTS ALL IMMEDIATE
/// follows. Errors: TOO_MANY_DELETES,
/// CASCADING_DELETES naming the foreign keys, DEPENDENT_OBJECTS_STILL_EXIST for a deleted row that
/// others refer to, CONSTRAINT_VIOLATION, TARGET_CHANGED when a trigger or rule kept rows from
/// being written or wrote others, LOCK_TIMEOUT.
base::Result<Difference> ApplyDifference(const base::Context& context, Connection& connection,
                                         const Publish& publish, std::int64_t table_oid,
                                         const std::vector<TableName>& group);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_APPLY_DIFFERENCE_H_
