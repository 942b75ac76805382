#include "target/postgres/align_columns.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "target/postgres/attachments.h"
#include "target/postgres/own_indexes.h"
#include "target/postgres/relation.h"
#include "target/postgres/shape.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

// A column as one of the two tables has it.
struct Attribute {
  std::string type;
  bool not_null = false;
  bool computed = false;    ///< generated
  std::string declaration;  ///< of one of extra_columns: what makes it, after ADD COLUMN
  std::string expression;   ///< likewise: what it is computed from or, unless computed, its default
};

struct Pair {
  std::string name;
  std::optional<Attribute> table;
  std::optional<Attribute> stage;
};

// Columns of one relation, and whether each is in `extra_columns`.
Sql AttributesOf(const std::vector<std::string>& extra_columns) {
  Sql sql;
  sql << "SELECT a.attnum, a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull,"
      << " a.attgenerated <> '' AS computed, pg_get_expr(d.adbin, d.adrelid) AS expression,"
      << " format('%I %s%s', a.attname, CASE WHEN a.attgenerated <> '' THEN "
      << GeneratedDeclaration("a", "pg_get_expr(d.adbin, d.adrelid)")
      // The stage's sequence of a serial column goes with the stage.
      << " ELSE format('%s%s%s', CASE WHEN NOT q.serial THEN format_type(a.atttypid, a.atttypmod)"
      << " WHEN a.atttypid = 'smallint'::regtype THEN 'smallserial' WHEN a.atttypid ="
      << " 'bigint'::regtype THEN 'bigserial' ELSE 'serial' END, ' COLLATE ' ||"
      << " CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END,"
      << " CASE WHEN a.attidentity <> '' THEN format(' GENERATED %s AS IDENTITY',"
      << " CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END)"
      << " WHEN NOT q.serial THEN ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END) END,"
      << " CASE WHEN a.attnotnull AND a.attidentity = '' THEN ' NOT NULL' END) AS declaration,"
      << " a.attname IN (''";
  for (const std::string& name : extra_columns) sql << ", " << Literal(name);
  sql << ") AS extra, a.attrelid FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
      << " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum,"
      << " LATERAL (SELECT EXISTS (SELECT FROM pg_depend o JOIN pg_class c ON c.oid = o.objid"
      << " WHERE o.classid = 'pg_class'::regclass AND o.refclassid = 'pg_class'::regclass"
      << " AND o.refobjid = a.attrelid AND o.refobjsubid = a.attnum AND o.deptype = 'a'"
      << " AND c.relkind = 'S')) AS q(serial) WHERE a.attnum > 0 AND NOT a.attisdropped";
  return sql;
}

Result<std::vector<Pair>> ReadPairs(const Context& context, Connection& connection,
                                    const Publish& publish, std::int64_t table_oid,
                                    const std::vector<std::string>& extra_columns) {
  Sql sql;
  sql << "WITH a AS NOT MATERIALIZED (" << AttributesOf(extra_columns)
      << ") SELECT coalesce(t.attname, s.attname), t.type, t.attnotnull, t.computed,"
      << " t.expression, s.type, s.attnotnull, s.computed, s.expression,"
      << " CASE WHEN s.extra THEN s.declaration END"
      << " FROM (SELECT * FROM a WHERE attrelid = " << Literal(table_oid)
      << "::oid) t FULL JOIN (SELECT a.* FROM a JOIN pg_class c ON c.oid = a.attrelid"
      << " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = "
      << Literal(publish.stage.table.schema)
      << " AND c.relname = " << Literal(publish.stage.table.table)
      << " AND (a.extra OR a.attname IN (''";
  for (const Column& column : publish.stage.columns) sql << ", " << Literal(column.name);
  sql << "))) s ON s.attname = t.attname ORDER BY s.attnum, 1";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  std::vector<Pair> pairs;
  for (int row = 0; row < rows.size(); ++row) {
    Pair pair;
    pair.name = rows.text(row, 0);
    if (!rows.IsNull(row, 1)) {
      pair.table = Attribute{std::string(rows.text(row, 1)), rows.boolean(row, 2),
                             rows.boolean(row, 3), "", std::string(rows.text(row, 4))};
    }
    if (!rows.IsNull(row, 5)) {
      pair.stage =
          Attribute{std::string(rows.text(row, 5)), rows.boolean(row, 6), rows.boolean(row, 7),
                    std::string(rows.text(row, 9)), std::string(rows.text(row, 8))};
    }
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

// The numbers in parentheses of a type: {9, 2} of numeric(9,2).
std::vector<int> Modifiers(std::string_view type) {
  std::vector<int> numbers;
  const auto open = type.find('(');
  if (open == std::string_view::npos) return numbers;
  int number = 0;
  for (const char c : type.substr(open + 1)) {
    if (c >= '0' && c <= '9') {
      number = number * 10 + (c - '0');
    } else {
      numbers.push_back(number);
      number = 0;
    }
    if (c == ')') break;
  }
  return numbers;
}

// Adds what one of extra_columns needs; the text of what cannot be done in place, or "". In one
// that is not computed users may have written, and its default is theirs to change: it is only
// added.
std::string AlignExtra(const Pair& pair, const TableName& table, Alignment* alignment) {
  if (!pair.table) {
    alignment->before << "ALTER TABLE " << table << " ADD COLUMN "
                      << ServerSql(pair.stage->declaration) << ";";
    return {};
  }
  const bool same = pair.table->computed == pair.stage->computed &&
                    pair.table->type == pair.stage->type &&
                    pair.table->expression == pair.stage->expression;
  if (same || (!pair.table->computed && !pair.stage->computed)) return {};
  return "column " + pair.name + " becomes " + pair.stage->declaration;
}

// Adds what the column needs; the text of what cannot be done in place, or "". `ours`: for a column
// of the stage, that we made it NOT NULL; for another, that we made it.
std::string Align(const Pair& pair, const TableName& table, bool ours, Alignment* alignment) {
  if (pair.stage && !pair.stage->declaration.empty()) return AlignExtra(pair, table, alignment);
  Sql alter;
  alter << "ALTER TABLE " << table << " ";
  const Identifier column(pair.name);
  if (!pair.table) {
    alignment->before << alter << "ADD COLUMN " << column << " " << ColumnType(pair.stage->type)
                      << ";";
    if (pair.stage->not_null) {
      alignment->after << alter << "ALTER COLUMN " << column << " SET NOT NULL;";
    }
    return {};
  }
  if (!pair.stage) {
    if (ours) alignment->before << alter << "DROP COLUMN " << column << ";";
    return {};
  }
  if (pair.table->computed) return "column " + pair.name + " is generated in the table";
  if (pair.table->type != pair.stage->type) {
    if (!IsWidening(pair.table->type, pair.stage->type)) {
      return "column " + pair.name + " becomes " + pair.stage->type + ", was " + pair.table->type;
    }
    alignment->before << alter << "ALTER COLUMN " << column << " TYPE "
                      << ColumnType(pair.stage->type) << ";";
  }
  if (pair.stage->not_null && !pair.table->not_null) {
    alignment->after << alter << "ALTER COLUMN " << column << " SET NOT NULL;";
  }
  if (!pair.stage->not_null && pair.table->not_null && ours) {
    alignment->before << alter << "ALTER COLUMN " << column << " DROP NOT NULL;";
  }
  return {};
}

// Indexes of the definition that the table lacks, and those of an earlier definition that it has.
// Storage parameters that somebody changed are left.
Status AlignIndexes(const Context& context, Connection& connection, const Publish& publish,
                    std::int64_t table_oid, std::string_view published_shape,
                    Alignment* alignment) {
  Sql sql;
  sql << "WITH t AS (SELECT " << Literal(table_oid) << "::oid AS oid), "
      << OwnIndexes("t", published_shape) << ", idx AS (SELECT i.indexrelid, i.indrelid, n.nspname,"
      << " c.relname, " << UnnamedIndex("d.def") << " AS tail, " << IndexForm("d.def")
      << " AS form,"
      << " starts_with(c.relname, " << Literal(CarriedPrefix(publish.stage))
      << ") AS carried FROM pg_index i"
      << " JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid"
      << " JOIN pg_namespace n ON n.oid = t.relnamespace, pg_get_indexdef(i.indexrelid) AS d(def)"
      << " WHERE NOT i.indisunique AND (t.oid = " << Literal(table_oid)
      << "::oid OR (n.nspname = " << Literal(publish.stage.table.schema)
      << " AND t.relname = " << Literal(publish.stage.table.table)
      << "))), had AS (SELECT i.*, o.indexrelid IS NOT NULL AS own, o.as_published IS FALSE AS "
      << "tuned FROM idx i LEFT JOIN own_index o USING (indexrelid) WHERE i.indrelid = "
      << Literal(table_oid) << "::oid), wanted AS (SELECT * FROM idx WHERE indrelid <> "
      << Literal(table_oid) << "::oid AND NOT carried) SELECT false,"
      << " format('CREATE INDEX ON %I.%I ', " << Literal(publish.stage.target.schema) << "::text, "
      << Literal(publish.stage.target.table) << "::text) || w.tail || ';' FROM wanted w"
      << " WHERE NOT EXISTS (SELECT FROM had h WHERE h.form = w.form AND (h.tuned OR h.tail ="
      << " w.tail)) UNION ALL SELECT true, format('DROP INDEX %I.%I;', h.nspname, h.relname)"
      << " FROM had h WHERE h.own AND NOT EXISTS (SELECT FROM wanted w WHERE h.form = w.form"
      << " AND (h.tuned OR h.tail = w.tail)) ORDER BY 1, 2";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  for (int row = 0; row < rows.size(); ++row) {
    (rows.boolean(row, 0) ? alignment->after : alignment->indexes) << ServerSql(rows.text(row, 1));
  }
  return Status();
}

// The source's comments, where the table has the one that Spillway wrote last, or none.
Result<Sql> AlignComments(const Context& context, Connection& connection, const Publish& publish,
                          std::int64_t table_oid, std::string_view published_shape) {
  SPILLWAY_ASSIGN(const std::string now, ReadShape(context, connection, table_oid));
  std::map<std::string, std::string> written = ShapeComments(published_shape);
  std::map<std::string, std::string> present = ShapeComments(now);
  const TableName& table = publish.stage.target;
  Sql sql;
  const auto comment = [&](const std::string& wanted) {
    if (wanted.empty()) {
      sql << " IS NULL;";
    } else {
      sql << " IS " << Literal(wanted) << ";";
    }
  };
  const auto follows = [&](const std::string& column, const std::string& wanted) {
    return present[column] != wanted && present[column] == written[column];
  };
  if (follows("", publish.table_comment)) {
    sql << "COMMENT ON TABLE " << table;
    comment(publish.table_comment);
  }
  for (const Column& column : publish.stage.columns) {
    if (!follows(column.name, column.comment)) continue;
    sql << "COMMENT ON COLUMN " << table << "." << Identifier(column.name);
    comment(column.comment);
  }
  return sql;
}

}  // namespace

bool IsWidening(std::string_view from, std::string_view to) {
  constexpr std::string_view kVarchar = "character varying";
  const std::vector<int> old_modifiers = Modifiers(from);
  const std::vector<int> new_modifiers = Modifiers(to);
  if (from.starts_with(kVarchar) && !from.ends_with("[]")) {
    if (to == "text" || to == kVarchar) return true;
    return to.starts_with(kVarchar) && !to.ends_with("[]") && old_modifiers.size() == 1 &&
           new_modifiers.size() == 1 && new_modifiers[0] >= old_modifiers[0];
  }
  if (!from.starts_with("numeric(") || !to.starts_with("numeric") || to.ends_with("[]") ||
      from.ends_with("[]")) {
    return false;
  }
  return old_modifiers.size() == 2 && new_modifiers.size() == 2 &&
         new_modifiers[0] >= old_modifiers[0] && new_modifiers[1] == old_modifiers[1];
}

Status CollisionError(const TableName& table, std::string_view column) {
  return Status(ErrorClass::kIdentifierCollision,
                "the source has a column that others added to " + table.ToString() + ": " +
                    std::string(column) + ", whose values a sync would overwrite")
      .With("table", table.ToString())
      .With("column", column)
      .Mend("Rename or drop that column of the table, or leave the source's out with --columns.");
}

Status PinnedError(const TableName& table, std::string_view change, std::string_view pinned_by) {
  return Status(ErrorClass::kDependentObjectsStillExist,
                "a change of " + table.ToString() + " needs a new table: " + std::string(change) +
                    "; the old one is kept by " + std::string(pinned_by))
      .With("table", table.ToString())
      .With("change", change)
      .With("dependents", pinned_by)
      .Mend("Drop or move the named objects, sync, and make them again.");
}

Status OtherKeyError(const TableName& table, const std::vector<std::string>& has,
                     const std::vector<std::string>& wants, std::string_view pinned_by) {
  if (!has.empty() || wants.empty()) {
    return PinnedError(table, "its primary key is another", pinned_by);
  }
  return PinnedError(table, "it has no primary key", pinned_by)
      .Mend((Sql() << "ALTER TABLE " << table << " ADD PRIMARY KEY ("
                   << std::span<const std::string>(wants) << "), then sync again.")
                .text());
}

Result<Alignment> AlignColumns(const Context& context, Connection& connection,
                               const Publish& publish, std::int64_t table_oid,
                               std::string_view published_shape,
                               const std::vector<std::string>& extra_columns,
                               std::string_view pinned_by) {
  const TableName& table = publish.stage.target;
  const std::vector<std::string> ours = ShapeColumns(published_shape);
  const std::vector<std::string> not_null = ShapeNotNull(published_shape);
  SPILLWAY_ASSIGN(const std::vector<Pair> pairs,
                  ReadPairs(context, connection, publish, table_oid, extra_columns));
  Alignment alignment;
  for (const Pair& pair : pairs) {
    // NOT NULL is ours to take back only if we put it there.
    const std::vector<std::string>& made = pair.stage ? not_null : ours;
    const std::string change =
        Align(pair, table, std::ranges::find(made, pair.name) != made.end(), &alignment);
    if (!change.empty()) return PinnedError(table, change, pinned_by);
  }
  SPILLWAY_ASSIGN(const auto key, ReadPrimaryKey(context, connection, table_oid));
  if (key != publish.index.primary_key) {
    return OtherKeyError(table, key, publish.index.primary_key, pinned_by);
  }
  SPILLWAY_TRY(AlignIndexes(context, connection, publish, table_oid, published_shape, &alignment));
  SPILLWAY_ASSIGN(alignment.comments,
                  AlignComments(context, connection, publish, table_oid, published_shape));
  return alignment;
}

}  // namespace spillway::target::postgres
