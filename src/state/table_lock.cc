#include "state/table_lock.h"

#include <string>
#include <utility>

#include "state/durable_file.h"

namespace spillway::state {

using base::ErrorClass;
using base::Result;
using base::Status;

Result<std::unique_ptr<FileLock>> LockTable(const Home& home, std::string_view synced_table_id,
                                            std::string_view table_name, std::string_view run_id) {
  SPILLWAY_TRY(MakeFolders(home.locks(), 0700));
  const std::string path = home.locks() + "/" + std::string(synced_table_id) + ".lock";
  std::optional<LockHolder> holder;
  SPILLWAY_ASSIGN(auto lock, FileLock::TryAcquire(path, run_id, &holder));
  if (lock != nullptr) return lock;
  const std::string pid = holder ? std::to_string(holder->pid) : "unknown";
  const std::string run = holder ? holder->purpose : "unknown";
  return Status(ErrorClass::kRunInProgress, "another run holds the table " +
                                                std::string(table_name) + ": run " + run +
                                                " of process " + pid)
      .With("table", table_name)
      .With("pid", pid)
      .With("run", run)
      .Mend("Wait for it, or stop process " + pid + ".");
}

}  // namespace spillway::state
