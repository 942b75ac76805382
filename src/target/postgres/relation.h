#ifndef SPILLWAY_TARGET_POSTGRES_RELATION_H_
#define SPILLWAY_TARGET_POSTGRES_RELATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "target/postgres/connection.h"
#include "target/target.h"

/// What the catalogs say of the relation at a target table's name.
namespace spillway::target::postgres {

/// A relation, or a type, that holds a name.
struct Relation {
  std::int64_t oid = 0;
  std::string kind;         ///< table, view, sequence, type …
  std::string owner;        ///< its role
  bool may_drop = false;    ///< our role is a member of the owner
  std::string owned_by_id;  ///< the synced table that published it, else empty
};

/// The relation named `table`, or absent. `has_layout`: schema spillway is there to be asked for
/// the owner.
base::Result<std::optional<Relation>> FindRelation(const base::Context& context,
                                                   Connection& connection, const TableName& table,
                                                   bool has_layout);

/// The columns, primary key, indexes and comments of a relation as JSON text: what Spillway left
/// there, when read at the publish. "" when it is gone.
base::Result<std::string> ReadShape(const base::Context& context, Connection& connection,
                                    std::int64_t oid);
/// What differs in columns and primary key between two shapes, for people; "" when nothing does.
std::string DescribeShapeDifference(std::string_view published, std::string_view now);

/// Every object and property of relation `oid` that a table built anew from a stage would not have:
/// a closed world, so anything that is not known to be Spillway's own is named. `published_shape`
/// is what Spillway left.
base::Result<std::vector<Dependent>> FindDependents(const base::Context& context,
                                                    Connection& connection, std::int64_t oid,
                                                    std::string_view published_shape);

/// DEPENDENT_OBJECTS_STILL_EXIST naming each, with the details dependents and table.
base::Status DependentsError(const TableName& table, const std::vector<Dependent>& dependents);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_RELATION_H_
