#include "target/postgres/adopt.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/ids.h"
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

constexpr const char* kAdopted = "adopted";

Status CheckAdoptable(const TableName& table, const std::optional<Relation>& relation) {
  if (!relation) {
    return Status(ErrorClass::kTargetChanged, "there is no table " + table.ToString())
        .With("table", table.ToString())
        .Mend("Create the synced table without --adopt and --replace.");
  }
  if (relation->kind != "table") {
    return Status(ErrorClass::kAlreadyExists, "a " + relation->kind + " has the target's name: " +
                                                  table.ToString() + "; only a table is taken over")
        .With("table", table.ToString())
        .With("kind", relation->kind)
        .Mend("Choose another name, or drop it first.");
  }
  if (relation->may_drop) return Status();
  return Status(ErrorClass::kTargetPermission,
                "the table " + table.ToString() + " belongs to another role: " + relation->owner)
      .With("table", table.ToString())
      .Mend("As its owner: GRANT \"" + relation->owner + "\" to Spillway's role.");
}

// The columns of the table's primary key, in its order; empty: it has none.
Result<std::vector<std::string>> ReadKey(const Context& context, Connection& connection,
                                         std::int64_t oid) {
  Sql sql;
  sql << "SELECT a.attname FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, "
         "place)"
      << " JOIN pg_attribute a ON a.attnum = k.attnum WHERE i.indisprimary AND a.attrelid = "
         "i.indrelid"
      << " AND i.indrelid = " << Literal(oid) << "::oid ORDER BY k.place";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  std::vector<std::string> key;
  for (int row = 0; row < rows.size(); ++row) key.emplace_back(rows.text(row, 0));
  return key;
}

// Rows are compared by key, so the table must have the one that the synced table wants.
Status CheckKey(const TableName& table, const std::vector<std::string>& has,
                const std::vector<std::string>& wants) {
  if (std::set<std::string>(has.begin(), has.end()) ==
      std::set<std::string>(wants.begin(), wants.end())) {
    return Status();
  }
  return Status(ErrorClass::kChangedPrimaryKey,
                "the table " + table.ToString() + " has " +
                    (has.empty() ? "no primary key"
                                 : fmt::format("the primary key ({})", fmt::join(has, ", "))) +
                    ", the synced table " +
                    (wants.empty() ? "none" : fmt::format("({})", fmt::join(wants, ", "))))
      .With("table", table.ToString())
      .Mend("Give the table that key, or the synced table the table's; or use --replace.");
}

// What Spillway will call its own of a table taken over: of one whose rows are kept the columns
// that the synced table has, and the key; of one to be replaced every column.
Result<std::string> OwnedShape(const Context& context, Connection& connection, std::int64_t oid,
                               const std::vector<Column>& columns, bool keep_rows) {
  SPILLWAY_ASSIGN(const std::string text, ReadShape(context, connection, oid));
  Json shape = Json::parse(text, nullptr, false);
  if (!shape.is_object() || !shape["columns"].is_array()) {
    return Status(ErrorClass::kTargetChanged, "the table has no columns, or is gone");
  }
  if (keep_rows) {
    Json own = Json::array();
    for (const Json& column : shape["columns"]) {
      if (std::ranges::find(columns, column[0].get<std::string>(), &Column::name) !=
          columns.end()) {
        own.push_back(column);
      }
    }
    shape["columns"] = std::move(own);
    shape[kAdopted] = true;
  }
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

Status Adopt(const Context& context, Connection& connection, std::string_view synced_table_id,
             const TableName& table, const std::vector<Column>& columns,
             const std::vector<std::string>& key, bool keep_rows) {
  SPILLWAY_TRY(EnsureLayout(context, connection));
  SPILLWAY_ASSIGN(const auto relation, FindRelation(context, connection, table, true));
  SPILLWAY_TRY(CheckAdoptable(table, relation));
  if (keep_rows) {
    SPILLWAY_ASSIGN(const auto has, ReadKey(context, connection, relation->oid));
    SPILLWAY_TRY(CheckKey(table, has, key));
  }
  SPILLWAY_ASSIGN(const std::string shape,
                  OwnedShape(context, connection, relation->oid, columns, keep_rows));
  SPILLWAY_ASSIGN(const auto fenced,
                  NextFence(context, connection, synced_table_id, table, base::NewUuid()));
  // A relation is that of one synced table: a definition that somebody forgot to delete, or whose
  // state is lost, no longer owns it.
  Sql sql;
  sql << "BEGIN; UPDATE spillway.position SET table_oid = NULL, shape = NULL WHERE table_oid = "
      << Literal(relation->oid)
      << "::oid; UPDATE spillway.position SET table_oid = " << Literal(relation->oid)
      << "::oid, shape = " << Literal(shape)
      << " WHERE synced_table_id = " << Literal(synced_table_id)
      << " AND fence = " << Literal(fenced.first.number) << "; COMMIT";
  return connection.Execute(context, sql).While("take over " + table.ToString());
}

}  // namespace spillway::target::postgres
