#ifndef SPILLWAY_TARGET_POSTGRES_SHAPE_H_
#define SPILLWAY_TARGET_POSTGRES_SHAPE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "target/postgres/session/connection.h"
#include "target/publish.h"

/// The shape of a table: its columns, primary key, indexes and comments as JSON text
/// (docs/formats/bookkeeping.md). The shape in the position row is what Spillway made itself, so
/// that whatever else a table has is of others. But for ReadShape these functions compute from text
/// and never fail: in a text that is no shape, "" included, they find nothing.
namespace spillway::target::postgres {

/// The shape of a relation now. "" when it is gone. Errors: the server's.
base::Result<std::string> ReadShape(const base::Context& context, Connection& connection,
                                    std::int64_t oid);

/// What is missing or other of Spillway's own columns, primary key and indexes, for people; "" when
/// nothing is. What others added is no difference, NOT NULL and defaults included: the rows are the
/// source's all the same.
std::string DescribeShapeDifference(std::string_view published, std::string_view now);

/// The list `key` of a shape as JSON text; "[]" when there is none.
std::string ShapeList(std::string_view shape, std::string_view key);

/// The names of the columns of a shape, in its order.
std::vector<std::string> ShapeColumns(std::string_view shape);
/// Their types by name, as the server writes them.
std::map<std::string, std::string> ShapeTypes(std::string_view shape);
/// Those of its primary key, in the key's order.
std::vector<std::string> ShapeKey(std::string_view shape);
/// Those of them that are NOT NULL.
std::vector<std::string> ShapeNotNull(std::string_view shape);

/// Those of them that are computed from the row.
std::vector<std::string> ShapeGenerated(std::string_view shape);

/// The comments of a shape by column, the table's own under "".
std::map<std::string, std::string> ShapeComments(std::string_view shape);

/// Whether both shapes have a column `name` of the same type that is computed in the same way.
bool HaveSameColumn(std::string_view shape, std::string_view other, std::string_view name);

/// The names among `columns`, which a load writes, of columns of `now` that others made. None when
/// nothing is known to be published.
std::vector<std::string> LoadedOverOthers(std::string_view published, std::string_view now,
                                          const std::vector<Column>& columns);

/// What Spillway made of `now`, the shape of a published table: of `stage_shape` the columns
/// `own_columns` that the table has too, in the collations of the table, not the indexes
/// `others_indexes`, the others with the storage parameters of `stage_shape`, and the comments of
/// `publish`.
std::string OwnShape(std::string_view now, std::string_view stage_shape,
                     const std::vector<std::string>& own_columns,
                     const std::vector<std::string>& others_indexes, const Publish& publish);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_SHAPE_H_
