#include "state/sqlite_pool.h"

#include <utility>

namespace spillway::state {

using base::Context;
using base::Result;

Result<std::unique_ptr<SqliteConnection>> SqlitePool::Take(const Context& context) {
  std::unique_ptr<SqliteConnection> connection;
  {
    base::MutexLock lock(mutex_);
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (connection != nullptr) {
    connection->Bound(context, kLongestWait);
    return connection;
  }
  SPILLWAY_ASSIGN(connection, SqliteConnection::Open(path_, mode_));
  connection->Bound(context, kLongestWait);
  SPILLWAY_TRY(connection->Run("PRAGMA synchronous = NORMAL").status());
  SPILLWAY_TRY(connection->Run("PRAGMA cell_size_check = ON").status());
  return connection;
}

void SqlitePool::Give(std::unique_ptr<SqliteConnection> connection) {
  base::MutexLock lock(mutex_);
  idle_.push_back(std::move(connection));
}

}  // namespace spillway::state
