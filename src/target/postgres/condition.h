#ifndef SPILLWAY_TARGET_POSTGRES_CONDITION_H_
#define SPILLWAY_TARGET_POSTGRES_CONDITION_H_

#include <string_view>

#include "target/postgres/session/connection.h"
#include "target/table_state.h"

/// Table `spillway.condition`: what view `spillway.status` says of a synced table besides what its
/// publishes say. Nothing is written to a database without schema `spillway`; an older layout is
/// brought up to date.
namespace spillway::target::postgres {

/// Records that the latest run failed with `error`, or with an ok status that it did not.
base::Status RecordFailure(const base::Context& context, Connection& connection,
                           std::string_view synced_table_id, const TableName& table,
                           std::string_view run_id, const base::Status& error);

/// Records that the synced table is paused, or that it is not.
base::Status RecordPaused(const base::Context& context, Connection& connection,
                          std::string_view synced_table_id, const TableName& table, bool paused);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_CONDITION_H_
