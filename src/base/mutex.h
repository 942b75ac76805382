#ifndef SPILLWAY_BASE_MUTEX_H_
#define SPILLWAY_BASE_MUTEX_H_

#include <condition_variable>
#include <mutex>
#include <stop_token>

#if defined(__clang__)
#define SPILLWAY_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define SPILLWAY_THREAD_ATTRIBUTE(x)
#endif
#define GUARDED_BY(mutex) SPILLWAY_THREAD_ATTRIBUTE(guarded_by(mutex))
#define REQUIRES(mutex) SPILLWAY_THREAD_ATTRIBUTE(requires_capability(mutex))

namespace spillway::base {

/// A mutex that Clang's thread-safety analysis knows. Never held across I/O.
class SPILLWAY_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() SPILLWAY_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() SPILLWAY_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

/// Holds a Mutex for a scope.
class SPILLWAY_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) SPILLWAY_THREAD_ATTRIBUTE(acquire_capability(mutex))
      : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() SPILLWAY_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace spillway::base

#endif  // SPILLWAY_BASE_MUTEX_H_
