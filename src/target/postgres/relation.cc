#include "target/postgres/relation.h"

#include <utility>

#include "target/postgres/bookkeeping.h"
#include "target/postgres/own_indexes.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::Result;

std::string_view KindOf(std::string_view relkind) {
  if (relkind == "r") return "table";
  if (relkind == "v") return "view";
  if (relkind == "m") return "materialized view";
  if (relkind == "i" || relkind == "I") return "index";
  if (relkind == "S") return "sequence";
  if (relkind == "f") return "foreign table";
  if (relkind == "p") return "partitioned table";
  return "type";
}

}  // namespace

Result<std::optional<Relation>> FindRelation(const Context& context, Connection& connection,
                                             const TableName& table, bool has_layout) {
  Sql sql;
  sql << "SELECT oid, relkind, pg_get_userbyid(relowner),"
      << " pg_has_role(relowner, 'MEMBER'), ";
  if (has_layout) {
    // A logical copy of the database has other oids; there the name must do.
    sql << "(SELECT p.synced_table_id FROM spillway.position p, LATERAL (SELECT "
        << IsLogicalCopy(connection) << " AS copied) c WHERE CASE WHEN c.copied THEN"
        << " p.schema_name = " << Literal(table.schema)
        << " AND p.table_name = " << Literal(table.table)
        << " AND p.table_oid IS NOT NULL ELSE p.table_oid = r.oid END ORDER BY c.copied LIMIT 1)";
  } else {
    sql << "NULL";
  }
  // A free-standing type of that name keeps a table away too: a table has a row type.
  sql << " FROM (SELECT c.oid, c.relkind::text, c.relowner, 1 AS rank FROM pg_class c"
      << " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = "
      << Literal(table.schema) << " AND c.relname = " << Literal(table.table)
      << " UNION ALL SELECT t.oid, '', t.typowner, 2 FROM pg_type t JOIN pg_namespace n"
      << " ON n.oid = t.typnamespace WHERE n.nspname = " << Literal(table.schema)
      << " AND t.typname = " << Literal(table.table)
      << " AND t.typrelid = 0 AND t.typelem = 0) AS r ORDER BY rank LIMIT 1";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  if (rows.size() == 0) return std::optional<Relation>();
  Relation relation;
  relation.oid = rows.number(0, 0);
  relation.kind = KindOf(rows.text(0, 1));
  relation.owner = rows.text(0, 2);
  relation.may_drop = rows.boolean(0, 3);
  relation.owned_by_id = rows.text(0, 4);
  return std::optional<Relation>(std::move(relation));
}

Result<std::vector<std::string>> ReadPrimaryKey(const Context& context, Connection& connection,
                                                std::int64_t oid) {
  Sql sql;
  sql << "SELECT unnest(" << KeyColumns("i") << ") FROM pg_index i WHERE i.indisprimary"
      << " AND i.indrelid = " << Literal(oid) << "::oid";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  std::vector<std::string> key;
  for (int row = 0; row < rows.size(); ++row) key.emplace_back(rows.text(row, 0));
  return key;
}

}  // namespace spillway::target::postgres
