#include "state/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <thread>

#include "state/durable_file.h"

namespace spillway::state {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

constexpr int kLooksAtHolder = 10;
constexpr std::chrono::milliseconds kBetweenLooks{2};

// The file holds "pid purpose\n", or nothing when the disk had no room for it.
std::optional<LockHolder> HolderIn(int descriptor) {
  char buffer[512];
  const ssize_t count = pread(descriptor, buffer, sizeof(buffer), 0);
  if (count <= 0) return std::nullopt;
  std::string_view text(buffer, static_cast<std::size_t>(count));
  text = text.substr(0, text.find('\n'));
  LockHolder holder;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), holder.pid);
  if (parsed.ec != std::errc() || parsed.ptr == text.data() + text.size()) return std::nullopt;
  holder.purpose = text.substr(static_cast<std::size_t>(parsed.ptr - text.data()) + 1);
  return holder;
}

Status WriteHolder(int descriptor, std::string_view purpose, const std::string& path) {
  const std::string text = std::to_string(getpid()) + " " + std::string(purpose) + "\n";
  if (ftruncate(descriptor, 0) != 0) return FileError(errno, "write", path);
  const ssize_t written = pwrite(descriptor, text.data(), text.size(), 0);
  if (written < 0) return FileError(errno, "write", path);
  if (static_cast<std::size_t>(written) != text.size()) return FileError(ENOSPC, "write", path);
  return Status();
}

}  // namespace

Result<std::unique_ptr<FileLock>> FileLock::TryAcquire(const std::string& path,
                                                       std::string_view purpose,
                                                       std::optional<LockHolder>* holder) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return FileError(errno, "open the lock file", path);
  std::unique_ptr<FileLock> lock(new FileLock(descriptor));
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return FileError(errno, "lock", path);
    *holder = HolderIn(descriptor);
    for (int again = 0; !*holder && again < kLooksAtHolder; ++again) {
      std::this_thread::sleep_for(kBetweenLooks);  // it may have the lock and not written yet
      *holder = HolderIn(descriptor);
    }
    return std::unique_ptr<FileLock>();
  }
  lock->is_held_ = true;
  // A full disk keeps nobody from the lock: what must be stopped then could not be.
  if (Status named = WriteHolder(descriptor, purpose, path);
      !named.ok() && named.error_class() != ErrorClass::kStoreNoSpace) {
    return named;
  }
  return lock;
}

std::optional<LockHolder> FileLock::ReadHolder(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  std::optional<LockHolder> holder = HolderIn(descriptor);
  close(descriptor);
  return holder;
}

Result<std::unique_ptr<FileLock>> FileLock::Acquire(const base::Context& context,
                                                    const std::string& path,
                                                    std::string_view purpose) {
  std::chrono::milliseconds pause(1);
  for (;;) {
    std::optional<LockHolder> holder;
    SPILLWAY_ASSIGN(auto lock, TryAcquire(path, purpose, &holder));
    if (lock != nullptr) return lock;
    if (context.stop.stop_requested()) return context.Check();
    if (context.deadline.expired()) {
      const std::string who =
          holder ? " by process " + std::to_string(holder->pid) + " (" + holder->purpose + ")" : "";
      return Status(ErrorClass::kStateBusy, "the lock " + path + " is held" + who)
          .With("path", path)
          .With("pid", holder ? std::to_string(holder->pid) : "");
    }
    static_cast<void>(context.Sleep(pause));  // what ended it early is seen above
    pause = std::min(pause * 2, std::chrono::milliseconds(50));
  }
}

FileLock::~FileLock() {
  // So that nobody who finds the next holder reads this one's name.
  if (is_held_) static_cast<void>(ftruncate(descriptor_, 0) == 0);
  close(descriptor_);
}

}  // namespace spillway::state
