#ifndef SPILLWAY_LAKE_DEADLINE_ALARM_H_
#define SPILLWAY_LAKE_DEADLINE_ALARM_H_

#include <chrono>
#include <condition_variable>
#include <map>
#include <thread>

#include "base/context.h"
#include "base/mutex.h"
#include "lake/lakeio_handles.h"

namespace spillway::lake {

/// Raises flags at deadlines: a lakeio stream knows only its flag, not how long one pull may take.
/// One thread, started by the first use. Thread-safe.
class DeadlineAlarm {
 public:
  DeadlineAlarm() = default;
  DeadlineAlarm(const DeadlineAlarm&) = delete;
  DeadlineAlarm& operator=(const DeadlineAlarm&) = delete;
  ~DeadlineAlarm();

  /// Raises `flag` at `deadline` unless destroyed before. The flag outlives the guard, the guard
  /// not the alarm.
  class Guard {
   public:
    Guard(DeadlineAlarm& alarm, const base::Deadline& deadline, lakeio_cancel* flag);
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    ~Guard();

   private:
    using Entry = std::multimap<std::chrono::steady_clock::time_point, lakeio_cancel*>::iterator;
    DeadlineAlarm& alarm_;
    bool set_ = false;
    Entry entry_;
  };

 private:
  void Run();

  base::Mutex mutex_;
  std::condition_variable_any changed_;
  /// A flag that was raised stays, as nullptr, until its guard goes.
  std::multimap<std::chrono::steady_clock::time_point, lakeio_cancel*> flags_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool started_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace spillway::lake

#endif  // SPILLWAY_LAKE_DEADLINE_ALARM_H_
