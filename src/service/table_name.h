#ifndef SPILLWAY_SERVICE_TABLE_NAME_H_
#define SPILLWAY_SERVICE_TABLE_NAME_H_

#include <string>
#include <string_view>

#include "base/result.h"
#include "target/table_state.h"

namespace spillway::service {

/// The name of a synced table: TARGET.schema.table.
struct SyncedTableName {
  std::string target;
  target::TableName table;
};

/// Parses `shop.public.products`; a part in double quotes is taken as it is (`""` for a quote
/// inside), others keep their case and hold neither * nor ?, which make a pattern (selection.h).
/// Errors: INVALID_ARGUMENT.
base::Result<SyncedTableName> ParseSyncedTableName(std::string_view text);

/// Splits a comma-separated list of column names, each quoted as in ParseSyncedTableName where it
/// must be.
base::Result<std::vector<std::string>> ParseColumnList(std::string_view text);

}  // namespace spillway::service

#endif  // SPILLWAY_SERVICE_TABLE_NAME_H_
