#ifndef SPILLWAY_STATE_SQLITE_CONNECTION_H_
#define SPILLWAY_STATE_SQLITE_CONNECTION_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/context.h"
#include "base/result.h"

struct sqlite3;

/// The little of SQLite that the state store uses. Internal to `state`.
namespace spillway::state {

/// A value of a column: NULL, integer or text.
using SqlValue = std::variant<std::monostate, std::int64_t, std::string>;
using SqlRow = std::vector<SqlValue>;

enum class OpenMode : std::uint8_t {
  kReadWrite,
  kReadOnly,
  kImmutable,  ///< nobody writes and no file beside it may be made
};

/// One connection to one existing file. Used by one thread at a time.
class SqliteConnection {
 public:
  /// Opens and sets what must be set per connection. Reads nothing yet.
  static base::Result<std::unique_ptr<SqliteConnection>> Open(const std::string& path,
                                                              OpenMode mode);
  ~SqliteConnection();
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  /// Bounds the waits of the following calls: the context's deadline, its stop token, `longest`.
  void Bound(const base::Context& context, std::chrono::milliseconds longest);

  /// Runs one statement with its parameters bound in order; returns its rows. `sql` is constant
  /// text of ours. Errors: as state::Store, and ALREADY_EXISTS for a violated constraint.
  base::Result<std::vector<SqlRow>> Run(const char* sql, std::span<const SqlValue> parameters);
  base::Result<std::vector<SqlRow>> Run(const char* sql) { return Run(sql, {}); }
  /// Rows changed by the last statement.
  std::int64_t changes() const;
  /// Ends an open transaction without its changes, whatever the bounds; none is no error.
  void Rollback();

 private:
  SqliteConnection(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  base::Status Error(int result) const;
  static int Busy(void* self, int attempts);

  sqlite3* handle_;
  std::string path_;
  base::Context context_;
  base::Deadline busy_until_;
};

/// A transaction that rolls back unless committed.
class SqliteTransaction {
 public:
  /// BEGIN IMMEDIATE: has the write lock from the start.
  static base::Result<SqliteTransaction> Begin(SqliteConnection* connection);
  ~SqliteTransaction();
  SqliteTransaction(SqliteTransaction&& other) noexcept : connection_(other.connection_) {
    other.connection_ = nullptr;
  }
  SqliteTransaction& operator=(SqliteTransaction&&) = delete;
  base::Status Commit();

 private:
  explicit SqliteTransaction(SqliteConnection* connection) : connection_(connection) {}
  SqliteConnection* connection_;
};

}  // namespace spillway::state

#endif  // SPILLWAY_STATE_SQLITE_CONNECTION_H_
