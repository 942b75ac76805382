#include "target/postgres/resolution.h"

#include <chrono>
#include <utility>

namespace spillway::target::postgres {

using base::Context;
using base::Deadline;
using base::ErrorClass;
using base::Result;
using base::Status;

namespace {

constexpr std::chrono::milliseconds kAtMost{30000};
constexpr std::chrono::milliseconds kAfterStop{500};
constexpr std::chrono::milliseconds kBetweenAttempts{200};

}  // namespace

Result<DoubtedTransaction> NoteTransaction(const Context& context, Connection& connection) {
  SPILLWAY_ASSIGN(const Rows rows,
                  connection.Query(context, Sql() << "SELECT pg_current_xact_id()"));
  return DoubtedTransaction{std::string(rows.text(0, 0)), connection.facts().backend_pid,
                            connection.facts().backend_start};
}

Context ResolutionContext(const Context& context) {
  if (!context.Check().ok()) return Context{Deadline::After(kAfterStop), {}};
  Context bounded = context.Within(kAtMost);
  if (const auto left = bounded.deadline.Remaining(); left && *left < kAfterStop) {
    bounded.deadline = Deadline::After(kAfterStop);
  }
  return bounded;
}

Result<Lease> ReconnectPatiently(const Context& context, Pool& pool) {
  while (true) {
    auto lease = pool.BorrowWritable(context);
    if (lease.ok() || lease.status().error_class() != ErrorClass::kConnectionError) return lease;
    if (!context.Sleep(kBetweenAttempts).ok()) return lease;
  }
}

void EndIdleTransaction(const Context& context, Connection& connection,
                        const DoubtedTransaction& doubted) {
  Sql sql;
  sql << "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = "
      << Literal(std::int64_t{doubted.backend_pid})
      << " AND backend_start = " << Literal(doubted.backend_start)
      << " AND state LIKE 'idle in transaction%'";
  [[maybe_unused]] const Status ignored = connection.Execute(context, sql);
}

Result<std::string> TransactionStatus(const Context& context, Connection& connection,
                                      const DoubtedTransaction& doubted) {
  Sql sql;
  sql << "SELECT pg_xact_status(" << Literal(doubted.xid) << ")";
  auto rows = connection.Query(context, sql);
  if (rows.ok()) return std::string(rows->text(0, 0));
  // A transaction id in the future: this server never gave it out.
  if (rows.status().detail("sqlstate") == "22023") return std::string();
  return std::move(rows).status();
}

}  // namespace spillway::target::postgres
