#ifndef SPILLWAY_TARGET_POSTGRES_TABLE_HOLD_H_
#define SPILLWAY_TARGET_POSTGRES_TABLE_HOLD_H_

#include <memory>

#include "target/postgres/pool.h"
#include "target/target.h"

namespace spillway::target::postgres {

/// Takes the advisory lock of `table` in a session of `pool`, which is kept until the hold is
/// destroyed. The server frees it when the session ends: at once after a death of the process,
/// within half a minute after a death of the machine (TCP keepalive). A session that is just ending
/// is given a second. Errors: RUN_IN_PROGRESS naming the holder; those of Pool::Borrow.
base::Result<std::unique_ptr<TableHold>> HoldTable(const base::Context& context, Pool& pool,
                                                   const TableName& table);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_TABLE_HOLD_H_
