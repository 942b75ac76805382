#ifndef SPILLWAY_TARGET_POSTGRES_SESSION_POOL_H_
#define SPILLWAY_TARGET_POSTGRES_SESSION_POOL_H_

#include <condition_variable>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "target/postgres/session/connection.h"

namespace spillway::target::postgres {

class Pool;

/// A borrowed connection; goes back to its pool when destroyed, or is closed when it is not fit for
/// another borrower.
class Lease {
 public:
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease();
  Connection& operator*() const { return *connection_; }
  Connection* operator->() const { return connection_.get(); }
  /// Gives the connection back now; the lease is empty afterwards.
  void Return();

 private:
  friend class Pool;
  Lease(Pool* pool, std::unique_ptr<Connection> connection);
  Pool* pool_;
  std::unique_ptr<Connection> connection_;
};

/// The connections to one database, at most `cap` at a time. Thread-safe. Outlives its leases.
class Pool {
 public:
  Pool(ConnectOptions options, int cap);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// An idle connection or a new one; waits while all are lent. Errors: those of Connection::Open;
  /// CANCELLED, DEADLINE_EXCEEDED.
  base::Result<Lease> Borrow(const base::Context& context);
  /// Borrow, and TARGET_UNSUITABLE when the server cannot be written to.
  base::Result<Lease> BorrowWritable(const base::Context& context);
  int cap() const { return cap_; }

 private:
  friend class Lease;
  void Return(std::unique_ptr<Connection> connection);
  base::Status RefusePooler(const base::Context& context, int others, Connection& first);

  const ConnectOptions options_;
  const int cap_;
  base::Mutex mutex_;
  std::condition_variable_any returned_;
  int open_ GUARDED_BY(mutex_) = 0;  ///< lent or idle
  /// The proxy in between, if there is one, was found to be in session mode.
  bool keeps_sessions_ GUARDED_BY(mutex_) = false;
  std::vector<std::unique_ptr<Connection>> idle_ GUARDED_BY(mutex_);
};

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_SESSION_POOL_H_
