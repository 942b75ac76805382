#ifndef SPILLWAY_TARGET_POSTGRES_LAYOUT_H_
#define SPILLWAY_TARGET_POSTGRES_LAYOUT_H_

#include <string_view>

#include "target/postgres/session/connection.h"

/// The tables and the view of schema `spillway`, as docs/formats/bookkeeping.md describes them.
namespace spillway::target::postgres {

/// The layout's version that this release writes. Version 2 added rejected rows, version 3 the
/// conditions, version 4 the replica identity of tables without a key.
inline constexpr int kLayoutVersion = 4;

/// The layout's version in the database; 0 when schema `spillway` has none. Errors:
/// TARGET_UNSUITABLE when a newer release made it, TARGET_CHANGED when a part of it is gone.
base::Result<int> ReadLayoutVersion(const base::Context& context, Connection& connection);

/// Whether schema `spillway` has a layout, whole or not. Errors: TARGET_UNSUITABLE.
base::Result<bool> HasLayout(const base::Context& context, Connection& connection);

/// Makes the schema and its tables, or brings them up to date. Concurrent callers wait for each
/// other. Errors: TARGET_PERMISSION, ALREADY_EXISTS when something else uses the names, and those
/// of ReadLayoutVersion.
base::Status EnsureLayout(const base::Context& context, Connection& connection);

/// Likewise, and makes again what somebody dropped, empty: for who gives up or takes over a table.
base::Status RepairLayout(const base::Context& context, Connection& connection);

/// The statement that lets `role` make schemas in `database`, for a mend.
Sql GrantCreate(std::string_view database, std::string_view role);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_LAYOUT_H_
