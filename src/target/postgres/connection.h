#ifndef SPILLWAY_TARGET_POSTGRES_CONNECTION_H_
#define SPILLWAY_TARGET_POSTGRES_CONNECTION_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "base/secret.h"
#include "target/postgres/sql.h"
#include "target/target.h"

/// One session with a PostgreSQL server over libpq. Nothing here knows a synced table.
namespace spillway::target::postgres {

/// How to reach a server.
struct ConnectOptions {
  std::string
      url;  ///< a URL or conninfo string with any libpq option; may be empty (PG* variables)
  base::Secret password{};  ///< empty: from the URL, PGPASSWORD or the password file
  std::string application_name = "spillway";  ///< when the URL has none
  std::chrono::milliseconds connect_timeout{15000};
  std::chrono::milliseconds lock_timeout{30000};  ///< of each lock that a statement waits for
};

/// What a statement returned. Owns libpq's result; views live as long as it does.
class Rows {
 public:
  explicit Rows(void* result);
  Rows(Rows&& other) noexcept;
  Rows& operator=(Rows&& other) noexcept;
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows();

  int size() const;
  int columns() const;
  bool IsNull(int row, int column) const;
  /// Text of a value; "" for NULL.
  std::string_view text(int row, int column) const;
  /// A value as a number; 0 for NULL or what is none.
  std::int64_t number(int row, int column) const;
  bool boolean(int row, int column) const { return text(row, column) == "t"; }
  /// Rows that the command touched: COPY, INSERT, UPDATE, DELETE.
  std::int64_t affected() const;
  /// The command's tag: "COPY 12", "COMMIT".
  std::string_view command() const;

 private:
  void* result_;
};

/// Facts of a session, read when it was opened.
struct SessionFacts {
  std::int32_t server_version = 0;  ///< as server_version_num
  int backend_pid = 0;              ///< of the server process itself
  std::string backend_start;        ///< of that process, as the server writes it
  bool in_recovery = false;
  std::string encoding;
  std::string database;
  std::string user;               ///< whose rights count: current_user
  std::string system_identifier;  ///< of the cluster; empty when the role may not know it
  bool through_proxy = false;     ///< the process that answers is not the one that greeted
};

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
  struct Impl;
  explicit Connection(std::unique_ptr<Impl> impl);
  base::Status Pin(const base::Context& context, const ConnectOptions& options);
  base::Status Flush(const base::Context& context);
  base::Result<std::vector<Rows>> Collect(const base::Context& context);
  base::Status Interrupted(base::Status why);

  std::unique_ptr<Impl> impl_;
  SessionFacts facts_;
  std::chrono::nanoseconds time_blocked_{0};
};

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_CONNECTION_H_
