#include "target/postgres/stage_reset.h"

#include <map>

#include "target/postgres/attachments.h"
#include "target/postgres/shape.h"
#include "target/postgres/stage.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::Result;
using base::Status;

// Statements that drop objects of the stage `s`. Of its constraints only the key is its own.
Sql ObjectStatements() {
  Sql sql;
  sql << "SELECT 1, k.oid::bigint, format('ALTER TABLE %s DROP CONSTRAINT %I', s.stage, k.conname)"
      << " FROM s JOIN pg_constraint k ON k.conrelid = s.oid AND k.contype IN ('c', 'f', 'u', 'x')"
      << " UNION ALL SELECT 2, c.oid::bigint, format('DROP INDEX spillway.%I', c.relname) FROM s"
      << " JOIN pg_index i ON i.indrelid = s.oid JOIN pg_class c ON c.oid = i.indexrelid"
      << " WHERE starts_with(c.relname, s.prefix) AND NOT EXISTS (SELECT FROM pg_constraint k"
      << " WHERE k.conindid = c.oid)"
      << " UNION ALL SELECT 3, t.oid::bigint, format('DROP STATISTICS %I.%I', n.nspname, t.stxname)"
      << " FROM s JOIN pg_statistic_ext t ON t.stxrelid = s.oid JOIN pg_namespace n"
      << " ON n.oid = t.stxnamespace";
  return sql;
}

// Statements that alter columns of the stage back to what the server gives a new one, or `made`.
Sql ColumnStatements() {
  Sql sql;
  sql << "SELECT 4, c.attnum::bigint, format('ALTER TABLE %s ALTER COLUMN %I %s', s.stage,"
      << " c.attname, u.action) FROM s, c, LATERAL (VALUES (c.attnotnull AND c.made_not_null IS NOT"
      << " TRUE, 'DROP NOT NULL'), (c.attgenerated = '' AND c.attidentity = '' AND c.expression IS"
      << " DISTINCT FROM c.made_expression, coalesce('SET DEFAULT ' || c.made_expression,"
      << " 'DROP DEFAULT')), (c.attstorage <> c.typstorage, 'SET STORAGE ' || CASE c.typstorage"
      << " WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' "
         "END),"
      << " (c.attcompression <> '', 'SET COMPRESSION DEFAULT'),"
      << " (c.attstattarget >= 0, 'SET STATISTICS -1'), (c.options IS NOT NULL, format('RESET "
         "(%s)',"
      << " c.options))) AS u(wanted, action) WHERE u.wanted";
  return sql;
}

}  // namespace

Status TakeBackCarried(const Context& context, Connection& connection, const Stage& stage,
                       std::int64_t oid, std::string_view made) {
  Sql query;
  query << "WITH s AS (SELECT " << Literal(oid) << "::oid AS oid, 'spillway.' || quote_ident("
        << Literal(stage.table.table) << ") AS stage, " << Literal(CarriedPrefix(stage))
        << "::text AS prefix), c AS (SELECT a.*, t.typstorage, pg_get_expr(d.adbin, d.adrelid) AS"
        << " expression, (m.e->>2)::boolean AS made_not_null, m.e->>5 AS made_expression, (SELECT"
        // Some builds of the server give every column a stamp among its options.
        << " string_agg(quote_ident(split_part(o, '=', 1)), ', ') FROM unnest(a.attoptions) o"
        << " WHERE o NOT LIKE 'pg_attver=%') AS options FROM s JOIN pg_attribute a ON a.attrelid ="
        << " s.oid AND a.attnum > 0 AND NOT a.attisdropped JOIN pg_type t ON t.oid = a.atttypid"
        << " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
        << " LEFT JOIN json_array_elements(" << Literal(ShapeList(made, "columns"))
        << "::json) AS m(e) ON m.e->>0 = a.attname) SELECT statement FROM (" << ObjectStatements()
        << " UNION ALL " << ColumnStatements()
        << ") AS u(rank, place, statement) ORDER BY rank, place, statement";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, query));
  if (rows.size() == 0) return Status();
  SPILLWAY_TRY(BeginOnOpenStage(context, connection, stage));
  Sql sql;
  for (int row = 0; row < rows.size(); ++row) sql << ServerSql(rows.text(row, 0)) << ";";
  return connection.Execute(context, sql << "COMMIT");
}

Result<std::vector<std::string>> KeepComputedColumns(const Context& context, Connection& connection,
                                                     const Stage& stage, std::int64_t oid,
                                                     std::string_view table_shape,
                                                     std::string* stage_shape) {
  std::vector<std::string> stay;
  std::map<std::string, std::string> comments = ShapeComments(*stage_shape);
  Sql sql;
  for (const std::string& column : ShapeGenerated(*stage_shape)) {
    if (comments[column] != kCarriedColumn) continue;
    if (HaveSameColumn(*stage_shape, table_shape, column)) {
      stay.push_back(column);
    } else {
      sql << "ALTER TABLE IF EXISTS " << stage.table << " DROP COLUMN " << Identifier(column)
          << ";";
    }
  }
  if (sql.empty()) return stay;
  SPILLWAY_TRY(connection.Execute(context, sql));
  SPILLWAY_ASSIGN(*stage_shape, ReadShape(context, connection, oid));
  return stay;
}

}  // namespace spillway::target::postgres
