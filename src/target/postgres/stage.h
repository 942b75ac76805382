#ifndef SPILLWAY_TARGET_POSTGRES_STAGE_H_
#define SPILLWAY_TARGET_POSTGRES_STAGE_H_

#include <string>
#include <string_view>
#include <vector>

#include "target/postgres/session/connection.h"
#include "target/stage.h"

/// Stages: logged tables in schema `spillway`, named stage_N_ID (the number of the stage, the
/// beginning of the synced table's id), that tasks fill and a publish puts in
/// the target's place. Each function runs its own transactions on a connection that the caller
/// lends, and leaves none open.
namespace spillway::target::postgres {

/// The state of a stage under a fence, read with the fence row locked shared until the transaction
/// ends.
enum class StageState : std::uint8_t {
  kOpen,    ///< its fence is the table's and it is registered: it may be written to
  kFenced,  ///< a newer fence exists, or the synced table was forgotten
  kGone,    ///< published or dropped
};

/// Begins a transaction, locks the fence row shared and tells the stage's state. A publish of the
/// stage waits for the transaction; a new fence does not.
base::Result<StageState> BeginOnStage(const base::Context& context, Connection& connection,
                                      const Stage& stage);
/// The error for a stage that is not open; ok for kOpen.
base::Status StageError(const Stage& stage, StageState state);
/// As BeginOnStage, for those who can do nothing else than write to the stage. Errors: FENCED,
/// after which no transaction is open.
base::Status BeginOnOpenStage(const base::Context& context, Connection& connection,
                              const Stage& stage);

/// Makes an empty stage for `target`, autovacuum off. Errors: FENCED, TARGET_PERMISSION (also when
/// the table could not be published later), INVALID_DEFINITION for a type that the server does not
/// know or an extra column that it refuses.
base::Result<Stage> CreateStage(const base::Context& context, Connection& connection,
                                const Fence& fence, const TableName& target,
                                const std::vector<Column>& columns,
                                const std::vector<ExtraColumn>& extra_columns);

/// Drops the stage when its fence is still the table's; ends the sessions that still write into it.
base::Status DropStage(const base::Context& context, Connection& connection, const Stage& stage);

/// Whether the synced table has a stage, at work or dead. REQUIRES: a layout is there.
base::Result<bool> HasStages(const base::Context& context, Connection& connection,
                             std::string_view synced_table_id);

/// Drops the stages whose fence is below the table's, and ends the sessions that still write into
/// them. A stage that cannot be had in two seconds is left for the next time. Returns the names of
/// the dropped ones.
base::Result<std::vector<std::string>> RemoveDeadStages(const base::Context& context,
                                                        Connection& connection,
                                                        std::string_view synced_table_id);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_STAGE_H_
