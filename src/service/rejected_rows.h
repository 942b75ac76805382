#ifndef SPILLWAY_SERVICE_REJECTED_ROWS_H_
#define SPILLWAY_SERVICE_REJECTED_ROWS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "data/batch.h"
#include "service/world.h"

/// The verbs on rejected rows: source rows that their target could not hold, kept beside the table.
namespace spillway::service {

/// How many outstanding rejected rows a synced table has.
struct RejectedCount {
  std::string name;  ///< TARGET.schema.table
  std::int64_t rows = 0;
  base::Status outcome;  ///< ok, or why the target could not be asked; rows is 0 then
};

/// The tables that have rejected rows, and those that could not be asked, in the order of the list
/// of synced tables.
base::Result<std::vector<RejectedCount>> CountRejectedRows(const base::Context& context,
                                                           World& world);

/// The outstanding rejected rows of one synced table, oldest first, with the columns of
/// target::RejectedSchema(). The stream lives no longer than `world`. Errors:
/// SYNCED_TABLE_NOT_FOUND; those of the target.
base::Result<std::unique_ptr<data::BatchStream>> ReadRejectedRows(const base::Context& context,
                                                                  World& world,
                                                                  std::string_view name);

}  // namespace spillway::service

#endif  // SPILLWAY_SERVICE_REJECTED_ROWS_H_
