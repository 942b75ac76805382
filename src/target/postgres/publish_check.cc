#include "target/postgres/publish_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <utility>

#include "target/postgres/adopt.h"
#include "target/postgres/align_columns.h"
#include "target/postgres/copy/type_table.h"
#include "target/postgres/dependents.h"
#include "target/postgres/relation.h"
#include "target/postgres/shape.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

// object_not_in_prerequisite_state
constexpr std::string_view kNotPrepared = "55000";
// raise_exception
constexpr std::string_view kRaised = "P0001";

std::string Mend(std::string_view quoted_table) {
  return "ALTER TABLE " + std::string(quoted_table) + " REPLICA IDENTITY FULL";
}

// A column whose type the load changes; types as the server writes them.
struct TypeChange {
  std::string column;
  std::string from;
  std::string to;
  std::string ToString() const { return "column " + column + " becomes " + to + ", was " + from; }
};

// Types that are not in the type table are left to the server.
std::vector<TypeChange> TypeChanges(std::string_view shape, const std::vector<Column>& columns) {
  std::map<std::string, std::string> types = ShapeTypes(shape);
  std::vector<TypeChange> changes;
  for (const Column& column : columns) {
    const auto has = ParsePostgresType(types[column.name]);
    const auto wants = ParsePostgresType(column.target_type);
    if (!has.ok() || !wants.ok() || *has == *wants) continue;
    changes.push_back({column.name, types[column.name], wants->FormatType()});
  }
  return changes;
}

// The server makes indexes, constraints and statistics anew when a column's type changes; whatever
// else uses the column forbids it.
Status CheckWidened(const Context& context, Connection& connection, const TableName& table,
                    const TableState& state, const std::vector<TypeChange>& changes,
                    std::string_view pinned_by) {
  constexpr auto kMadeAnew = std::to_array<std::string_view>(
      {"index", "sequence", "statistics object", "table constraint"});
  std::vector<std::string> names;
  for (const TypeChange& change : changes) names.push_back(change.column);
  SPILLWAY_ASSIGN(const auto users,
                  FindColumnUsers(context, connection, state.oid, state.shape, names));
  for (const ColumnUser& user : users) {
    if (std::ranges::find(kMadeAnew, user.object.kind) != kMadeAnew.end()) continue;
    const auto change = std::ranges::find(changes, user.column, &TypeChange::column);
    return PinnedError(table, change->ToString() + ", and is used by " + user.object.ToString(),
                       pinned_by);
  }
  return Status();
}

// Columns that a load of `columns` takes from the table. Whether a computed one stays, which only
// the target has, is not known before the stage is made; nor what stays of a table to be replaced.
std::vector<std::string> DroppedBy(const std::vector<Column>& columns, std::string_view shape) {
  std::vector<std::string> dropped;
  if (IsReplaced(shape)) return dropped;
  const std::vector<std::string> computed = ShapeGenerated(shape);
  std::ranges::copy_if(ShapeColumns(shape), std::back_inserter(dropped), [&](const auto& name) {
    return std::ranges::find(columns, name, &Column::name) == columns.end() &&
           std::ranges::find(computed, name) == computed.end();
  });
  return dropped;
}

}  // namespace

Status CheckPublish(const Context& context, Connection& connection, const TableName& table,
                    const TableState& state, const std::vector<Column>& columns,
                    const std::vector<std::string>& key) {
  SPILLWAY_ASSIGN(const std::string now, ReadShape(context, connection, state.oid));
  const auto collisions = LoadedOverOthers(state.shape, now, columns);
  if (!collisions.empty()) return CollisionError(table, collisions.front());
  SPILLWAY_TRY(CheckDropped(context, connection, table, state.oid, state.shape,
                            DroppedBy(columns, state.shape)));
  const std::vector<Dependent> immovable = Immovable(state.dependents);
  if (immovable.empty() && !state.adopted) return Status();
  const std::string pinned_by = immovable.empty() ? "its adopted rows" : NamesOf(immovable);
  SPILLWAY_ASSIGN(const auto has, ReadPrimaryKey(context, connection, state.oid));
  if (has != key) return OtherKeyError(table, has, key, pinned_by);
  const std::vector<TypeChange> changes = TypeChanges(now, columns);
  for (const TypeChange& change : changes) {
    if (!IsWidening(change.from, change.to)) {
      return PinnedError(table, change.ToString(), pinned_by);
    }
  }
  return CheckWidened(context, connection, table, state, changes, pinned_by);
}

Status CheckDropped(const Context& context, Connection& connection, const TableName& table,
                    std::int64_t oid, std::string_view published_shape,
                    const std::vector<std::string>& dropped) {
  SPILLWAY_ASSIGN(const auto users,
                  FindColumnUsers(context, connection, oid, published_shape, dropped));
  if (users.empty()) return Status();
  std::vector<std::string> columns;
  std::vector<std::string> names;
  for (const ColumnUser& user : users) {
    if (columns.empty() || columns.back() != user.column) columns.push_back(user.column);
    names.push_back(user.object.ToString());
  }
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  const std::string column = fmt::format("{}", fmt::join(columns, ", "));
  const std::string dependents = fmt::format("{}", fmt::join(names, "; "));
  return Status(ErrorClass::kDependentObjectsStillExist,
                "the sync would drop " + std::string(columns.size() == 1 ? "column " : "columns ") +
                    column + " of " + table.ToString() + ", used by others: " + dependents)
      .With("table", table.ToString())
      .With("column", column)
      .With("dependents", dependents)
      .Mend(
          "Drop the named objects, or make them without the column, then sync again; or keep it "
          "in the source and the definition.");
}

Result<std::vector<std::string>> WarnOfReplicaIdentity(const Context& context,
                                                       Connection& connection, std::int64_t oid) {
  Sql sql;
  sql << "SELECT string_agg(p.pubname, ', ' ORDER BY p.pubname), r.oid::regclass FROM pg_class r"
      << " JOIN pg_publication p ON (p.pubupdate OR p.pubdelete) AND (p.puballtables"
      << " OR EXISTS (SELECT FROM pg_publication_rel m WHERE m.prpubid = p.oid"
      << " AND m.prrelid = r.oid) OR EXISTS (SELECT FROM pg_publication_namespace m"
      << " WHERE m.pnpubid = p.oid AND m.pnnspid = r.relnamespace)) WHERE r.oid = " << Literal(oid)
      << "::oid AND NOT EXISTS (SELECT FROM pg_index i"
      << " WHERE i.indrelid = r.oid AND (r.relreplident = 'd' AND i.indisprimary"
      << " OR r.relreplident = 'i' AND i.indisreplident)) AND r.relreplident <> 'f' GROUP BY r.oid";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  std::vector<std::string> warnings;
  if (rows.size() == 1) {
    warnings.push_back("the server lets no row of the table be changed or deleted: publication " +
                       std::string(rows.text(0, 0)) +
                       " sends them on, and the table has no replica identity; " +
                       Mend(rows.text(0, 1)));
  }
  return warnings;
}

Status ReplicaIdentityError(Status error, const TableName& table) {
  if (error.detail("sqlstate") != kNotPrepared) return error;
  std::string message(error.message());
  return std::move(error)
      .Restate(ErrorClass::kTargetUnsuitable, std::move(message))
      .With("table", table.ToString())
      .Mend("If the table lacks a replica identity: " + Mend((Sql() << table).text()) + ".");
}

Status OwnDropError(Status error, const TableName& table) {
  if (error.detail("sqlstate") != kRaised) return error;
  std::string message = "Spillway may not drop a table of its own: " + std::string(error.message());
  return std::move(error)
      .Restate(ErrorClass::kTargetUnsuitable, std::move(message))
      .With("table", table.ToString())
      .Mend("Let event triggers on sql_drop pass temporary tables and what is in schema spillway.");
}

}  // namespace spillway::target::postgres
