#ifndef SPILLWAY_TARGET_POSTGRES_TABLE_HOLD_H_
#define SPILLWAY_TARGET_POSTGRES_TABLE_HOLD_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>

#include "base/mutex.h"
#include "target/postgres/session/pool.h"
#include "target/target.h"

namespace spillway::target::postgres {

/// The advisory locks of tables that one process holds in a database: all in one session, which is
/// taken from the pool while there are any. The server frees them when the session ends: at once
/// after a death of the process, within half a minute after a death of the machine (TCP keepalive).
/// Thread-safe; outlives its holds.
class TableHolds {
 public:
  explicit TableHolds(Pool* pool) : pool_(pool) {}

  /// Takes the lock of `table` until the hold is destroyed. A session that is just ending is given
  /// a second. Errors: RUN_IN_PROGRESS naming the holder; those of Pool::Borrow.
  base::Result<std::unique_ptr<TableHold>> Hold(const base::Context& context,
                                                const TableName& table);

 private:
  class Held;

  /// The generation of the session that has the lock now, absent when it was not had; `holder` then
  /// says who has it.
  base::Result<std::optional<std::int64_t>> TryLock(const base::Context& context,
                                                    const TableName& table, std::int64_t key,
                                                    base::Status* holder);
  /// Frees what was taken in that generation.
  void Release(std::int64_t key, std::int64_t generation);

  Pool* const pool_;
  /// Held while the server is asked: the session answers one question at a time, and each is over
  /// at once or with the caller's deadline, since no lock is waited for.
  base::Mutex mutex_;
  std::int64_t generation_ GUARDED_BY(mutex_) = 0;  ///< counts the sessions that there have been
  std::optional<Lease> session_ GUARDED_BY(mutex_);
  std::set<std::int64_t> keys_ GUARDED_BY(mutex_);
};

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_TABLE_HOLD_H_
