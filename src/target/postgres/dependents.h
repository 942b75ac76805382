#ifndef SPILLWAY_TARGET_POSTGRES_DEPENDENTS_H_
#define SPILLWAY_TARGET_POSTGRES_DEPENDENTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "target/postgres/session/connection.h"
#include "target/table_state.h"

namespace spillway::target::postgres {

/// Every object and property of relation `oid` that a table built anew from a stage would not have.
/// A closed world: whatever refers to the relation in any catalog and is not known to be Spillway's
/// own is named, and movable only if attachments.h has statements for its kind and our role may run
/// them. `published_shape` is what Spillway left.
base::Result<std::vector<Dependent>> FindDependents(const base::Context& context,
                                                    Connection& connection, std::int64_t oid,
                                                    std::string_view published_shape);

/// An object of others that uses a column of a table.
struct ColumnUser {
  std::string column;
  Dependent object;
};

/// What uses one of `columns` of relation `oid` and would go with it, or keep it from being
/// dropped: nothing that is Spillway's own, nor what is the column's, like its default.
base::Result<std::vector<ColumnUser>> FindColumnUsers(const base::Context& context,
                                                      Connection& connection, std::int64_t oid,
                                                      std::string_view published_shape,
                                                      const std::vector<std::string>& columns);

/// The dependents that a swap would lose.
std::vector<Dependent> Immovable(const std::vector<Dependent>& dependents);
/// All of them, for people.
std::string NamesOf(const std::vector<Dependent>& dependents);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_DEPENDENTS_H_
