#ifndef SPILLWAY_TARGET_POSTGRES_ALIGN_COLUMNS_H_
#define SPILLWAY_TARGET_POSTGRES_ALIGN_COLUMNS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "target/postgres/session/connection.h"
#include "target/publish.h"

namespace spillway::target::postgres {

/// The changes that bring a table's columns and indexes to a stage's without rewriting it.
struct Alignment {
  Sql before;    ///< to be run before the rows are written
  Sql indexes;   ///< and after: new indexes
  Sql after;     ///< likewise, NOT NULL, which only the new rows may satisfy, and dropped indexes
  Sql comments;  ///< likewise, the source's comments where nobody else wrote another
  /// Whether readers must be kept out.
  bool ChangesTable() const { return !before.empty() || !after.empty(); }
};

/// Compares the columns, key and indexes of relation `table_oid` with those that the stage of
/// `publish` loads. Added columns, dropped ones, wider varchar and numeric, and nullability are
/// changes of the catalog alone; columns of others (not in `published_shape`) stay. Those of the
/// stage that are in `extra_columns` are added with their defaults and expressions, which does
/// rewrite the table; a default that a column has already is left. Changes nothing itself. Errors:
/// DEPENDENT_OBJECTS_STILL_EXIST for a change that needs a new table, naming it and `pinned_by`,
/// what keeps the old one.
base::Result<Alignment> AlignColumns(const base::Context& context, Connection& connection,
                                     const Publish& publish, std::int64_t table_oid,
                                     std::string_view published_shape,
                                     const std::vector<std::string>& extra_columns,
                                     std::string_view pinned_by);

/// Whether the server changes a column from type `from` to `to`, both as format_type writes them,
/// without looking at a row.
bool IsWidening(std::string_view from, std::string_view to);

/// IDENTIFIER_COLLISION: `column` is loaded, and others made one of that name.
base::Status CollisionError(const TableName& table, std::string_view column);

/// DEPENDENT_OBJECTS_STILL_EXIST: `change` cannot be made in place and `pinned_by` keeps the table.
base::Status PinnedError(const TableName& table, std::string_view change,
                         std::string_view pinned_by);

/// DEPENDENT_OBJECTS_STILL_EXIST: the table has the primary key `has` and shall have `wants`, and
/// `pinned_by` keeps the table.
base::Status OtherKeyError(const TableName& table, const std::vector<std::string>& has,
                           const std::vector<std::string>& wants, std::string_view pinned_by);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_ALIGN_COLUMNS_H_
