#ifndef SPILLWAY_TARGET_POSTGRES_PLACEMENT_H_
#define SPILLWAY_TARGET_POSTGRES_PLACEMENT_H_

#include <cstdint>
#include <string_view>

#include "target/postgres/session/connection.h"
#include "target/stage.h"

/// How a stage becomes the table of its target's name: schema, names, default grants. Statements
/// for the transaction that publishes.
namespace spillway::target::postgres {

/// Makes the target's schema when it is not there.
base::Status MakeSchema(const base::Context& context, Connection& connection, const Stage& stage);

/// Gives the stage the target's schema and name, the server's own autovacuum settings and `comment`
/// (empty: none).
Sql TakePlace(const Stage& stage, std::string_view comment);

/// The privileges that ALTER DEFAULT PRIVILEGES IN SCHEMA gives a table made in the target's
/// schema; the stage was made in another one.
base::Result<Sql> DefaultGrants(const base::Context& context, Connection& connection,
                                const Stage& stage);

/// Renames the constraints and indexes of relation `oid` that are named after the stage: a user
/// expects them named after the table. REQUIRES: the relation is in the target's schema.
base::Result<Sql> OwnNames(const base::Context& context, Connection& connection, const Stage& stage,
                           std::int64_t oid);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_PLACEMENT_H_
