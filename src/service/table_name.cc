#include "service/table_name.h"

#include "base/name_list.h"
#include "service/selection.h"

namespace spillway::service {

using base::ErrorClass;
using base::Result;
using base::Status;

Result<SyncedTableName> ParseSyncedTableName(std::string_view text) {
  SPILLWAY_ASSIGN(std::vector<std::string> parts, base::SplitNames(text, '.'));
  if (IsPattern(text)) {
    return Status(ErrorClass::kInvalidArgument,
                  "one synced table is to be named, and this is a pattern: " + std::string(text))
        .Mend("Name one table; in a table's own name * and ? stand in double quotes.");
  }
  if (parts.size() != 3) {
    return Status(ErrorClass::kInvalidArgument,
                  "a synced table is named TARGET.schema.table, not '" + std::string(text) + "'")
        .Mend("For the PostgreSQL that Spillway runs itself write local.public." + parts.back() +
              "; quote a part that holds a dot.");
  }
  return SyncedTableName{std::move(parts[0]), {std::move(parts[1]), std::move(parts[2])}};
}

Result<std::vector<std::string>> ParseColumnList(std::string_view text) {
  return base::SplitNames(text, ',');
}

}  // namespace spillway::service
