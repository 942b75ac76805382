#include "target/postgres/row_match.h"

namespace spillway::target::postgres {

Sql KeysMatch(const std::vector<std::string>& key, SqlText cast) {
  Sql sql;
  bool first = true;
  for (const std::string& column : key) {
    if (!first) sql << " AND ";
    first = false;
    sql << "t." << Identifier(column) << cast << " = s." << Identifier(column) << cast;
  }
  return sql;
}

Sql RowOf(SqlText alias, const std::vector<Column>& columns) {
  Sql sql;
  sql << "ROW(";
  bool first = true;
  for (const Column& column : columns) {
    if (!first) sql << ", ";
    first = false;
    sql << alias << "." << Identifier(column.name);
  }
  sql << ")";
  return sql;
}

Sql NumberedRows(const TableName& table, const std::vector<Column>& columns) {
  // Types need no equality of their own: rows are the same when their binary forms are.
  Sql sql;
  sql << "(SELECT r.place, r.image, row_number() OVER (PARTITION BY r.image) AS number"
      << " FROM (SELECT o.ctid AS place, sha256(record_send(" << RowOf("o", columns)
      << ")) AS image FROM ONLY " << table << " o) r)";
  return sql;
}

}  // namespace spillway::target::postgres
