#include "target/postgres/task_writer.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <utility>

#include "base/failpoint.h"
#include "data/row_json.h"
#include "target/key_register.h"
#include "target/postgres/bookkeeping.h"
#include "target/postgres/copy/copy_encoder.h"
#include "target/postgres/key_images.h"
#include "target/postgres/rejected_rows.h"
#include "target/postgres/resolution.h"
#include "target/postgres/stage.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

// Encoded bytes of one send. The network takes any size from 8 KB up equally well; at this one the
// bytes are still in the core's own cache when libpq and the kernel copy them (measured: 1 MB costs
// the client 40 % more processor time).
constexpr std::int64_t kSendBytes = 128 << 10;

Sql CopyStatement(const Stage& stage) {
  Sql sql;
  sql << "COPY " << stage.table << " (";
  bool first = true;
  for (const Column& column : stage.columns) {
    if (!first) sql << ", ";
    first = false;
    sql << Identifier(column.name);
  }
  sql << ") FROM STDIN (FORMAT binary)";
  return sql;
}

// What another attempt of the task committed, if one did.
Result<std::optional<TaskResult>> FindTask(const Context& context, Connection& connection,
                                           const Stage& stage, std::string_view task_id) {
  Sql sql;
  sql << "SELECT rows, bytes, rejected FROM spillway.stage_task WHERE stage_name = "
      << Literal(stage.table.table) << " AND task_id = " << Literal(task_id)
      << " AND run_id = " << Literal(stage.fence.run_id);
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  if (rows.size() == 0) return std::optional<TaskResult>();
  return std::optional<TaskResult>(
      TaskResult{TaskOutcome::kAlready, rows.number(0, 0), rows.number(0, 1), rows.number(0, 2)});
}

class PostgresTaskWriter final : public TaskWriter {
 public:
  PostgresTaskWriter(Pool& pool, Lease connection, CopyEncoder encoder,
                     std::vector<std::size_t> key, const TaskOptions& options,
                     std::unique_ptr<KeyImages> images, const Stage& stage,
                     std::string_view task_id, std::optional<TaskResult> already)
      : pool_(pool),
        connection_(std::move(connection)),
        encoder_(std::move(encoder)),
        key_(std::move(key)),
        keys_(options.keys),
        task_number_(options.task_number),
        images_(std::move(images)),
        stage_(stage),
        task_id_(task_id),
        already_(already) {}

  bool already() const override { return already_.has_value(); }

  Status WriteGood(const Context& context, const data::Batch& batch,
                   std::vector<BadRow>* bad) override {
    SPILLWAY_TRY(broken_);
    if (already_ || batch.rows() == 0) return Status();
    broken_ = WriteBatch(context, batch, bad);
    if (!broken_.ok()) connection_.Return();  // in a transaction: closed, and so rolled back
    return broken_;
  }

  void Abandon() override {
    abandoned_ = true;
    connection_.Return();  // in a transaction: closed, and so rolled back
  }

  Status Reject(const Context& context, const std::vector<BadRow>& rows) override {
    SPILLWAY_TRY(broken_);
    if (already_ || abandoned_ || rows.empty()) return Status();
    broken_ = RejectRows(context, rows);
    if (!broken_.ok()) connection_.Return();
    return broken_;
  }

  Result<TaskResult> Commit(const Context& context) override {
    SPILLWAY_TRY(broken_);
    if (abandoned_) return Status(ErrorClass::kInternal, "the task was given up");
    if (already_) return *already_;
    auto result = CommitRows(context);
    broken_ = Status(ErrorClass::kInternal, "the task is over");
    connection_.Return();
    return result;
  }

  std::int64_t bytes_sent() const override { return bytes_sent_; }
  std::chrono::nanoseconds time_blocked() const override { return time_blocked_; }

 private:
  Status WriteBatch(const Context& context, const data::Batch& batch, std::vector<BadRow>* bad) {
    SPILLWAY_TRY(base::Failpoint("task.batch"));
    const std::size_t bad_before = bad->size();
    if (images_ != nullptr) {
      SPILLWAY_ASSIGN(batch_images_, images_->Of(batch));
    }
    for (std::int64_t first = 0; first < batch.rows();) {
      const std::int64_t room = kSendBytes - static_cast<std::int64_t>(buffer_.size());
      const std::int64_t count =
          std::clamp<std::int64_t>(room / BytesPerRow(batch), 1, batch.rows() - first);
      const std::size_t before = buffer_.size();
      const std::size_t bad_of_piece = bad->size();
      SPILLWAY_TRY(encoder_.AppendGood(batch, first, count, &buffer_, bad));
      if (images_ != nullptr) {
        SPILLWAY_TRY(HoldBack(batch, first, count, before, bad_of_piece, bad));
      }
      first += count;
      encoded_rows_ += count;
      encoded_bytes_ += static_cast<std::int64_t>(buffer_.size() - before);
      if (static_cast<std::int64_t>(buffer_.size()) >= kSendBytes) {
        SPILLWAY_TRY(Send(context));
      }
    }
    seen_ += batch.rows();
    rows_ += batch.rows();
    if (bad->size() == bad_before) return Status();
    rows_ -= static_cast<std::int64_t>(bad->size() - bad_before);
    return Describe(batch, bad_before, bad);
  }

  // Registers the keys of the good rows [first, first + count), which are encoded from `before` on.
  // Those whose key another row has become bad rows, and the piece is encoded without them; the
  // piece's own bad rows are the last of `bad`, from `bad_of_piece` on.
  Status HoldBack(const data::Batch& batch, std::int64_t first, std::int64_t count,
                  std::size_t before, std::size_t bad_of_piece, std::vector<BadRow>* bad) {
    const std::size_t bad_end = bad->size();
    std::size_t next_bad = bad_of_piece;
    for (std::int64_t row = first; row < first + count; ++row) {
      if (next_bad < bad_end && (*bad)[next_bad].row == row) {
        ++next_bad;
        continue;
      }
      if (!keys_->IsRepeated(batch_images_[static_cast<std::size_t>(row)],
                             {task_number_, seen_ + row})) {
        continue;
      }
      BadRow repeated;
      repeated.reason = "duplicate key";
      repeated.error_class = ErrorClass::kPrimaryKeyConstraintViolation;
      repeated.row = row;
      bad->push_back(std::move(repeated));
    }
    if (bad->size() == bad_end) return Status();
    const auto piece = std::span(*bad).subspan(bad_of_piece);
    std::ranges::sort(piece, {}, &BadRow::row);
    buffer_.resize(before);
    std::int64_t from = first;
    std::vector<BadRow> none;
    for (const BadRow& row : piece) {
      SPILLWAY_TRY(encoder_.AppendGood(batch, from, row.row - from, &buffer_, &none));
      from = row.row + 1;
    }
    SPILLWAY_TRY(encoder_.AppendGood(batch, from, first + count - from, &buffer_, &none));
    if (none.empty()) return Status();
    return Status(ErrorClass::kInternal, "a row turned bad when it was encoded again");
  }

  // Adds what the bad rows hold, from `first` on.
  Status Describe(const data::Batch& batch, std::size_t first, std::vector<BadRow>* bad) {
    if (!row_json_) {
      SPILLWAY_ASSIGN(row_json_, data::RowJson::Make(batch.schema()));
    }
    for (BadRow& row : std::span(*bad).subspan(first)) {
      SPILLWAY_ASSIGN(row.row_json, row_json_->Write(batch, row.row));
      if (key_.empty()) continue;
      SPILLWAY_ASSIGN(row.key_json, row_json_->Write(batch, row.row, key_));
      if (row.key.empty()) row.key = row.key_json;
    }
    return Status();
  }

  // Ends the copy, since nothing else can be said on the connection while it goes on; the next
  // rows begin another one in the same transaction.
  Status RejectRows(const Context& context, const std::vector<BadRow>& rows) {
    SPILLWAY_TRY(EndCopy(context));
    SPILLWAY_ASSIGN(const std::int64_t added,
                    AddStageRejected(context, *connection_, stage_, rows));
    rejected_ += added;
    return Status();
  }

  // As encoded so far; at first as the batch holds them.
  std::int64_t BytesPerRow(const data::Batch& batch) const {
    const std::int64_t bytes =
        encoded_rows_ > 0 ? encoded_bytes_ / encoded_rows_ : batch.byte_size() / batch.rows();
    return std::max<std::int64_t>(1, bytes);
  }

  Status Send(const Context& context) {
    if (abandoned_) {
      buffer_.clear();
      return Status();
    }
    if (!copying_) {
      SPILLWAY_TRY(connection_->BeginCopy(context, CopyStatement(stage_)).While("load"));
      copying_ = true;
      std::string header;
      CopyEncoder::AppendHeader(&header);
      buffer_.insert(0, header);
    }
    Status sent = connection_->SendCopy(context, buffer_);
    time_blocked_ = connection_->time_blocked() - time_blocked_before_;
    bytes_sent_ += static_cast<std::int64_t>(buffer_.size());
    buffer_.clear();
    return Refused(std::move(sent)).While("load " + stage_.target.ToString());
  }

  // What only the server can find out, with the mend: that a row is too large, or that a column
  // which it computes from the row cannot be computed. The values sent are valid for their types.
  Status Refused(Status error) const {
    const std::string_view state = error.detail("sqlstate");
    std::string message;
    std::string mend;
    if (state == "54000") {
      message = "a row does not fit a page of the server: ";
      mend =
          "Select fewer columns with --columns, or map wide ones to text or jsonb, which are kept "
          "outside of the row when they are long.";
    } else if (state.starts_with("22") && !state.starts_with("22P")) {
      message = "a column that the server computes has no value for a row: ";
      mend =
          "Correct the generated column, in extra_columns or made by others in the table, or leave "
          "the row out with --where.";
    } else {
      return error;
    }
    message += error.message();
    return std::move(error)
        .Restate(ErrorClass::kValueOutOfRange, std::move(message))
        .With("table", stage_.target.ToString())
        .Mend(std::move(mend));
  }

  // Sends what is left and ends the copy, if one has begun.
  Status EndCopy(const Context& context) {
    if (!copying_ && buffer_.empty()) return Status();
    CopyEncoder::AppendTrailer(&buffer_);
    SPILLWAY_TRY(Send(context));
    auto stored = connection_->EndCopy(context);
    if (!stored.ok()) return Refused(std::move(stored).status());
    copying_ = false;
    stored_ += *stored;
    if (stored_ == rows_) return Status();
    return Status(ErrorClass::kCountMismatch, "the server stored " + std::to_string(stored_) +
                                                  " of " + std::to_string(rows_) + " rows")
        .With("table", stage_.target.ToString())
        .With("task", task_id_);
  }

  Result<TaskResult> CommitRows(const Context& context) {
    SPILLWAY_TRY(EndCopy(context));
    SPILLWAY_ASSIGN(const bool recorded, Record(context));
    if (!recorded) return Another(context);
    SPILLWAY_ASSIGN(const DoubtedTransaction doubted, NoteTransaction(context, *connection_));
    SPILLWAY_TRY(base::Failpoint("task.commit.before"));
    auto reply = connection_->Commit(context, "task.commit.sent");
    if (reply.outcome == CommitOutcome::kUnknown) {
      connection_.Return();  // makes room for the connection that finds out
      SPILLWAY_ASSIGN(reply.outcome, Resolve(ResolutionContext(context), doubted, reply.error));
    }
    if (reply.outcome != CommitOutcome::kCommitted) return std::move(reply.error);
    SPILLWAY_TRY(base::Failpoint("task.commit.after"));
    return TaskResult{TaskOutcome::kDone, rows_, bytes_sent_, rejected_};
  }

  // Writes the task's id, last; waits for another attempt that did the same and has not committed.
  // False when that one has committed, or the fence is no longer ours.
  Result<bool> Record(const Context& context) {
    Sql sql;
    sql << "INSERT INTO spillway.stage_task (stage_name, task_id, run_id, rows, bytes,"
        << " rejected) SELECT " << Literal(stage_.table.table) << ", " << Literal(task_id_) << ", "
        << Literal(stage_.fence.run_id) << ", " << Literal(rows_) << "::bigint, "
        << Literal(bytes_sent_) << "::bigint, " << Literal(rejected_)
        << "::bigint FROM spillway.position WHERE synced_table_id = "
        << Literal(stage_.fence.synced_table_id) << " AND fence = " << Literal(stage_.fence.number)
        << " AND fence_run_id = " << Literal(stage_.fence.run_id) << " ON CONFLICT DO NOTHING";
    SPILLWAY_ASSIGN(const Rows rows, connection_->Query(context, sql));
    return rows.affected() == 1;
  }

  // Why Record added nothing.
  Result<TaskResult> Another(const Context& context) {
    SPILLWAY_TRY(connection_->Execute(context, Sql() << "ROLLBACK"));
    SPILLWAY_ASSIGN(const auto found, FindTask(context, *connection_, stage_, task_id_));
    if (found) return *found;
    return StageError(stage_, StageState::kFenced);
  }

  // Finds out whether the doubted transaction committed: an insert of the same task id waits until
  // it has ended, and conflicts when it committed. The insert is rolled back. The fence row is held
  // shared meanwhile, so that the stage is not published under the question. An error is
  // COMMIT_UNKNOWN.
  Result<CommitOutcome> Resolve(const Context& context, const DoubtedTransaction& doubted,
                                const Status& cause) {
    auto found = AskServer(context, doubted);
    if (found.ok()) return found;
    Status unknown(
        ErrorClass::kCommitUnknown,
        "the connection was lost while a task committed (" + std::string(cause.message()) +
            ") and its outcome could not be read: " + std::string(found.status().message()));
    return std::move(unknown).With("table", stage_.target.ToString()).With("task", task_id_);
  }

  Result<CommitOutcome> AskServer(const Context& context, const DoubtedTransaction& doubted) {
    SPILLWAY_ASSIGN(Lease other, ReconnectPatiently(context, pool_));
    EndIdleTransaction(context, *other, doubted);
    SPILLWAY_ASSIGN(const StageState state, BeginOnStage(context, *other, stage_));
    if (state == StageState::kGone) {
      // Only a finished run publishes, and only with this task in it; a dropped stage needs no
      // task.
      SPILLWAY_TRY(other->Execute(context, Sql() << "ROLLBACK"));
      SPILLWAY_ASSIGN(const std::string status, TransactionStatus(context, *other, doubted));
      return status == "committed" ? CommitOutcome::kCommitted : CommitOutcome::kRejected;
    }
    Sql sql;
    sql << "INSERT INTO spillway.stage_task (stage_name, task_id, run_id, rows, bytes) VALUES ("
        << Literal(stage_.table.table) << ", " << Literal(task_id_)
        << ", '', 0, 0) ON CONFLICT DO NOTHING";
    SPILLWAY_ASSIGN(const Rows inserted, other->Query(context, sql));
    // Another run's stage may have the same name: the task must be of this one.
    SPILLWAY_ASSIGN(const auto found, FindTask(context, *other, stage_, task_id_));
    SPILLWAY_TRY(other->Execute(context, Sql() << "ROLLBACK"));
    return inserted.affected() == 0 && found ? CommitOutcome::kCommitted : CommitOutcome::kRejected;
  }

  Pool& pool_;
  Lease connection_;
  CopyEncoder encoder_;
  const std::vector<std::size_t> key_;
  std::optional<data::RowJson> row_json_;  ///< made for the first bad row
  KeyRegister* const keys_;
  const std::int64_t task_number_;
  const std::unique_ptr<KeyImages> images_;  ///< with keys_ only
  std::vector<std::string> batch_images_;
  std::int64_t seen_ = 0;  ///< rows of the batches before
  const Stage stage_;
  const std::string task_id_;
  const std::optional<TaskResult> already_;
  const std::chrono::nanoseconds time_blocked_before_ = connection_->time_blocked();
  Status broken_;
  bool copying_ = false;
  bool abandoned_ = false;
  std::string buffer_;
  std::int64_t encoded_rows_ = 0;
  std::int64_t encoded_bytes_ = 0;
  std::int64_t rows_ = 0;    ///< encoded to be stored
  std::int64_t stored_ = 0;  ///< by the copies that ended
  std::int64_t rejected_ = 0;
  std::int64_t bytes_sent_ = 0;
  std::chrono::nanoseconds time_blocked_{0};
};

}  // namespace

Result<std::unique_ptr<TaskWriter>> OpenTaskWriter(const Context& context, Pool& pool,
                                                   const Stage& stage, std::string_view task_id,
                                                   const data::Schema& schema,
                                                   const TaskOptions& options) {
  SPILLWAY_TRY(base::Failpoint("task.begin"));
  std::vector<std::size_t> key_columns;
  for (const std::string& name : options.key) {
    const auto index = schema.Find(name);
    if (!index) {
      return Status(ErrorClass::kInternal, "a key column is not among the rows' columns: " + name);
    }
    key_columns.push_back(*index);
  }
  SPILLWAY_ASSIGN(CopyEncoder encoder,
                  CopyEncoder::Make(schema, stage.columns, key_columns,
                                    {.json_nonfinite_strings = options.json_nonfinite_strings}));
  std::unique_ptr<KeyImages> images;
  if (options.keys != nullptr && !options.key.empty()) {
    SPILLWAY_ASSIGN(images, MakeKeyImages(stage, schema, options.key));
  }
  SPILLWAY_ASSIGN(Lease connection, pool.BorrowWritable(context));
  SPILLWAY_ASSIGN(const StageState state, BeginOnStage(context, *connection, stage));
  SPILLWAY_TRY(StageError(stage, state));
  SPILLWAY_ASSIGN(auto already, FindTask(context, *connection, stage, task_id));
  if (already) SPILLWAY_TRY(connection->Execute(context, Sql() << "ROLLBACK"));
  return std::unique_ptr<TaskWriter>(new PostgresTaskWriter(
      pool, std::move(connection), std::move(encoder), std::move(key_columns), options,
      std::move(images), stage, task_id, already));
}

}  // namespace spillway::target::postgres
