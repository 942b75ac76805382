#include "target/postgres/session/connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <string>
#include <utility>

#include "base/failpoint.h"
#include "target/postgres/session/resolve.h"
#include "target/postgres/session/server_error.h"
#include "target/postgres/session/wire.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::Deadline;
using base::ErrorClass;
using base::Result;
using base::Status;

// How long a cancelled statement may take to end before its session is closed under it.
constexpr std::chrono::milliseconds kCancelGrace{400};
// How long an answer to COMMIT is waited for after a stop.
constexpr std::chrono::milliseconds kCommitGrace{400};

// True for errors that leave the session in the middle of a statement.
bool IsInterruption(const Status& status) {
  return status.code() == base::Code::kCancelled ||
         (status.error_class() == ErrorClass::kDeadlineExceeded &&
          status.detail("sqlstate").empty());
}

Status NotUsable() { return Status(ErrorClass::kConnectionError, "the session is closed"); }

// What the last of several statements returned.
Result<Rows> Last(Result<std::vector<Rows>> all) {
  if (!all.ok()) return std::move(all).status();
  if (all->empty()) return Status(ErrorClass::kInternal, "a statement returned nothing");
  return std::move(all->back());
}

Result<std::unique_ptr<Wire>> ConnectTo(const Context& context, ConnectAttempt attempt,
                                        std::chrono::milliseconds timeout) {
  const Deadline deadline = Deadline::After(timeout);
  if (!attempt.host.empty()) {
    auto addresses = ResolveHost(context.Within(timeout), attempt.host);
    if (!addresses.ok()) {
      if (!context.Check().ok()) return std::move(addresses).status();
      return addresses.status().error_class() == ErrorClass::kDeadlineExceeded
                 ? Status(ErrorClass::kConnectionError,
                          "no name server answered in time for host " + attempt.host)
                       .With("host", attempt.host)
                 : std::move(addresses).status();
    }
    AddAddresses(*addresses, &attempt);
  }
  return Wire::Connect(context, attempt.keywords, *deadline.Remaining());
}

}  // namespace

Connection::Connection(std::unique_ptr<Wire> wire) : wire_(std::move(wire)) {}
Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::Open(const Context& context,
                                                     const ConnectOptions& options) {
  SPILLWAY_ASSIGN(ConnectAttempts attempts, PlanAttempts(options));
  Status last;
  for (ConnectAttempt& attempt : attempts.list) {
    auto wire = ConnectTo(context, std::move(attempt), attempts.timeout);
    if (wire.ok()) {
      const Greeting greeting{PQserverVersion((*wire)->pq()), PQbackendPID((*wire)->pq())};
      std::unique_ptr<Connection> connection(new Connection(std::move(*wire)));
      SPILLWAY_ASSIGN(connection->facts_, PinSession(context.Within(attempts.timeout), *connection,
                                                     greeting, options.lock_timeout));
      return connection;
    }
    last = std::move(wire).status();
    // As libpq does it: who is refused the login is not let in elsewhere.
    if (last.error_class() != ErrorClass::kConnectionError) break;
  }
  return last;
}

Status Connection::RequireWritable() const {
  if (facts_.in_recovery) {
    return Status(ErrorClass::kTargetUnsuitable, "the server is a standby: it cannot be written to")
        .Mend(
            "Connect to the primary (target_session_attrs=primary chooses it among several "
            "hosts).");
  }
  if (facts_.encoding != "UTF8") {
    return Status(ErrorClass::kTargetUnsuitable,
                  "the database's encoding is not UTF8 but " + facts_.encoding)
        .Mend("Use a database made with ENCODING 'UTF8' TEMPLATE template0.");
  }
  return Status();
}

bool Connection::usable() const { return wire_->usable(); }

bool Connection::idle() const {
  return usable() && PQtransactionStatus(wire_->pq()) == PQTRANS_IDLE;
}

bool Connection::Quiet() const { return idle() && !wire_->readable(); }

void Connection::Close() { wire_->Close(); }

Result<std::vector<Rows>> Connection::Collect(const Context& context) {
  std::vector<Rows> all;
  Status error;
  while (true) {
    while (PQisBusy(wire_->pq()) != 0) {
      SPILLWAY_TRY(wire_->Wait(context, POLLIN).status());
      if (PQconsumeInput(wire_->pq()) == 0) break;  // PQgetResult tells why
    }
    PGresult* result = PQgetResult(wire_->pq());
    if (result == nullptr) break;
    Rows rows(result);
    switch (PQresultStatus(result)) {
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
      case PGRES_EMPTY_QUERY:
        all.push_back(std::move(rows));
        break;
      case PGRES_COPY_IN:
        all.push_back(std::move(rows));
        return all;
      default:
        if (error.ok()) error = StatementError(result);
        break;
    }
    if (PQstatus(wire_->pq()) == CONNECTION_BAD) break;
  }
  if (!error.ok()) return error;
  if (PQstatus(wire_->pq()) == CONNECTION_BAD) {
    return LostConnection("the connection was lost", wire_->pq());
  }
  return all;
}

// The answer to what was just handed to libpq. When it is not waited for any longer, the statement
// is ended on the server too.
Result<std::vector<Rows>> Connection::Answer(const Context& context) {
  Status flushed = wire_->Flush(context);
  auto all = !flushed.ok() && IsInterruption(flushed)
                 ? Result<std::vector<Rows>>(std::move(flushed))
                 : Collect(context);
  if (!all.ok() && IsInterruption(all.status())) {
    Cancel();
    Close();
  }
  return all;
}

// Asks the server, over a connection of its own, to cancel the running statement, and waits a
// moment for that, so that the server is done with it before anyone looks. libpq's own PQcancel
// waits for the server without bound. Where it cannot be asked, the server finds the session
// closed.
void Connection::Cancel() {
  if (!usable() || PQtransactionStatus(wire_->pq()) != PQTRANS_ACTIVE ||
      facts_.backend_start.empty()) {
    return;
  }
  const Context grace{Deadline::After(kCancelGrace), {}};
  auto other = wire_->ConnectAgain(grace);
  if (!other.ok()) return;
  Connection asking(std::move(*other));
  Sql cancel;
  cancel << "SELECT pg_catalog.pg_cancel_backend(a.pid) FROM pg_catalog.pg_stat_get_activity("
         << Literal(facts_.backend_pid) << ") AS a WHERE a.backend_start OPERATOR(pg_catalog.=) "
         << Literal(facts_.backend_start) << "::pg_catalog.timestamptz";
  bool waits = asking.Execute(grace, cancel).ok();
  while (waits && PQisBusy(wire_->pq()) != 0) {
    waits = wire_->Wait(grace, POLLIN).ok() && PQconsumeInput(wire_->pq()) == 1;
  }
}

Result<std::vector<Rows>> Connection::Run(const Context& context, const Sql& sql) {
  SPILLWAY_TRY(sql.status());
  SPILLWAY_TRY(context.Check());
  if (!usable()) return NotUsable();
  if (PQsendQuery(wire_->pq(), sql.text().c_str()) == 0) {
    return LostConnection("a statement cannot be sent", wire_->pq());
  }
  return Answer(context);
}

Result<Rows> Connection::Query(const Context& context, const Sql& sql) {
  return Last(Run(context, sql));
}

Status Connection::Execute(const Context& context, const Sql& sql) {
  return Run(context, sql).status();
}

Result<Rows> Connection::QuerySingle(const Context& context, const Sql& sql) {
  SPILLWAY_TRY(sql.status());
  SPILLWAY_TRY(context.Check());
  if (!usable()) return NotUsable();
  if (PQsendQueryParams(wire_->pq(), sql.text().c_str(), 0, nullptr, nullptr, nullptr, nullptr,
                        0) == 0) {
    return LostConnection("a statement cannot be sent", wire_->pq());
  }
  return Last(Answer(context));
}

Status Connection::BeginCopy(const Context& context, const Sql& sql) {
  SPILLWAY_ASSIGN(const Rows rows, Query(context, sql));
  if (PQtransactionStatus(wire_->pq()) != PQTRANS_ACTIVE) {
    return Status(ErrorClass::kInternal, "COPY did not begin: " + std::string(rows.command()));
  }
  return Status();
}

Status Connection::SendCopy(const Context& context, std::string_view bytes) {
  SPILLWAY_TRY(context.Check());
  if (!usable()) return NotUsable();
  // One message must stay far below the server's limit of 1 GB.
  constexpr std::size_t kMaxMessage = std::size_t{64} << 20;
  bool refused = false;
  while (!bytes.empty() && !refused) {
    const std::string_view piece = bytes.substr(0, kMaxMessage);
    bytes.remove_prefix(piece.size());
    refused = PQputCopyData(wire_->pq(), piece.data(), static_cast<int>(piece.size())) != 1;
    while (!refused) {
      const int left = PQflush(wire_->pq());
      if (left == 0) break;
      if (left < 0) {
        refused = true;
        break;
      }
      const auto before = std::chrono::steady_clock::now();
      const auto ready = wire_->Wait(context, POLLIN | POLLOUT);
      time_blocked_ += std::chrono::steady_clock::now() - before;
      if (!ready.ok()) {
        Close();  // the server reads the end of the stream and rolls back
        return ready.status();
      }
      // The server says nothing during a copy unless it fails.
      if ((*ready & POLLIN) != 0) refused = true;
    }
  }
  if (!refused && !wire_->readable()) return Status();
  // Fails the copy on our side too, so that what the server said, if it was no error, cannot end in
  // half of the rows.
  PQputCopyEnd(wire_->pq(), "the copy was ended early");
  SPILLWAY_TRY(Answer(context).status());
  return Status(ErrorClass::kInternal, "the server ended a copy without an error");
}

Result<std::int64_t> Connection::EndCopy(const Context& context) {
  SPILLWAY_TRY(context.Check());
  if (!usable()) return NotUsable();
  if (PQputCopyEnd(wire_->pq(), nullptr) != 1) {
    return LostConnection("the copy cannot be ended", wire_->pq());
  }
  SPILLWAY_ASSIGN(const std::vector<Rows> all, Answer(context));
  if (all.size() != 1 || !all.front().command().starts_with("COPY ")) {
    return Status(ErrorClass::kInternal, "the server ended a copy with something else");
  }
  return all.front().affected();
}

Connection::CommitReply Connection::Commit(const Context& context,
                                           std::string_view sent_failpoint) {
  if (Status early = context.Check(); !early.ok()) {
    Close();
    return {CommitOutcome::kRejected, std::move(early)};
  }
  if (!usable()) return {CommitOutcome::kRejected, NotUsable()};
  if (PQsendQuery(wire_->pq(), "COMMIT") == 0) {
    Close();
    return {CommitOutcome::kUnknown, NotUsable()};
  }
  Status sent = wire_->Flush(context);
  if (sent.ok()) sent = base::Failpoint(sent_failpoint);
  if (!sent.ok()) {
    Close();
    return {CommitOutcome::kUnknown, std::move(sent)};
  }
  auto all = Collect(context);
  if (!all.ok() && IsInterruption(all.status())) {
    all = Collect(Context{Deadline::After(kCommitGrace), {}});
  }
  if (all.ok() && all->size() == 1 && all->front().command() == "COMMIT") {
    return {CommitOutcome::kCommitted, Status()};
  }
  if (all.ok() && all->empty()) {  // the answer itself came before the interruption
    Close();
    return {CommitOutcome::kUnknown, NotUsable()};
  }
  if (all.ok()) {
    return {CommitOutcome::kRejected,
            Status(ErrorClass::kInternal,
                   "the server answered COMMIT with " + std::string(all->back().command()))};
  }
  // A failed session may have committed before it failed; an error in a living one is a rollback.
  const bool lives = usable() && !IsInterruption(all.status());
  if (!lives) Close();
  return {lives ? CommitOutcome::kRejected : CommitOutcome::kUnknown, std::move(all).status()};
}

}  // namespace spillway::target::postgres
