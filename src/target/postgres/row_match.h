#ifndef SPILLWAY_TARGET_POSTGRES_ROW_MATCH_H_
#define SPILLWAY_TARGET_POSTGRES_ROW_MATCH_H_

#include <string>
#include <vector>

#include "target/postgres/session/sql.h"
#include "target/table_state.h"

/// Pieces of SQL that say which row of a table, `t`, is which row of its stage, `s`.
namespace spillway::target::postgres {

/// "t.a = s.a AND …" over the key's columns; `cast`, "::text" or nothing, stands behind each.
Sql KeysMatch(const std::vector<std::string>& key, SqlText cast = "");

/// "ROW(t.a, t.b)" over the stage's columns, `alias` being t or s.
Sql RowOf(SqlText alias, const std::vector<Column>& columns);

/// The rows of `table` as (row tid, image, number among rows of the same image), to be put in FROM:
/// how rows without a key are told apart.
Sql NumberedRows(const TableName& table, const std::vector<Column>& columns);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_ROW_MATCH_H_
