#include "state/table_lock.h"

#include <cerrno>
#include <csignal>
#include <string>
#include <utility>

#include "state/durable_file.h"

namespace spillway::state {

using base::ErrorClass;
using base::Result;
using base::Status;

namespace {

std::string LockPath(const Home& home, std::string_view synced_table_id) {
  return home.locks() + "/" + std::string(synced_table_id) + ".lock";
}

}  // namespace

Result<std::unique_ptr<FileLock>> LockTable(const Home& home, std::string_view synced_table_id,
                                            std::string_view table_name, std::string_view run_id) {
  SPILLWAY_TRY(MakeFolders(home.locks(), 0700));
  const std::string path = LockPath(home, synced_table_id);
  std::optional<LockHolder> holder;
  SPILLWAY_ASSIGN(auto lock, FileLock::TryAcquire(path, run_id, &holder));
  if (lock != nullptr) return lock;
  const std::string held = "another run holds the table " + std::string(table_name);
  if (!holder) {
    return Status(ErrorClass::kRunInProgress, held).With("table", table_name).Mend("Wait for it.");
  }
  const std::string pid = std::to_string(holder->pid);
  return Status(ErrorClass::kRunInProgress,
                held + ": run " + holder->purpose + " of process " + pid)
      .With("table", table_name)
      .With("pid", pid)
      .With("run", holder->purpose)
      .Mend("Wait for it, or stop process " + pid + ".");
}

bool IsTableLocked(const Home& home, std::string_view synced_table_id) {
  const auto holder = FileLock::ReadHolder(LockPath(home, synced_table_id));
  return holder && (kill(static_cast<pid_t>(holder->pid), 0) == 0 || errno == EPERM);
}

}  // namespace spillway::state
