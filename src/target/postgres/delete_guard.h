#ifndef SPILLWAY_TARGET_POSTGRES_DELETE_GUARD_H_
#define SPILLWAY_TARGET_POSTGRES_DELETE_GUARD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "target/postgres/session/connection.h"
#include "target/publish.h"

/// Keeps an accident upstream from emptying a table: how many of its rows a publish would delete,
/// and whether that is too many.
namespace spillway::target::postgres {

/// Rows of a table against its stage.
struct RowsAgainst {
  std::int64_t present = 0;  ///< rows of the table
  std::int64_t deleted = 0;  ///< of those, rows without a counterpart in the stage
};

/// Compares the table that `publish` is for with the stage: by key, without one by whole rows with
/// their multiplicity. A key column of another type is compared as the server compares the two
/// types, as text where it cannot. Where rows cannot be compared (the key or, keyless, a column is
/// another) one counts as deleted when the stage has fewer rows. Reads both in full. Errors: the
/// server's.
base::Result<RowsAgainst> CountDeletes(const base::Context& context, Connection& connection,
                                       const Publish& publish);

/// TOO_MANY_DELETES when the share is above `publish.max_delete_percent`, naming both counts.
base::Status CheckDeletes(const Publish& publish, const RowsAgainst& rows);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_DELETE_GUARD_H_
