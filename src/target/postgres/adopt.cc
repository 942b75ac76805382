#include "target/postgres/adopt.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "base/ids.h"
#include "target/postgres/align_columns.h"
#include "target/postgres/bookkeeping.h"
#include "target/postgres/layout.h"
#include "target/postgres/relation.h"
#include "target/postgres/shape.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;
using Json = nlohmann::json;

// Parts of a column of a shape.
constexpr std::size_t kName = 0;
constexpr std::size_t kNotNull = 2;

constexpr const char* kAdopted = "adopted";
constexpr const char* kReplaced = "replaced";

Status CheckAdoptable(const TableName& table, const std::optional<Relation>& relation) {
  if (!relation) {
    return Status(ErrorClass::kTargetChanged, "there is no table " + table.ToString())
        .With("table", table.ToString())
        .Mend("Create the synced table without --adopt and --replace.");
  }
  if (relation->kind != "table") {
    return Status(ErrorClass::kAlreadyExists, (relation->kind == "index" ? "an " : "a ") +
                                                  relation->kind + " has the target's name: " +
                                                  table.ToString() + "; only a table is taken over")
        .With("table", table.ToString())
        .With("kind", relation->kind)
        .Mend("Choose another name, or drop it first.");
  }
  if (relation->may_drop) return Status();
  return Status(ErrorClass::kTargetPermission,
                "the table " + table.ToString() + " belongs to another role: " + relation->owner)
      .With("table", table.ToString())
      .Mend(
          (Sql() << "As its owner: GRANT " << Identifier(relation->owner) << " TO Spillway's role.")
              .text());
}

// Rows are compared by key, so the table must have the one that the synced table wants.
Status CheckKey(const TableName& table, const std::vector<std::string>& has,
                const std::vector<std::string>& wants) {
  if (has == wants) return Status();
  return Status(ErrorClass::kChangedPrimaryKey,
                "the table " + table.ToString() + " has " +
                    (has.empty() ? "no primary key"
                                 : fmt::format("the primary key ({})", fmt::join(has, ", "))) +
                    ", the synced table " +
                    (wants.empty() ? "none" : fmt::format("({})", fmt::join(wants, ", "))))
      .With("table", table.ToString())
      .Mend("Give the table that key, or the synced table the table's; or use --replace.");
}

// What differs is written into the table that stays, so its types must be the synced table's, or
// such as widen to them. The server says how it writes the latter: it makes a table of them, for
// the moment.
Status CheckTypes(const Context& context, Connection& connection, const TableName& table,
                  std::int64_t oid, const std::vector<Column>& columns,
                  const std::vector<std::string>& key) {
  Sql make;
  make << "BEGIN; CREATE TEMPORARY TABLE spillway_types (";
  bool first = true;
  for (const Column& column : columns) {
    if (!first) make << ", ";
    first = false;
    make << Identifier(column.name) << " " << ColumnType(column.target_type);
  }
  SPILLWAY_TRY(connection.Execute(context, make << ")"));
  Sql sql;
  sql << "SELECT t.attname, format_type(t.atttypid, t.atttypmod), format_type(s.atttypid,"
      << " s.atttypmod), f.fixed FROM pg_attribute t JOIN pg_attribute s ON s.attname = t.attname,"
      // A key is inserted, never updated.
      << " LATERAL (SELECT CASE WHEN t.attgenerated <> '' THEN 'is generated' WHEN t.attidentity ="
      << " 'a' AND t.attname NOT IN (''";
  for (const std::string& column : key) sql << ", " << Literal(column);
  sql << ") THEN 'is GENERATED ALWAYS AS IDENTITY' END) AS f(fixed) WHERE t.attrelid = "
      << Literal(oid)
      << "::oid AND s.attrelid = 'pg_temp.spillway_types'::regclass AND t.attnum > 0"
      << " AND s.attnum > 0 AND NOT t.attisdropped AND (f.fixed IS NOT NULL"
      << " OR (t.atttypid, t.atttypmod) <> (s.atttypid, s.atttypmod)) ORDER BY t.attnum";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  SPILLWAY_TRY(connection.Execute(context, Sql() << "ROLLBACK"));
  std::string others;
  for (int row = 0; row < rows.size(); ++row) {
    if (!rows.IsNull(row, 3)) {
      others +=
          fmt::format("{}{} {}", others.empty() ? "" : "; ", rows.text(row, 0), rows.text(row, 3));
      continue;
    }
    if (IsWidening(rows.text(row, 1), rows.text(row, 2))) continue;
    others += fmt::format("{}{} is {}, not {}", others.empty() ? "" : "; ", rows.text(row, 0),
                          rows.text(row, 1), rows.text(row, 2));
  }
  if (others.empty()) return Status();
  return Status(ErrorClass::kColumnTypeChangeNotSupported,
                "the table " + table.ToString() +
                    " has columns of other types than the synced table: " + others)
      .With("table", table.ToString())
      .Mend("Give the synced table the table's types with --type-overrides, or use --replace.");
}

// What Spillway will call its own of a table taken over: of one whose rows are kept the columns
// that the synced table has, and the key; of one to be replaced every column. NOT NULL is its
// owner's, but for the key.
Result<std::string> OwnedShape(const Context& context, Connection& connection, std::int64_t oid,
                               const std::vector<Column>& columns,
                               const std::vector<std::string>& key, bool keep_rows) {
  SPILLWAY_ASSIGN(const std::string text, ReadShape(context, connection, oid));
  Json shape = Json::parse(text, nullptr, false);
  if (!shape.is_object() || !shape["columns"].is_array()) {
    return Status(ErrorClass::kTargetChanged, "the table has no columns, or is gone");
  }
  if (keep_rows) {
    Json own = Json::array();
    for (Json column : shape["columns"]) {
      const auto name = column[kName].get<std::string>();
      if (std::ranges::find(columns, name, &Column::name) == columns.end()) continue;
      if (std::ranges::find(key, name) == key.end()) column[kNotNull] = false;
      own.push_back(std::move(column));
    }
    shape["columns"] = std::move(own);
  }
  shape[keep_rows ? kAdopted : kReplaced] = true;
  Sql sql;
  sql << "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indisprimary AND indrelid = "
      << Literal(oid) << "::oid";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  shape["indexes"] = Json::array();
  if (rows.size() == 1) shape["indexes"].push_back(std::string(rows.text(0, 0)));
  shape["comments"] = nullptr;
  return shape.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

bool IsAdopted(std::string_view shape) {
  const Json json = Json::parse(shape, nullptr, false);
  return json.is_object() && json.contains(kAdopted);
}

bool IsReplaced(std::string_view shape) {
  const Json json = Json::parse(shape, nullptr, false);
  return json.is_object() && json.contains(kReplaced);
}

Status Adopt(const Context& context, Connection& connection, std::string_view synced_table_id,
             const TableName& table, const std::vector<Column>& columns,
             const std::vector<std::string>& key, bool keep_rows) {
  SPILLWAY_TRY(RepairLayout(context, connection));
  SPILLWAY_ASSIGN(const auto relation, FindRelation(context, connection, table, true));
  SPILLWAY_TRY(CheckAdoptable(table, relation));
  if (keep_rows) {
    SPILLWAY_ASSIGN(const auto has, ReadPrimaryKey(context, connection, relation->oid));
    SPILLWAY_TRY(CheckKey(table, has, key));
    SPILLWAY_TRY(CheckTypes(context, connection, table, relation->oid, columns, key));
  }
  SPILLWAY_ASSIGN(const std::string shape,
                  OwnedShape(context, connection, relation->oid, columns, key, keep_rows));
  SPILLWAY_ASSIGN(const auto fenced,
                  NextFence(context, connection, synced_table_id, table, base::NewUuid()));
  // A relation is that of one synced table: a definition that somebody forgot to delete, or whose
  // state is lost, no longer owns it.
  Sql sql;
  sql << "BEGIN;";
  if (!relation->owned_by_id.empty()) {
    sql << " UPDATE spillway.position SET table_oid = NULL, shape = NULL WHERE synced_table_id = "
        << Literal(relation->owned_by_id) << ";";
  }
  sql << " UPDATE spillway.position SET table_oid = " << Literal(relation->oid)
      << "::oid, shape = " << KeptShape(shape)
      << ", system_identifier = " << Literal(connection.facts().system_identifier)
      << " WHERE synced_table_id = " << Literal(synced_table_id)
      << " AND fence = " << Literal(fenced.first.number)
      << " AND fence_run_id = " << Literal(fenced.first.run_id);
  auto taken = connection.Query(context, sql);
  if (!taken.ok()) return std::move(taken).status().While("take over " + table.ToString());
  if (taken->affected() == 1) return connection.Execute(context, Sql() << "COMMIT");
  SPILLWAY_TRY(connection.Execute(context, Sql() << "ROLLBACK"));
  return FencedError(fenced.first, "a newer run has taken over " + table.ToString());
}

}  // namespace spillway::target::postgres
