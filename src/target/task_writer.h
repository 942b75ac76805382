#ifndef SPILLWAY_TARGET_TASK_WRITER_H_
#define SPILLWAY_TARGET_TASK_WRITER_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "data/batch.h"
#include "target/bad_row.h"

/// The writing of one task, a part of a load that commits by itself: repeating one is harmless.
namespace spillway::target {

class KeyRegister;

/// Result of a task's commit.
enum class TaskOutcome : std::uint8_t {
  kDone,     ///< its rows are in the stage
  kAlready,  ///< another attempt's rows were there; nothing was added
};

/// What a task left in the stage.
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

}  // namespace spillway::target

#endif  // SPILLWAY_TARGET_TASK_WRITER_H_
