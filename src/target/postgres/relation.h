#ifndef SPILLWAY_TARGET_POSTGRES_RELATION_H_
#define SPILLWAY_TARGET_POSTGRES_RELATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "target/postgres/session/connection.h"
#include "target/table_state.h"

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

/// The columns of the primary key of relation `oid`, in its order; empty: it has none.
base::Result<std::vector<std::string>> ReadPrimaryKey(const base::Context& context,
                                                      Connection& connection, std::int64_t oid);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_RELATION_H_
