#ifndef SPILLWAY_TARGET_POSTGRES_PUBLISH_H_
#define SPILLWAY_TARGET_POSTGRES_PUBLISH_H_

#include "target/postgres/session/pool.h"
#include "target/publish.h"

namespace spillway::target::postgres {

/// Puts stages in their tables' places, or writes what differs into the tables, and moves the
/// positions, all in one transaction; see Target::PublishStages for what may go wrong. A table of
/// that name that the synced table published is replaced, when nothing would be lost by that.
/// Leaves the stages as they were unless the outcome is kCommitted or kUnknown.
base::Result<Published> PublishStages(const base::Context& context, Pool& pool,
                                      const std::vector<Publish>& publishes);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_PUBLISH_H_
