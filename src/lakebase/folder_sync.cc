#include "lakebase/folder_sync.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "state/durable_file.h"

namespace spillway::lakebase {
namespace {

using base::Status;

constexpr std::size_t kThreads = 16;

Status SyncOne(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return state::FileError(errno, "open", path);
  const int result = fsync(descriptor);
  const int error = errno;
  close(descriptor);
  return result == 0 ? Status() : state::FileError(error, "sync", path);
}

// The outcome of several threads: the first failure.
class Outcome {
 public:
  void Add(Status status) {
    base::MutexLock lock(mutex_);
    if (first_.ok()) first_ = std::move(status);
  }
  Status first() {
    base::MutexLock lock(mutex_);
    return first_;
  }

 private:
  base::Mutex mutex_;
  Status first_ GUARDED_BY(mutex_);
};

}  // namespace

Status SyncTree(const base::Context& context, const std::string& path) {
  std::vector<std::string> paths = {path};
  std::error_code error;
  std::filesystem::recursive_directory_iterator entry(path, error);
  for (const std::filesystem::recursive_directory_iterator end; !error && entry != end;
       entry.increment(error)) {
    if (entry->is_regular_file(error) || entry->is_directory(error)) {
      paths.push_back(entry->path().string());
    }
  }
  if (error) return state::FileError(error.value(), "list", path);
  Outcome outcome;
  std::atomic<std::size_t> next{0};
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < std::min(kThreads, paths.size()); ++i) {
    threads.emplace_back([&] {
      for (std::size_t at = next++; at < paths.size(); at = next++) {
        Status status = context.Check();
        if (status.ok()) status = SyncOne(paths[at]);
        if (status.ok()) continue;
        outcome.Add(std::move(status));
        next = paths.size();
      }
    });
  }
  threads.clear();
  return outcome.first();
}

}  // namespace spillway::lakebase
