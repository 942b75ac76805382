#ifndef SPILLWAY_TARGET_POSTGRES_FORGET_H_
#define SPILLWAY_TARGET_POSTGRES_FORGET_H_

#include <chrono>
#include <string_view>

#include "target/postgres/session/pool.h"
#include "target/table_state.h"

namespace spillway::target::postgres {

/// Forgets a synced table: its position, its stages, and with `drop_table` the table it published,
/// unless that is another relation by now (TARGET_CHANGED). Errors: DEPENDENT_OBJECTS_STILL_EXIST,
/// LOCK_TIMEOUT naming who holds the table after `lock_timeout` in all. May be repeated.
base::Status ForgetSyncedTable(const base::Context& context, Pool& pool,
                               std::string_view synced_table_id, const TableName& table,
                               bool drop_table, std::chrono::milliseconds lock_timeout);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_FORGET_H_
