#include "sync/task.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <utility>

#include "sync/row_places.h"

namespace spillway::sync {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using SteadyClock = std::chrono::steady_clock;

constexpr std::string_view kMagic = "SWTK";
constexpr std::uint32_t kFormatVersion = 2;
// Bad rows that a task holds before it hands them to the target.
constexpr std::size_t kHeldRows = 5000;
constexpr std::size_t kHeldBytes = 4 << 20;

void PutU64(std::uint64_t value, std::string* out) {
  for (int shift = 0; shift < 64; shift += 8) {
    out->push_back(static_cast<char>((value >> shift) & 0xff));
  }
}

void PutText(std::string_view text, std::string* out) {
  PutU64(text.size(), out);
  out->append(text);
}

void PutList(const std::vector<std::string>& list, std::string* out) {
  PutU64(list.size(), out);
  for (const std::string& text : list) PutText(text, out);
}

// Reads the parts in the order in which they were put; a wrong length makes everything after it
// fail.
class PartReader {
 public:
  explicit PartReader(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t U64() {
    if (rest_.size() < 8) return Fail();
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
    }
    rest_.remove_prefix(8);
    return value;
  }
  std::string Text() {
    const std::uint64_t size = U64();
    if (size > rest_.size()) {
      Fail();
      return {};
    }
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }
  std::vector<std::string> List() {
    const std::uint64_t count = U64();
    std::vector<std::string> list;
    for (std::uint64_t i = 0; i < count && ok_; ++i) list.push_back(Text());
    return list;
  }
  bool AtEnd() const { return ok_ && rest_.empty(); }

 private:
  std::uint64_t Fail() {
    ok_ = false;
    rest_ = {};
    return 0;
  }
  std::string_view rest_;
  bool ok_ = true;
};

Status NotATask(std::string_view why) {
  return Status(ErrorClass::kInvalidArgument, "not a task: " + std::string(why));
}

// Adds the time since construction to a counter.
class Stopwatch {
 public:
  explicit Stopwatch(std::atomic<std::int64_t>* nanoseconds)
      : nanoseconds_(nanoseconds), start_(SteadyClock::now()) {}
  ~Stopwatch() {
    if (nanoseconds_ == nullptr) return;
    nanoseconds_->fetch_add(
        std::chrono::duration_cast<std::chrono::nanoseconds>(SteadyClock::now() - start_).count(),
        std::memory_order_relaxed);
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  std::atomic<std::int64_t>* nanoseconds_;
  SteadyClock::time_point start_;
};

// Moves the batches of one split into the writer, which is opened at the first one.
class TaskRun {
 public:
  TaskRun(const Task& task, const TaskEnvironment& environment)
      : task_(task), environment_(environment), counters_(environment.counters) {}

  // A task that failed counts for nothing: its rows are rolled back.
  ~TaskRun() {
    CountBusy();
    if (committed_ || counters_ == nullptr) return;
    counters_->rows.fetch_sub(rows_counted_, std::memory_order_relaxed);
    counters_->bytes.fetch_sub(bytes_counted_, std::memory_order_relaxed);
    counters_->rejected.fetch_sub(rejected_counted_, std::memory_order_relaxed);
  }
  TaskRun(const TaskRun&) = delete;
  TaskRun& operator=(const TaskRun&) = delete;

  Result<target::TaskResult> Run(const base::Context& context) {
    SPILLWAY_ASSIGN(const lake::Location location, environment_.resolve(task_.source));
    for (const std::string& split : task_.splits) {
      SPILLWAY_TRY(CopySplit(context, location, split));
      if (writer_->already()) break;
      if (failing_ && located_.size() >= target::kBadRowsNamed) break;
    }
    if (failing_) return target::BadRowsError(task_.stage.target.ToString(), located_);
    SPILLWAY_TRY(writer_->Reject(context, located_));
    SPILLWAY_ASSIGN(target::TaskResult result, writer_->Commit(context));
    committed_ = true;
    if (counters_ != nullptr) counters_->tasks.fetch_add(1, std::memory_order_relaxed);
    return result;
  }

 private:
  Status CopySplit(const base::Context& context, const lake::Location& location,
                   const std::string& split) {
    std::unique_ptr<data::BatchStream> stream;
    {
      Stopwatch source(SourceTime());
      SPILLWAY_ASSIGN(
          stream, environment_.lake->Read(context, location, lake::Scan{task_.scan, nullptr}, split,
                                          task_.read));
    }
    if (writer_ == nullptr) {
      target::TaskOptions options = task_.options;
      if (task_.reject) options.keys = environment_.keys;
      options.task_number = std::strtoll(task_.id.c_str(), nullptr, 10);
      SPILLWAY_ASSIGN(writer_, environment_.target->OpenTask(context, task_.stage, task_.id,
                                                             *stream->schema(), options));
    }
    if (writer_->already()) return Status();
    RowPlaces places(*environment_.lake, location, task_.scan, split, task_.read);
    for (std::int64_t row = 0;;) {
      SPILLWAY_TRY(context.Check());
      std::optional<data::Batch> batch;
      {
        Stopwatch source(SourceTime());
        SPILLWAY_ASSIGN(batch, stream->Next(context));
      }
      if (!batch) break;
      const std::size_t before = found_.size();
      SPILLWAY_TRY(writer_->WriteGood(context, *batch, &found_));
      const auto bad = static_cast<std::int64_t>(found_.size() - before);
      for (std::size_t i = before; i < found_.size(); ++i) {
        found_[i].row += row;
        held_bytes_ += found_[i].row_json.size();
      }
      row += batch->rows();
      Count(batch->rows() - bad);
      if (bad == 0) continue;
      SPILLWAY_TRY(TakeBad(context, bad, &places));
      if (failing_ && located_.size() >= target::kBadRowsNamed) return Status();
    }
    return Locate(context, &places);
  }

  // The rows found since the last call get their places.
  Status Locate(const base::Context& context, RowPlaces* places) {
    SPILLWAY_TRY(places->Locate(context, &found_));
    std::move(found_.begin(), found_.end(), std::back_inserter(located_));
    found_.clear();
    return Status();
  }

  // What the task does about the `bad` rows found last.
  Status TakeBad(const base::Context& context, std::int64_t bad, RowPlaces* places) {
    if (!task_.reject) {
      if (!std::exchange(failing_, true)) writer_->Abandon();
      const bool enough = located_.size() + found_.size() >= target::kBadRowsNamed;
      return enough ? Locate(context, places) : Status();
    }
    rejected_counted_ += bad;
    if (counters_ != nullptr) {
      const std::int64_t all = bad + counters_->rejected.fetch_add(bad, std::memory_order_relaxed);
      if (environment_.max_rejected && all > *environment_.max_rejected) {
        SPILLWAY_TRY(Locate(context, places));
        return target::TooManyRejected(task_.stage.target.ToString(), all,
                                       *environment_.max_rejected, target::NameBadRows(located_));
      }
    }
    if (found_.size() < kHeldRows && held_bytes_ < kHeldBytes) return Status();
    SPILLWAY_TRY(Locate(context, places));
    SPILLWAY_TRY(writer_->Reject(context, located_));
    located_.clear();
    held_bytes_ = 0;
    return Status();
  }

  void Count(std::int64_t rows) {
    if (counters_ == nullptr) return;
    counters_->rows.fetch_add(rows, std::memory_order_relaxed);
    rows_counted_ += rows;
    const std::int64_t sent = writer_->bytes_sent();
    counters_->bytes.fetch_add(sent - bytes_counted_, std::memory_order_relaxed);
    bytes_counted_ = sent;
    const std::int64_t blocked = writer_->time_blocked().count();
    counters_->target_nanoseconds.fetch_add(blocked - blocked_counted_, std::memory_order_relaxed);
    blocked_counted_ = blocked;
    CountBusy();
  }

  // Adds the time since it was counted last.
  void CountBusy() {
    if (counters_ == nullptr) return;
    const auto now = SteadyClock::now();
    const auto busy = std::chrono::duration_cast<std::chrono::nanoseconds>(now - busy_counted_);
    counters_->busy_nanoseconds.fetch_add(busy.count(), std::memory_order_relaxed);
    busy_counted_ = now;
  }

  std::atomic<std::int64_t>* SourceTime() {
    return counters_ == nullptr ? nullptr : &counters_->source_nanoseconds;
  }

  const Task& task_;
  const TaskEnvironment& environment_;
  LoadCounters* counters_;
  std::unique_ptr<target::TaskWriter> writer_;
  std::vector<target::BadRow> found_;    ///< of the split in hand, by their number in it
  std::vector<target::BadRow> located_;  ///< with their places
  std::size_t held_bytes_ = 0;
  bool failing_ = false;
  bool committed_ = false;
  std::int64_t rejected_counted_ = 0;
  std::int64_t rows_counted_ = 0;
  std::int64_t bytes_counted_ = 0;
  std::int64_t blocked_counted_ = 0;
  SteadyClock::time_point busy_counted_ = SteadyClock::now();
};

}  // namespace

std::string Task::Serialize() const {
  std::string out(kMagic);
  PutU64(kFormatVersion, &out);
  PutText(id, &out);
  PutText(source, &out);
  PutText(scan, &out);
  PutList(splits, &out);
  PutList(options.key, &out);
  PutU64(options.json_nonfinite_strings ? 1 : 0, &out);
  PutU64(reject ? 1 : 0, &out);
  PutText(stage.Serialize(), &out);
  PutU64(static_cast<std::uint64_t>(read.batch_rows), &out);
  PutU64(static_cast<std::uint64_t>(read.batch_bytes), &out);
  PutU64(static_cast<std::uint64_t>(read.memory_bytes), &out);
  return out;
}

Result<Task> Task::Parse(std::string_view bytes) {
  if (!bytes.starts_with(kMagic)) return NotATask("its first bytes are others");
  PartReader reader(bytes.substr(kMagic.size()));
  const std::uint64_t version = reader.U64();
  if (version != kFormatVersion) {
    return NotATask("format version " + std::to_string(version) + ", this release reads " +
                    std::to_string(kFormatVersion));
  }
  Task task;
  task.id = reader.Text();
  task.source = reader.Text();
  task.scan = reader.Text();
  task.splits = reader.List();
  task.options.key = reader.List();
  const std::uint64_t nonfinite = reader.U64();
  const std::uint64_t reject = reader.U64();
  task.options.json_nonfinite_strings = nonfinite == 1;
  task.reject = reject == 1;
  const std::string stage = reader.Text();
  task.read.batch_rows = static_cast<std::int64_t>(reader.U64());
  task.read.batch_bytes = static_cast<std::int64_t>(reader.U64());
  task.read.memory_bytes = static_cast<std::int64_t>(reader.U64());
  task.read.check_text = false;  // as in every plan: the target's encoder checks
  if (!reader.AtEnd()) return NotATask("its length is wrong");
  if (nonfinite > 1 || reject > 1) return NotATask("a yes or no is neither");
  if (task.splits.empty()) return NotATask("it has no splits");
  if (task.read.batch_rows < 1 || task.read.batch_bytes < 1 || task.read.memory_bytes < 1) {
    return NotATask("a read option is not positive");
  }
  SPILLWAY_ASSIGN(task.stage, target::Stage::Parse(stage));
  return task;
}

Result<target::TaskResult> RunTask(const base::Context& context, std::string_view bytes,
                                   const TaskEnvironment& environment) {
  SPILLWAY_ASSIGN(const Task task, Task::Parse(bytes));
  return TaskRun(task, environment).Run(context);
}

}  // namespace spillway::sync
