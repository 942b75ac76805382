#ifndef SPILLWAY_TARGET_POSTGRES_REJECTED_ROWS_H_
#define SPILLWAY_TARGET_POSTGRES_REJECTED_ROWS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/batch.h"
#include "target/bad_row.h"
#include "target/postgres/session/connection.h"
#include "target/postgres/session/pool.h"
#include "target/stage.h"

/// Rejected rows: `spillway.stage_rejected` holds those of a stage, written with its tasks;
/// `spillway.rejected` the outstanding ones of each synced table, which a publish replaces
/// (docs/formats/bookkeeping.md). No function here begins or ends a transaction.
namespace spillway::target::postgres {

/// Records rows of a stage as rejected, within the open transaction; one that is recorded already
/// (file and position) is not recorded twice. Returns how many were new.
base::Result<std::int64_t> AddStageRejected(const base::Context& context, Connection& connection,
                                            const Stage& stage, const std::vector<BadRow>& rows);

/// Makes the stage's rejected rows the outstanding ones of its synced table, within the publish's
/// transaction, after the position moved. Errors: TOO_MANY_REJECTED naming up to ten rows when
/// there are more than `max_rejected`.
base::Status PublishRejected(const base::Context& context, Connection& connection,
                             const Stage& stage, std::int64_t version,
                             std::optional<std::int64_t> max_rejected);

/// Outstanding rejected rows of a synced table. REQUIRES: the layout has them (version 2).
base::Result<std::int64_t> CountRejected(const base::Context& context, Connection& connection,
                                         std::string_view synced_table_id);

/// The outstanding rows in batches, each read on a connection of `pool` when it is asked for; see
/// Target::ReadRejected. `pool` outlives the stream.
std::unique_ptr<data::BatchStream> StreamRejected(Pool& pool, std::string_view synced_table_id);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_REJECTED_ROWS_H_
