#include "target/postgres/delete_guard.h"

#include <fmt/format.h>

#include <cstddef>

#include "target/postgres/row_match.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

// How columns of both tables can be compared.
struct Comparison {
  std::size_t of_same_type = 0;
  std::vector<std::string> as_they_are;  // of types that the server compares
  std::vector<std::string> as_text;      // of types that it does not
};

// An equality of two types that a join does not have to try on every pair of rows.
Sql Equality(SqlText left, SqlText right) {
  Sql sql;
  sql << "o.oprname = '=' AND o.oprleft = " << left << " AND o.oprright = " << right
      << " AND (o.oprcanhash OR o.oprcanmerge) AND pg_operator_is_visible(o.oid)";
  return sql;
}

Result<Comparison> Compare(const Context& context, Connection& connection, const Publish& publish,
                           const std::vector<std::string>& names) {
  Sql sql;
  // The server widens by implicit casts: a bigint is compared with a numeric as a numeric.
  sql << "SELECT t.attname, s.atttypid = t.atttypid, EXISTS (SELECT FROM pg_operator o WHERE "
      << Equality("t.atttypid", "s.atttypid") << ") OR EXISTS (SELECT FROM pg_cast k"
      << " JOIN pg_operator o ON " << Equality("k.casttarget", "k.casttarget")
      << " WHERE k.castcontext = 'i' AND (k.castsource, k.casttarget) IN"
      << " ((t.atttypid, s.atttypid), (s.atttypid, t.atttypid)))"
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
  Comparison comparison;
  for (int row = 0; row < rows.size(); ++row) {
    const bool same = rows.text(row, 1) == "t";
    if (same) ++comparison.of_same_type;
    const bool comparable = same || rows.text(row, 2) == "t";
    (comparable ? comparison.as_they_are : comparison.as_text).emplace_back(rows.text(row, 0));
  }
  return comparison;
}

}  // namespace

Result<RowsAgainst> CountDeletes(const Context& context, Connection& connection,
                                 const Publish& publish) {
  const std::vector<std::string>& key = publish.index.primary_key;
  std::vector<std::string> compared = key;
  if (key.empty()) {
    for (const Column& column : publish.stage.columns) compared.push_back(column.name);
  }
  SPILLWAY_ASSIGN(const Comparison comparison, Compare(context, connection, publish, compared));
  const auto& [of_same_type, as_they_are, as_text] = comparison;
  const std::size_t comparable = as_they_are.size() + as_text.size();
  Sql sql;
  if ((key.empty() ? of_same_type : comparable) < compared.size()) {
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
        << publish.stage.table << " s ON " << KeysMatch(as_they_are)
        << (as_they_are.empty() || as_text.empty() ? SqlText("") : SqlText(" AND "))
        << KeysMatch(as_text, "::text");
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
