#ifndef SPILLWAY_TARGET_POSTGRES_OLD_READERS_H_
#define SPILLWAY_TARGET_POSTGRES_OLD_READERS_H_

#include "target/postgres/session/connection.h"

namespace spillway::target::postgres {

/// Waits until nobody can read with a snapshot taken before this call: a reader with an older one
/// would find a table that is swapped in empty, since its rows were committed after. Looks at
/// sessions of this database, at standbys that report their snapshots, and at replication slots.
/// Errors: LOCK_TIMEOUT naming who is left after `at_most` (detail blockers); CANCELLED,
/// DEADLINE_EXCEEDED.
base::Status WaitForOldReaders(const base::Context& context, Connection& connection,
                               std::chrono::milliseconds at_most);

/// Standbys that do not report their snapshots, for people: nobody can know what is read there. ""
/// when there are none.
base::Result<std::string> NameSilentStandbys(const base::Context& context, Connection& connection);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_OLD_READERS_H_
