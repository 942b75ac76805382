#ifndef SPILLWAY_TARGET_POSTGRES_SESSION_WIRE_H_
#define SPILLWAY_TARGET_POSTGRES_SESSION_WIRE_H_

#include <chrono>
#include <memory>

#include "base/context.h"
#include "base/result.h"
#include "target/postgres/session/connect_attempts.h"

struct pg_conn;

/// libpq's connection, each wait of which ends at a deadline or a stop. It knows bytes and sockets;
/// what is said over it is connection.h's.
namespace spillway::target::postgres {

/// Owns libpq's connection, in non-blocking mode. Used by one thread at a time.
class Wire {
 public:
  /// Connects with `keywords` within `timeout`. Blocks until then. Errors: CONNECTION_ERROR, also
  /// when the time is over; TARGET_AUTHENTICATION; CANCELLED and DEADLINE_EXCEEDED of `context`.
  static base::Result<std::unique_ptr<Wire>> Connect(const base::Context& context,
                                                     const Keywords& keywords,
                                                     std::chrono::milliseconds timeout);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  /// libpq's own, for its calls that do not wait; null after Close.
  pg_conn* pq() const { return pq_; }
  /// False once the connection is lost or closed.
  bool usable() const;
  /// True when there is something to read, be it the end of the connection. Does not wait.
  bool readable() const;

  /// Waits until the socket is ready for one of `events` (poll's) and returns which. Errors:
  /// CONNECTION_ERROR when the connection is gone; CANCELLED and DEADLINE_EXCEEDED of `context`.
  base::Result<short> Wait(const base::Context& context, short events);
  /// Sends what libpq holds, reading meanwhile what the server says. Errors as Wait.
  base::Status Flush(const base::Context& context);
  /// Another connection to the very server that this one has reached, for as long as `context`
  /// allows. Errors as Connect.
  base::Result<std::unique_ptr<Wire>> ConnectAgain(const base::Context& context) const;
  /// Closes without ceremony; the server rolls back.
  void Close();

 private:
  Wire();
  base::Status Establish(const base::Context& context, const Keywords& keywords,
                         std::chrono::milliseconds timeout);

  Keywords keywords_;
  pg_conn* pq_ = nullptr;
  int stop_event_ = -1;  // an eventfd that a stop writes to, so that it ends a poll
};

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_SESSION_WIRE_H_
