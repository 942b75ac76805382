#include "target/postgres/delete_guard.h"

#include <fmt/format.h>

#include "target/postgres/row_match.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

enum class Comparable {
  kNo,      // a column is missing in one of the tables
  kByText,  // a column has another type
  kYes,
};

// How the columns `names` of both tables can be compared.
Result<Comparable> HowComparable(const Context& context, Connection& connection,
                                 const Publish& publish, const std::vector<std::string>& names) {
  Sql sql;
  sql << "SELECT count(*), count(*) FILTER (WHERE s.atttypid = t.atttypid)"
      << " FROM pg_attribute t JOIN pg_attribute s ON s.attname = t.attname"
      << " AND NOT s.attisdropped AND NOT t.attisdropped"
      << " WHERE t.attnum > 0 AND t.attrelid = (SELECT c.oid FROM pg_class c JOIN pg_namespace n"
      << " ON n.oid = c.relnamespace WHERE n.nspname = " << Literal(publish.stage.target.schema)
      << " AND c.relname = " << Literal(publish.stage.target.table)
      << ") AND s.attrelid = (SELECT c.oid FROM pg_class c JOIN pg_namespace n"
      << " ON n.oid = c.relnamespace WHERE n.nspname = " << Literal(publish.stage.table.schema)
      << " AND c.relname = " << Literal(publish.stage.table.table) << ") AND t.attname IN (''";
  for (const std::string& name : names) sql << ", " << Literal(name);
  sql << ")";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  const auto all = static_cast<std::int64_t>(names.size());
  if (rows.number(0, 0) < all) return Comparable::kNo;
  return rows.number(0, 1) < all ? Comparable::kByText : Comparable::kYes;
}

}  // namespace

Result<RowsAgainst> CountDeletes(const Context& context, Connection& connection,
                                 const Publish& publish) {
  const std::vector<std::string>& key = publish.index.primary_key;
  std::vector<std::string> compared = key;
  if (key.empty()) {
    for (const Column& column : publish.stage.columns) compared.push_back(column.name);
  }
  SPILLWAY_ASSIGN(const Comparable comparable,
                  HowComparable(context, connection, publish, compared));
  Sql sql;
  if (comparable == Comparable::kNo || (key.empty() && comparable == Comparable::kByText)) {
    sql << "SELECT t.n, greatest(t.n - s.n, 0) FROM (SELECT count(*) AS n FROM ONLY "
        << publish.stage.target << ") t, (SELECT count(*) AS n FROM ONLY " << publish.stage.table
        << ") s";
  } else if (key.empty()) {
    sql << "SELECT count(*), count(*) FILTER (WHERE s.place IS NULL) FROM "
        << NumberedRows(publish.stage.target, publish.stage.columns) << " t LEFT JOIN "
        << NumberedRows(publish.stage.table, publish.stage.columns)
        << " s ON s.image = t.image AND s.number = t.number";
  } else {
    sql << "SELECT count(*), count(*) FILTER (WHERE s." << Identifier(key.front())
        << " IS NULL) FROM ONLY " << publish.stage.target << " t LEFT JOIN ONLY "
        << publish.stage.table << " s ON "
        << KeysMatch(key, comparable == Comparable::kYes ? SqlText("") : SqlText("::text"));
  }
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  return RowsAgainst{rows.number(0, 0), rows.number(0, 1)};
}

Status CheckDeletes(const Publish& publish, const RowsAgainst& rows) {
  const double limit = publish.max_delete_percent;
  if (!DeletesTooMany(rows.deleted, rows.present, limit)) return Status();
  const std::string table = publish.stage.target.ToString();
  return Status(ErrorClass::kTooManyDeletes,
                fmt::format("the sync would delete {} of the {} rows of {}: more than the {:g} % "
                            "that max_delete_share allows",
                            rows.deleted, rows.present, table, limit))
      .With("table", table)
      .With("deleted", std::to_string(rows.deleted))
      .With("rows", std::to_string(rows.present));
}

}  // namespace spillway::target::postgres
