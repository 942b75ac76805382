#include "lake/deadline_alarm.h"

namespace spillway::lake {

using Clock = std::chrono::steady_clock;

DeadlineAlarm::~DeadlineAlarm() {
  {
    const base::MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

DeadlineAlarm::Guard::Guard(DeadlineAlarm& alarm, const base::Deadline& deadline,
                            lakeio_cancel* flag)
    : alarm_(alarm) {
  const auto left = deadline.Remaining();
  if (!left) return;
  bool is_first = false;
  {
    const base::MutexLock lock(alarm_.mutex_);
    entry_ = alarm_.flags_.emplace(Clock::now() + *left, flag);
    is_first = entry_ == alarm_.flags_.begin();
    if (!alarm_.started_) {
      alarm_.started_ = true;
      alarm_.thread_ = std::thread([&alarm] { alarm.Run(); });
    }
  }
  set_ = true;
  if (is_first) alarm_.changed_.notify_all();
}

DeadlineAlarm::Guard::~Guard() {
  if (!set_) return;
  const base::MutexLock lock(alarm_.mutex_);
  alarm_.flags_.erase(entry_);
}

void DeadlineAlarm::Run() {
  const base::MutexLock lock(mutex_);
  while (!stopping_) {
    const Clock::time_point now = Clock::now();
    auto next = flags_.begin();
    for (; next != flags_.end() && next->first <= now; ++next) {
      if (next->second != nullptr) lakeio_cancel_raise(next->second);
      next->second = nullptr;
    }
    if (next == flags_.end()) {
      changed_.wait(mutex_);
    } else {
      const Clock::time_point wake = next->first;  // its guard may go while we wait
      changed_.wait_until(mutex_, wake);
    }
  }
}

}  // namespace spillway::lake
