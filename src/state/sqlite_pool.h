#ifndef SPILLWAY_STATE_SQLITE_POOL_H_
#define SPILLWAY_STATE_SQLITE_POOL_H_

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/mutex.h"
#include "base/result.h"
#include "state/sqlite_connection.h"

/// Connections to the state file that no thread is using. Internal to `state`. Thread-safe.
namespace spillway::state {

/// The longest wait for another process that writes.
inline constexpr std::chrono::seconds kLongestWait(5);

class SqlitePool {
 public:
  SqlitePool(std::string path, OpenMode mode) : path_(std::move(path)), mode_(mode) {}

  /// A connection of the caller's own, whose waits `context` bounds, and kLongestWait. Blocks
  /// only to open a file. Errors: as SqliteConnection.
  base::Result<std::unique_ptr<SqliteConnection>> Take(const base::Context& context);
  /// Takes back one that is outside of a transaction.
  void Give(std::unique_ptr<SqliteConnection> connection);

 private:
  const std::string path_;
  const OpenMode mode_;
  base::Mutex mutex_;
  std::vector<std::unique_ptr<SqliteConnection>> idle_ GUARDED_BY(mutex_);
};

}  // namespace spillway::state

#endif  // SPILLWAY_STATE_SQLITE_POOL_H_
