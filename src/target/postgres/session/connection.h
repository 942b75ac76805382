#ifndef SPILLWAY_TARGET_POSTGRES_SESSION_CONNECTION_H_
#define SPILLWAY_TARGET_POSTGRES_SESSION_CONNECTION_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "target/postgres/session/connect_attempts.h"
#include "target/postgres/session/rows.h"
#include "target/postgres/session/session.h"
#include "target/postgres/session/sql.h"
#include "target/publish.h"

/// One session with a PostgreSQL server over libpq. Nothing here knows a synced table.
namespace spillway::target::postgres {

class Wire;

/// A session. Used by one thread at a time. Every method that takes a Context returns CANCELLED
/// within a second of a stop and DEADLINE_EXCEEDED at the deadline; the running statement is
/// cancelled on the server then, and the session is closed, so that the server rolls its
/// transaction back.
class Connection {
 public:
  /// Connects and pins the session's settings, whatever the role or database sets. Errors:
  /// CONNECTION_ERROR, TARGET_AUTHENTICATION, INVALID_ARGUMENT for an unreadable URL,
  /// TARGET_UNSUITABLE for a server before 13 or a session whose settings cannot be pinned. A
  /// standby is accepted here: writes refuse it (RequireWritable).
  static base::Result<std::unique_ptr<Connection>> Open(const base::Context& context,
                                                        const ConnectOptions& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const SessionFacts& facts() const { return facts_; }
  /// TARGET_UNSUITABLE on a standby or when the database's encoding is not UTF8.
  base::Status RequireWritable() const;
  /// False once the session is lost or closed.
  bool usable() const;
  /// True outside a transaction and between statements: fit for the next borrower.
  bool idle() const;
  /// True when the server has neither closed this idle session nor said anything meanwhile. Does
  /// not block.
  bool Quiet() const;
  /// Ends the session without ceremony; the server rolls back.
  void Close();

  /// Runs one or several statements in one round trip; one Rows for each statement that succeeded.
  /// An error is that of the first statement that failed.
  base::Result<std::vector<Rows>> Run(const base::Context& context, const Sql& sql);
  /// Runs statements and returns what the last one returned.
  base::Result<Rows> Query(const base::Context& context, const Sql& sql);
  base::Status Execute(const base::Context& context, const Sql& sql);
  /// Runs exactly one statement: the server refuses a second one in the text. For SQL with words of
  /// a user.
  base::Result<Rows> QuerySingle(const base::Context& context, const Sql& sql);

  /// Starts COPY … FROM STDIN.
  base::Status BeginCopy(const base::Context& context, const Sql& sql);
  /// Sends bytes of the copy stream; returns when the network has taken them. An error of the
  /// server ends the copy.
  base::Status SendCopy(const base::Context& context, std::string_view bytes);
  /// Ends the copy; returns the rows that the server stored.
  base::Result<std::int64_t> EndCopy(const base::Context& context);
  /// Time spent in SendCopy waiting for the server to take bytes.
  std::chrono::nanoseconds time_blocked() const { return time_blocked_; }

  /// A COMMIT and what became of it.
  struct CommitReply {
    CommitOutcome outcome = CommitOutcome::kUnknown;
    base::Status error;  ///< of kRejected and kUnknown
  };
  /// Sends COMMIT and waits for the answer; the failpoint `sent_failpoint` lies between. Once it is
  /// sent a stop leaves it a moment to be answered. When the outcome is unknown the session is
  /// closed.
  CommitReply Commit(const base::Context& context, std::string_view sent_failpoint);

 private:
  explicit Connection(std::unique_ptr<Wire> wire);
  base::Result<std::vector<Rows>> Collect(const base::Context& context);
  base::Result<std::vector<Rows>> Answer(const base::Context& context);
  void Cancel();

  std::unique_ptr<Wire> wire_;
  SessionFacts facts_;
  std::chrono::nanoseconds time_blocked_{0};
};

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_SESSION_CONNECTION_H_
