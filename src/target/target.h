#ifndef SPILLWAY_TARGET_TARGET_H_
#define SPILLWAY_TARGET_TARGET_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "data/batch.h"
#include "data/schema.h"
#include "target/bad_row.h"
#include "target/publish.h"
#include "target/stage.h"
#include "target/table_state.h"
#include "target/task_writer.h"

/// The port to targets: databases that hold synced tables and, beside them, the position of each.
/// Adapters: postgres.
namespace spillway::target {

/// What planning has to know of a target.
struct Capabilities {
  std::int32_t max_columns = 0;
};

/// What "spillway target test" reports, one line a check.
struct Check {
  std::string name;
  base::Status outcome;
  std::string note;
};

/// Keeps other machines' runs off one table as long as it lives. It spares them useless work; what
/// keeps two runs from harm is the fence.
class TableHold {
 public:
  virtual ~TableHold() = default;
};

/// One database. Thread-safe; connections come from its own capped pool.
class Target {
 public:
  virtual ~Target() = default;
  virtual const Capabilities& capabilities() const = 0;
  virtual base::Result<Identity> Identify(const base::Context& context) = 0;
  virtual std::vector<Check> Test(const base::Context& context) = 0;

  /// The column that stores `field`, `override_type` being the definition's word or empty. Errors:
  /// UNSUPPORTED_COLUMN_TYPE, INVALID_DEFINITION for an override that does not fit the type or
  /// server.
  virtual base::Result<Column> MapColumn(const base::Context& context, const data::Field& field,
                                         std::string_view override_type, bool in_key) = 0;
  /// Names that would collide, be too long or be a system column's. IDENTIFIER_COLLISION.
  virtual base::Status CheckNames(const TableName& table,
                                  const std::vector<Column>& columns) const = 0;

  /// Reads only; writes nothing, not even the spillway schema. `synced_table_id` may be empty.
  virtual base::Result<TableState> Describe(const base::Context& context, const TableName& table,
                                            std::string_view synced_table_id) = 0;
  /// Adds to what Describe gave what only a load needs: the dependents that hang on the relation,
  /// whether the server is another one, and warnings. Reads only.
  virtual base::Status DescribeDependents(const base::Context& context, TableState* state) = 0;
  /// Refuses what a publish into the table of `state` (from DescribeDependents) would refuse after
  /// the load: IDENTIFIER_COLLISION for one of `columns` that others made there,
  /// DEPENDENT_OBJECTS_STILL_EXIST for another `key` where the table must stay. Nothing of a table
  /// that is not the synced table's. Reads only.
  virtual base::Status CheckPublish(const base::Context& context, const TableName& table,
                                    const TableState& state, const std::vector<Column>& columns,
                                    const std::vector<std::string>& key) = 0;
  /// Takes the table at `table` over for a synced table that has published nothing: from now on it
  /// is that one's, and no other's. `columns` are those that the synced table will have; others in
  /// the table stay. `keep_rows`: the first publish applies the difference, else it swaps.
  /// Repeating it is harmless. Errors: TARGET_CHANGED when no table is there, ALREADY_EXISTS when
  /// something else than a table is, TARGET_PERMISSION, CHANGED_PRIMARY_KEY,
  /// COLUMN_TYPE_CHANGE_NOT_SUPPORTED when kept rows have another key or other types; FENCED.
  virtual base::Status Adopt(const base::Context& context, std::string_view synced_table_id,
                             const TableName& table, const std::vector<Column>& columns,
                             const std::vector<std::string>& key, bool keep_rows) = 0;
  /// Holds the table against the runs of every machine. Does not wait for another holder:
  /// RUN_IN_PROGRESS names it.
  virtual base::Result<std::unique_ptr<TableHold>> HoldTable(const base::Context& context,
                                                             const TableName& table) = 0;
  /// Next fence number, by row lock on the primary; makes schema "spillway" when it is not there.
  /// Returns the position as it is under the new fence.
  virtual base::Result<std::pair<Fence, std::optional<PositionRow>>> TakeFence(
      const base::Context& context, std::string_view synced_table_id, const TableName& table,
      std::string_view run_id) = 0;
  /// Removes the stages of `synced_table_id` whose fence is below the table's: they are dead.
  /// Returns their names.
  virtual base::Result<std::vector<std::string>> RemoveDeadStages(
      const base::Context& context, std::string_view synced_table_id) = 0;

  /// `extra_columns` follow the others. Errors: FENCED, TARGET_PERMISSION, IDENTIFIER_COLLISION,
  /// INVALID_DEFINITION with the server's own words for a declaration that it refuses, or that
  /// makes more than one column.
  virtual base::Result<Stage> CreateStage(const base::Context& context, const Fence& fence,
                                          const TableName& target,
                                          const std::vector<Column>& columns,
                                          const std::vector<ExtraColumn>& extra_columns) = 0;
  /// Tries the key and the indexes of `index` on a stage that has no rows yet, and leaves none:
  /// what the server refuses is told before the load. Errors: FENCED, INVALID_DEFINITION naming the
  /// index.
  virtual base::Status TryIndexes(const base::Context& context, const Stage& stage,
                                  const IndexSpec& index) = 0;
  /// A writer for task `task_id` (unique within the run). `schema` is that of the batches.
  virtual base::Result<std::unique_ptr<TaskWriter>> OpenTask(const base::Context& context,
                                                             const Stage& stage,
                                                             std::string_view task_id,
                                                             const data::Schema& schema,
                                                             const TaskOptions& options) = 0;
  /// Primary key and indexes on the stage, several indexes at a time where the server can. A
  /// violated key is PRIMARY_KEY_CONSTRAINT_VIOLATION naming up to ten keys.
  virtual base::Status BuildIndexes(const base::Context& context, const Stage& stage,
                                    const IndexSpec& index) = 0;
  /// Removes from the stage each row of which another one with an equal `key` has a greater value
  /// in `column`; NULL is less than every value, NaN greater. Returns how many. FENCED.
  virtual base::Result<std::int64_t> KeepGreatest(const base::Context& context, const Stage& stage,
                                                  const std::vector<std::string>& key,
                                                  const std::string& column) = 0;
  /// Images of up to `limit` values of `columns` that several rows of the stage have, fewer when
  /// they are large, at least one when there is any. FENCED.
  virtual base::Result<std::vector<std::string>> RepeatedImages(
      const base::Context& context, const Stage& stage, const std::vector<std::string>& columns,
      std::int64_t limit) = 0;
  /// What makes such images of source rows. `schema` is that of the batches. Does not block.
  virtual base::Result<std::unique_ptr<KeyImages>> OpenKeyImages(
      const Stage& stage, const data::Schema& schema, const std::vector<std::string>& columns) = 0;
  /// Rejects `rows` for the stage, those already rejected excepted. Returns how many were not.
  /// FENCED.
  virtual base::Result<std::int64_t> RejectRows(const base::Context& context, const Stage& stage,
                                                const std::vector<BadRow>& rows) = 0;
  /// Removes the rows that have one of `images` in `columns` from the stage. Returns how many.
  /// FENCED.
  virtual base::Result<std::int64_t> RemoveImages(const base::Context& context, const Stage& stage,
                                                  const std::vector<std::string>& columns,
                                                  const std::vector<std::string>& images) = 0;
  /// The rejected rows of a synced table as they stand, oldest first, with the columns of
  /// RejectedSchema(). Reads only.
  virtual base::Result<std::unique_ptr<data::BatchStream>> ReadRejected(
      const base::Context& context, std::string_view synced_table_id) = 0;
  /// All in one transaction, for each table: moves the position WHERE fence = mine AND position =
  /// planned_from (else FENCED), checks the stage's task ids and row count, then swaps or applies.
  /// A swap that would lose or surprise (an object that cannot be moved, a reader with an older
  /// snapshot who stays) becomes an apply. Locks are taken in the order of the tables' names,
  /// whatever the order of `publishes`, and all within the smallest of the lock timeouts. Lost
  /// acknowledgements are resolved by reading the position under the row lock; kUnknown only when
  /// that fails in time. Nothing of any table is changed unless all are. Errors:
  /// DEPENDENT_OBJECTS_STILL_EXIST, TOO_MANY_DELETES, CASCADING_DELETES, LOCK_TIMEOUT naming the
  /// blockers, COUNT_MISMATCH, FENCED. REQUIRES: at least one, and each synced table once.
  virtual base::Result<Published> PublishStages(const base::Context& context,
                                                const std::vector<Publish>& publishes) = 0;
  /// Drops the stage if its fence is still ours.
  virtual base::Status DropStage(const base::Context& context, const Stage& stage) = 0;
  /// Tells those who read the target's status that run `run_id` failed with `error`, or with an ok
  /// status that the latest run did not. Does nothing where no sync has ever written.
  virtual base::Status RecordFailure(const base::Context& context, std::string_view synced_table_id,
                                     const TableName& table, std::string_view run_id,
                                     const base::Status& error) = 0;
  /// Tells them that the synced table is paused, or that it is not. Does nothing where no sync has
  /// ever written.
  virtual base::Status RecordPaused(const base::Context& context, std::string_view synced_table_id,
                                    const TableName& table, bool paused) = 0;
  /// Forgets the synced table; drops its table too when `drop_table`. Waits for readers of it no
  /// longer than `lock_timeout`, and only in short turns, which do not hold others up: LOCK_TIMEOUT
  /// naming them. TARGET_CHANGED, and nothing is forgotten, when the table to be dropped is not the
  /// one that was published.
  virtual base::Status Forget(const base::Context& context, std::string_view synced_table_id,
                              const TableName& table, bool drop_table,
                              std::chrono::milliseconds lock_timeout) = 0;
};

}  // namespace spillway::target

#endif  // SPILLWAY_TARGET_TARGET_H_
