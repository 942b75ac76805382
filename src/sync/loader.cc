#include "sync/loader.h"

#include <condition_variable>
#include <deque>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace spillway::sync {
namespace {

using base::Code;
using base::Result;
using base::Status;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds kReportInterval{100};
constexpr milliseconds kFirstBackoff{200};
constexpr milliseconds kLongestBackoff{5000};
constexpr std::size_t kSplitsPerTask = 2000;

bool MayPass(const Status& error) {
  return (error.code() == Code::kUnavailable || error.code() == Code::kThrottled) &&
         error.error_class() != base::ErrorClass::kTargetDatabaseFull &&
         error.error_class() != base::ErrorClass::kStoreNoSpace &&
         error.error_class() != base::ErrorClass::kCommitUnknown &&
         error.error_class() != base::ErrorClass::kMemoryBudget;
}

// Serialised tasks on their way from the planning thread to the workers, and what the workers say
// back.
class Exchange {
 public:
  Exchange(std::size_t capacity, std::size_t workers) : capacity_(capacity), active_(workers) {}

  // Waits for room; false when the load is over.
  bool Push(std::string task) {
    base::MutexLock lock(mutex_);
    while (waiting_.size() >= capacity_ && error_.ok()) changed_.wait(mutex_);
    if (!error_.ok()) return false;
    waiting_.push_back(std::move(task));
    changed_.notify_all();
    return true;
  }
  void NoMore() {
    base::MutexLock lock(mutex_);
    complete_ = true;
    changed_.notify_all();
  }
  // The next task, or nullopt when there is none any more.
  std::optional<std::string> Pop() {
    base::MutexLock lock(mutex_);
    while (waiting_.empty() && !complete_ && error_.ok()) changed_.wait(mutex_);
    if (waiting_.empty() || !error_.ok()) return std::nullopt;
    std::string task = std::move(waiting_.front());
    waiting_.pop_front();
    changed_.notify_all();
    return task;
  }
  void Done(const target::TaskResult& result) {
    base::MutexLock lock(mutex_);
    ++loaded_.tasks;
    loaded_.rows += result.rows;
    loaded_.rejected += result.rejected;
    loaded_.bytes += result.bytes_sent;
  }
  // Keeps the first error and ends the load.
  void Fail(Status error) {
    base::MutexLock lock(mutex_);
    if (error_.ok()) error_ = std::move(error);
    changed_.notify_all();
    ending_.notify_all();
  }
  void Say(Event event) {
    base::MutexLock lock(mutex_);
    events_.push_back(std::move(event));
  }
  void WorkerEnds() {
    base::MutexLock lock(mutex_);
    --active_;
    ending_.notify_all();
  }
  // Waits until all workers ended, something failed or it is `end`; true in the first case. Moves
  // out what was said.
  bool Wait(SteadyClock::time_point end, std::vector<Event>* events) {
    base::MutexLock lock(mutex_);
    if (active_ > 0) ending_.wait_until(mutex_, end);
    events->swap(events_);
    return active_ == 0;
  }
  bool failed() {
    base::MutexLock lock(mutex_);
    return !error_.ok();
  }
  Result<Loaded> Finish() {
    base::MutexLock lock(mutex_);
    if (!error_.ok()) return error_;
    return loaded_;
  }

 private:
  const std::size_t capacity_;
  base::Mutex mutex_;
  std::condition_variable_any changed_;  // tasks: room, more, or none any more
  std::condition_variable_any ending_;   // a worker ended, or the load failed
  std::deque<std::string> waiting_ GUARDED_BY(mutex_);
  std::vector<Event> events_ GUARDED_BY(mutex_);
  Loaded loaded_ GUARDED_BY(mutex_);
  Status error_ GUARDED_BY(mutex_);
  bool complete_ GUARDED_BY(mutex_) = false;
  std::size_t active_ GUARDED_BY(mutex_);
};

void Work(const base::Context& context, const LoadSpec& spec, Exchange* exchange) {
  while (const std::optional<std::string> task = exchange->Pop()) {
    milliseconds backoff = kFirstBackoff;
    for (std::int32_t attempt = 0;; ++attempt) {
      Result<target::TaskResult> result = RunTask(context, *task, spec.environment);
      if (result.ok()) {
        exchange->Done(*result);
        break;
      }
      if (attempt >= spec.retries || !MayPass(result.status()) || !context.Check().ok() ||
          exchange->failed()) {
        exchange->Fail(std::move(result).status());
        return;
      }
      exchange->Say(Retry{"a task of the load", result.status()});
      static_cast<void>(context.Sleep(backoff));  // the next attempt finds what ended it early
      backoff = std::min(backoff * 2, kLongestBackoff);
    }
  }
}

Bottleneck FindBottleneck(const LoadCounters& counters) {
  const std::int64_t busy = counters.busy_nanoseconds.load();
  const std::int64_t source = counters.source_nanoseconds.load();
  const std::int64_t target = counters.target_nanoseconds.load();
  const std::int64_t encoding = std::max<std::int64_t>(busy - source - target, 0);
  if (source == 0 && target == 0) return Bottleneck::kNone;
  if (target >= source && target >= encoding) return Bottleneck::kTarget;
  return source >= encoding ? Bottleneck::kSource : Bottleneck::kEncoding;
}

Progress Measure(const LoadCounters& counters, const Plan& plan, SteadyClock::time_point start) {
  Progress progress;
  progress.rows = counters.rows.load(std::memory_order_relaxed);
  progress.total_rows = plan.estimated_rows;
  progress.bytes = counters.bytes.load(std::memory_order_relaxed);
  progress.splits_done = counters.tasks.load(std::memory_order_relaxed);
  progress.elapsed = std::chrono::duration_cast<milliseconds>(SteadyClock::now() - start);
  if (progress.total_rows && progress.rows > 0 && *progress.total_rows >= progress.rows) {
    progress.remaining = milliseconds(
        static_cast<std::int64_t>(static_cast<double>(progress.elapsed.count()) *
                                  static_cast<double>(*progress.total_rows - progress.rows) /
                                  static_cast<double>(progress.rows)));
  }
  progress.bottleneck = FindBottleneck(counters);
  return progress;
}

}  // namespace

Status ListTasks(
    const base::Context& context, const lake::Table& source, const lake::Scan& scan,
    const Plan& plan,
    const std::function<bool(std::int64_t number, std::vector<std::string> splits)>& take) {
  SPILLWAY_ASSIGN(auto splits, source.Splits(context, scan, plan.split_bytes));
  std::vector<std::string> group;
  std::int64_t bytes = 0;
  std::int64_t number = 0;
  while (true) {
    SPILLWAY_ASSIGN(std::optional<lake::Split> split, splits->Next(context));
    if (!split) break;
    const bool full = bytes + split->byte_size > plan.task_bytes && !group.empty();
    if (full || group.size() >= kSplitsPerTask) {
      if (!take(number++, std::exchange(group, {}))) return Status();
      bytes = 0;
    }
    bytes += split->byte_size;
    group.push_back(std::move(split->bytes));
  }
  if (!group.empty()) take(number, std::move(group));
  return Status();
}

Result<Loaded> Load(const base::Context& context, LoadSpec spec,
                    const std::function<void(const Event&)>& report) {
  // Workers stop when the caller wants it or when one of them failed.
  std::stop_source stop;
  std::stop_callback forward(context.stop, [&stop] { stop.request_stop(); });
  const base::Context inner{context.deadline, stop.get_token()};

  LoadCounters counters;
  spec.environment.counters = &counters;
  const auto workers = static_cast<std::size_t>(spec.plan->connections);
  Exchange exchange(workers, workers);
  const auto start = SteadyClock::now();
  {
    std::vector<std::jthread> threads;
    const auto list = [&] {
      const auto push = [&](std::int64_t number, std::vector<std::string> splits) {
        Task task = spec.prototype;
        task.id = std::to_string(number);
        task.splits = std::move(splits);
        return exchange.Push(task.Serialize());
      };
      if (Status status = ListTasks(inner, *spec.source, spec.scan, *spec.plan, push);
          !status.ok()) {
        exchange.Fail(std::move(status));
      }
      exchange.NoMore();
    };
    std::size_t running = 0;
    try {
      threads.emplace_back(list);
      for (; running < workers; ++running) {
        threads.emplace_back([&] {
          Work(inner, spec, &exchange);
          exchange.WorkerEnds();
        });
      }
    } catch (const std::system_error& error) {
      exchange.Fail(Status(base::ErrorClass::kInternal,
                           std::string("no thread could be started: ") + error.what())
                        .Mend("Allow this process more threads (ulimit -u, pids.max)."));
      stop.request_stop();
      for (; running < workers; ++running) exchange.WorkerEnds();
    }
    auto next_report = start + kReportInterval;
    for (bool finished = false; !finished;) {
      std::vector<Event> events;
      finished = exchange.Wait(next_report, &events);
      if (exchange.failed()) stop.request_stop();
      for (const Event& event : events) report(event);
      const auto now = SteadyClock::now();
      if (!finished && now < next_report) continue;
      report(Measure(counters, *spec.plan, start));
      next_report = now + kReportInterval;
    }
  }
  SPILLWAY_ASSIGN(Loaded loaded, exchange.Finish());
  loaded.bottleneck = FindBottleneck(counters);
  return loaded;
}

}  // namespace spillway::sync
