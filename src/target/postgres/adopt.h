#ifndef SPILLWAY_TARGET_POSTGRES_ADOPT_H_
#define SPILLWAY_TARGET_POSTGRES_ADOPT_H_

#include <string>
#include <string_view>
#include <vector>

#include "target/postgres/session/connection.h"
#include "target/table_state.h"

namespace spillway::target::postgres {

/// Target::Adopt on a connection that the caller lends. REQUIRES: no transaction is open.
base::Status Adopt(const base::Context& context, Connection& connection,
                   std::string_view synced_table_id, const TableName& table,
                   const std::vector<Column>& columns, const std::vector<std::string>& key,
                   bool keep_rows);

/// Whether a shape (relation.h) is that of a table taken over with its rows.
bool IsAdopted(std::string_view shape);
/// True for the shape of a table that was taken over to be replaced, and has not been published
/// yet: all its rows go.
bool IsReplaced(std::string_view shape);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_ADOPT_H_
