#ifndef SPILLWAY_TARGET_POSTGRES_PUBLISH_H_
#define SPILLWAY_TARGET_POSTGRES_PUBLISH_H_

#include "target/postgres/pool.h"
#include "target/target.h"

namespace spillway::target::postgres {

/// Puts a stage in its table's place and moves the position, in one transaction; see
/// Target::PublishStage for what may go wrong. A table of that name that this synced table
/// published is replaced, when nothing would be lost by that. Leaves the stage as it was unless the
/// outcome is kCommitted or kUnknown.
base::Result<CommitOutcome> PublishStage(const base::Context& context, Pool& pool,
                                         const Publish& publish);

/// Forgets a synced table: its position, its stages, and with `drop_table` the table it published,
/// unless that is another relation by now (TARGET_CHANGED). Errors: DEPENDENT_OBJECTS_STILL_EXIST,
/// LOCK_TIMEOUT.
base::Status ForgetSyncedTable(const base::Context& context, Pool& pool,
                               std::string_view synced_table_id, const TableName& table,
                               bool drop_table);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_PUBLISH_H_
