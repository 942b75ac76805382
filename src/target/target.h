#ifndef SPILLWAY_TARGET_TARGET_H_
#define SPILLWAY_TARGET_TARGET_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "base/secret.h"
#include "data/batch.h"
#include "data/schema.h"
#include "target/bad_row.h"

/// The port to targets: databases that hold synced tables and, beside them, the position of each.
/// Adapters: postgres.
namespace spillway::target {

class KeyRegister;

/// Name of a table in a target; parts are unquoted text.
struct TableName {
  std::string schema;
  std::string table;
  bool operator==(const TableName&) const = default;
  /// schema.table for people, quoted where SQL would need it.
  std::string ToString() const;
};

/// A column as the target shall have it, decided by planning: the adapter's type table and the
/// definition's overrides.
struct Column {
  std::string name;
  data::Type source_type;
  std::string target_type;  ///< in the target's own words: numeric(18,4)
  bool not_null = false;
  std::string comment;
  bool operator==(const Column&) const = default;
};

/// Which server and database this is, so that a restored, branched or failed-over one is
/// recognised.
struct Identity {
  std::string system_identifier;
  std::int64_t timeline = 0;
  std::string database;
  std::string cluster_name;
  std::int32_t server_version = 0;  ///< as server_version_num
  bool is_primary = true;
  bool operator==(const Identity&) const = default;
};

/// A row of `spillway.position`.
struct PositionRow {
  std::string synced_table_id;  ///< uuid of the definition
  TableName table;
  std::string source_position;  ///< lake::Position::document; empty: fenced but never published
  std::int64_t version = 0;     ///< for people
  std::string definition_hash;
  std::int64_t fence = 0;
  std::string run_id;
  std::int64_t rows = 0;
  std::string digest;
  std::chrono::sys_time<std::chrono::microseconds> published_at;
  std::chrono::sys_time<std::chrono::microseconds> committed_at;  ///< of the source version
  std::int64_t table_oid = 0;  ///< the relation published, to notice one swapped by hand
  Identity published_on;  ///< the server that published; another one now: restored, branched or
                          ///< failed over
};

/// Something of others that hangs on the table.
struct Dependent {
  std::string kind;      ///< view, foreign key, policy, trigger, publication …
  std::string name;      ///< as the server describes it
  bool movable = false;  ///< a swap carries it to the new table; else the swap would lose it
  /// For people: the kind, unless the name says it already.
  std::string ToString() const;
};

/// What is at the target's table now.
struct TableState {
  std::optional<PositionRow> position;  ///< by synced table id
  bool exists = false;                  ///< a relation of that name is there
  std::int64_t oid = 0;
  std::string kind;  ///< table, view, …
  std::string
      owned_by_id;  ///< synced table id of the position row that names this relation, else empty
  std::int64_t rejected = 0;          ///< rows of the synced table that are rejected at present
  bool unchanged = true;              ///< columns and key are as published
  std::string difference;             ///< what is not, for people
  std::vector<Dependent> dependents;  ///< only filled by DescribeDependents
  bool adopted = false;  ///< taken over with its rows, and nothing published yet: apply, not swap
  std::string foreign_owner;  ///< the relation's owner when we may not replace it, else empty
  /// Columns and key as published, in the adapter's own form; empty: never published.
  std::string shape;
  /// How the server is another than the one that published, for people, else empty. Only filled by
  /// DescribeDependents.
  std::string restored;
};

/// A held fence: every write of the run carries it. A newer fence makes this one worthless.
struct Fence {
  std::string synced_table_id;
  std::int64_t number = 0;
  std::string run_id;
};

/// A table being filled: plain data, so that another process can open it.
struct Stage {
  TableName table;  ///< a real table in schema spillway
  TableName target;
  Fence fence;
  std::vector<Column> columns;
  std::string Serialize() const;
  static base::Result<Stage> Parse(std::string_view bytes);
};

/// What became of a commit. kUnknown: the connection was lost after sending; nothing may be deleted
/// or repeated before the position is read again.
enum class CommitOutcome : std::uint8_t { kCommitted, kRejected, kUnknown };

/// Result of a task's commit.
enum class TaskOutcome : std::uint8_t {
  kDone,     ///< its rows are in the stage
  kAlready,  ///< another attempt's rows were there; nothing was added
};

struct TaskResult {
  TaskOutcome outcome = TaskOutcome::kDone;
  std::int64_t rows = 0;  ///< stored in the stage
  std::int64_t bytes_sent = 0;
  std::int64_t rejected = 0;  ///< recorded as rejected
};

/// How a task's rows are stored.
struct TaskOptions {
  std::vector<std::string> key;  ///< key columns: NULL there is a bad value; reports name them
  bool json_nonfinite_strings =
      false;  ///< NaN and infinity inside JSON become strings, else they are bad values
  /// When given: WriteGood holds rows back whose key another row has, as bad rows without a column.
  KeyRegister* keys = nullptr;
  std::int64_t task_number = 0;  ///< of the task in `keys`
};

/// Column that only the target has: what stands after its name in CREATE TABLE.
struct ExtraColumn {
  std::string name;
  std::string declaration;  ///< "text DEFAULT ''", "numeric GENERATED ALWAYS AS (price * 2) STORED"
  bool operator==(const ExtraColumn&) const = default;
};

/// Writes the rows of one task into a stage, in one transaction with the task's id. Used by one
/// thread.
class TaskWriter {
 public:
  virtual ~TaskWriter() = default;
  /// True when another attempt of the task has committed already: WriteGood does nothing then, so
  /// reading can be spared.
  virtual bool already() const = 0;
  /// Encodes and sends the rows that can be stored. The others are appended to `*bad` in their
  /// order, each with its row within the batch and no file.
  virtual base::Status WriteGood(const base::Context& context, const data::Batch& batch,
                                 std::vector<BadRow>* bad) = 0;
  /// Gives the task up: nothing of it remains. WriteGood then sends nothing and only finds bad
  /// rows; Commit is an error.
  virtual void Abandon() = 0;
  /// Adds located rows to those that the task rejects; they become the table's when the stage is
  /// published. Blocks.
  virtual base::Status Reject(const base::Context& context, const std::vector<BadRow>& rows) = 0;
  /// Commits rows and task id together. FENCED when a newer fence exists. A lost acknowledgement is
  /// resolved here: the task id is looked up under the fence row's lock; COMMIT_UNKNOWN only when
  /// that cannot be done in time.
  virtual base::Result<TaskResult> Commit(const base::Context& context) = 0;
  /// Bytes handed to the network so far.
  virtual std::int64_t bytes_sent() const = 0;
  /// Time spent waiting for the server to take bytes, for the bottleneck display.
  virtual std::chrono::nanoseconds time_blocked() const = 0;
};

struct IndexSpec {
  std::vector<std::string> primary_key;  ///< empty: keyless
  std::vector<std::string> indexes;      ///< "(category)", "using gin (tags)" …
  bool name_violations = true;  ///< a violated key is looked up; false: only its class is wanted
};

/// How the stage's rows come into the table. A table that is not there yet is always a swap.
enum class PublishWay : std::uint8_t {
  kSwap,   ///< the stage takes the table's place, with everything that hangs on the table
  kApply,  ///< what differs is written into the table, which stays; the stage is dropped
};
std::string_view Name(PublishWay way);

/// What the publish of one table records and demands.
struct Publish {
  Stage stage;
  PublishWay way = PublishWay::kSwap;
  std::string planned_from;         ///< source_position read under my fence; empty: none
  PositionRow position;             ///< to be written
  std::int64_t expected_rows = 0;   ///< the sum that stage_task must hold; position.rows are left
                                    ///< of them when superseded and rejected rows are removed
  std::int64_t expected_tasks = 0;  ///< and the number of its task ids
  IndexSpec index;
  std::string table_comment;
  /// More deletes than this share of the table's present rows are TOO_MANY_DELETES; 100: any.
  double max_delete_percent = 100;
  /// Rows that a foreign key of others deletes or changes in its turn (ON DELETE CASCADE, SET …).
  bool cascades_allowed = false;
  std::optional<std::int64_t> max_rejected;  ///< more rejected rows than that: TOO_MANY_REJECTED
  std::chrono::milliseconds lock_timeout{5000};
};

/// What became of one table of a publish. A count that was not taken is absent: a swap does not
/// compare rows, and compares keys only where `max_delete_percent` asks.
struct PublishedTable {
  PublishWay way = PublishWay::kSwap;  ///< the one taken in the end
  std::string reason;                  ///< why not the one asked for, or what it cannot rule out
  std::optional<std::int64_t> inserted;
  std::optional<std::int64_t> updated;
  std::optional<std::int64_t> deleted;
  std::optional<std::int64_t> unchanged;
};

/// What became of a publish.
struct Published {
  CommitOutcome outcome = CommitOutcome::kUnknown;
  std::vector<PublishedTable> tables;       ///< in the order of the publishes
  std::chrono::microseconds locked_for{0};  ///< how long readers of the tables were kept away
};

/// What planning has to know of a target.
struct Capabilities {
  std::int32_t max_columns = 0;
};

/// How a logical type is stored: the adapter's type table applied to one column.
struct TypeMapping {
  std::string target_type;
  std::vector<std::string> warnings;
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
  /// and whether the server is another one. Reads only.
  virtual base::Status DescribeDependents(const base::Context& context, TableState* state) = 0;
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
  /// Images of up to `limit` values of `columns` that several rows of the stage have. FENCED.
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
  /// Forgets the synced table; drops its table too when `drop_table`.
  virtual base::Status Forget(const base::Context& context, std::string_view synced_table_id,
                              const TableName& table, bool drop_table) = 0;
};

}  // namespace spillway::target

#endif  // SPILLWAY_TARGET_TARGET_H_
