#ifndef SPILLWAY_STATE_TABLE_LOCK_H_
#define SPILLWAY_STATE_TABLE_LOCK_H_

#include <memory>
#include <string_view>

#include "base/result.h"
#include "state/file_lock.h"
#include "state/home.h"

namespace spillway::state {

/// Takes the lock of one synced table among all processes of this machine; held until the result is
/// destroyed or the process dies. Does not wait: RUN_IN_PROGRESS names the holder (details `pid`,
/// `run`), unless it took the lock just now. It spares a second run useless work; what keeps two
/// runs from harm is the fence in the target.
base::Result<std::unique_ptr<FileLock>> LockTable(const Home& home,
                                                  std::string_view synced_table_id,
                                                  std::string_view table_name,
                                                  std::string_view run_id);

/// Whether a process that lives holds that lock, as far as can be told without taking it: a look
/// for people, which keeps nobody from it.
bool IsTableLocked(const Home& home, std::string_view synced_table_id);

}  // namespace spillway::state

#endif  // SPILLWAY_STATE_TABLE_LOCK_H_
