#include "target/postgres/own_indexes.h"

#include "target/postgres/shape.h"

namespace spillway::target::postgres {

Sql UnnamedIndex(SqlText def) {
  constexpr std::string_view kName = R"x((?:"(?:[^"]|"")*"|[^" .]+))x";
  std::string head = "^CREATE (UNIQUE )?INDEX ";
  head += kName;
  head += " ON (?:ONLY )?";
  head += kName;
  head += "(?:[.]";
  head += kName;
  head += ")? ";
  Sql sql;
  sql << "regexp_replace(" << def << ", " << Literal(head) << ", " << Literal("\\1") << ")";
  return sql;
}

Sql IndexForm(SqlText def) {
  Sql sql;
  sql << "regexp_replace(" << UnnamedIndex(def) << ", "
      << Literal(R"x( WITH \((?:[^'()]|'[^']*')*\))x") << ", '')";
  return sql;
}

Sql OwnIndexes(SqlText relation, std::string_view shape) {
  Sql sql;
  sql << "made AS (SELECT d AS def, " << UnnamedIndex("d") << " AS unnamed, " << IndexForm("d")
      << " AS form FROM json_array_elements_text(" << Literal(ShapeList(shape, "indexes"))
      << "::json) AS e(d)), own_index AS (SELECT * FROM (SELECT i.*, " << IndexForm("d.def")
      << " AS form, p.as_published, p.untouched, row_number() OVER (PARTITION BY "
      << IndexForm("d.def") << " ORDER BY p.as_published DESC, i.indexrelid) AS nth FROM "
      << relation
      // A unique index of others may be like the key.
      << " AS t JOIN pg_index i ON i.indrelid = t.oid AND (i.indisprimary OR NOT i.indisunique),"
      << " LATERAL (SELECT pg_get_indexdef(i.indexrelid)) AS d(def), LATERAL (SELECT "
      << UnnamedIndex("d.def") << " IN (SELECT unnamed FROM made), d.def IN (SELECT def FROM made))"
      << " AS p(as_published, untouched)) AS alike"
      << " WHERE nth <= (SELECT count(*) FROM made WHERE made.form = alike.form))";
  return sql;
}

Sql KeyColumns(SqlText index) {
  Sql sql;
  sql << "(SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(" << index
      << ".indkey::smallint[]) WITH ORDINALITY AS k(number, place) JOIN pg_attribute a"
      << " ON a.attrelid = " << index
      << ".indrelid AND a.attnum = k.number WHERE k.place <= " << index << ".indnkeyatts)";
  return sql;
}

}  // namespace spillway::target::postgres
