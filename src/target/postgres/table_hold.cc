#include "target/postgres/table_hold.h"

#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>

#include "base/sha256.h"
#include "target/postgres/pause.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::Deadline;
using base::ErrorClass;
using base::Result;
using base::Status;

constexpr std::chrono::milliseconds kEnding{1000};
constexpr std::chrono::milliseconds kBetweenAttempts{20};
constexpr std::chrono::milliseconds kRelease{500};

// The lock's key within the database: the name is hashed, since advisory locks have numbers.
std::int64_t LockKey(const TableName& table) {
  const std::string digest = base::Sha256Hex("spillway table " + table.schema + '\0' + table.table);
  return static_cast<std::int64_t>(std::strtoull(digest.substr(0, 16).c_str(), nullptr, 16));
}

class AdvisoryHold final : public TableHold {
 public:
  AdvisoryHold(Lease lease, std::int64_t key) : lease_(std::move(lease)), key_(key) {}
  ~AdvisoryHold() override {
    const Context brief{Deadline::After(kRelease), {}};
    // A session that does not answer is not given back: closing it frees the lock.
    if (!lease_->Execute(brief, Sql() << "SELECT pg_advisory_unlock(" << Literal(key_) << ")")
             .ok()) {
      lease_->Close();
    }
  }
  AdvisoryHold(const AdvisoryHold&) = delete;
  AdvisoryHold& operator=(const AdvisoryHold&) = delete;

 private:
  Lease lease_;
  const std::int64_t key_;
};

// RUN_IN_PROGRESS with who holds the lock, as far as the role may see it.
Status InProgress(const Context& context, Connection& connection, const TableName& table,
                  std::int64_t key) {
  Sql sql;
  sql << "SELECT a.pid, concat_ws(', ', a.usename, host(a.client_addr), 'since ' ||"
      << " to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))"
      << " FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory'"
      << " AND l.granted AND l.objsubid = 1 AND l.database = (SELECT oid FROM pg_database"
      << " WHERE datname = current_database())"
      << " AND (l.classid::bigint << 32 | l.objid::bigint) = " << Literal(key);
  const auto rows = connection.Query(context, sql);
  std::string holder = "another session";
  std::string pid;
  if (rows.ok() && rows->size() > 0) {
    pid = rows->text(0, 0);
    holder = "pid " + pid + " (" + std::string(rows->text(0, 1)) + ")";
  }
  return Status(ErrorClass::kRunInProgress,
                "another run holds the table " + table.ToString() + " in the target: " + holder)
      .With("table", table.ToString())
      .With("blockers", holder)
      .Mend(pid.empty() ? "Wait for it."
                        : "Wait for it, or end it on the server: SELECT pg_terminate_backend(" +
                              pid + ").");
}

}  // namespace

Result<std::unique_ptr<TableHold>> HoldTable(const Context& context, Pool& pool,
                                             const TableName& table) {
  SPILLWAY_ASSIGN(Lease lease, pool.BorrowWritable(context));
  const std::int64_t key = LockKey(table);
  SPILLWAY_TRY(lease->Execute(context, Sql() << "SET tcp_keepalives_idle = 15;"
                                             << "SET tcp_keepalives_interval = 5;"
                                             << "SET tcp_keepalives_count = 3"));
  const Deadline ending = Deadline::After(kEnding);
  while (true) {
    SPILLWAY_ASSIGN(const Rows rows, lease->Query(context, Sql() << "SELECT pg_try_advisory_lock("
                                                                 << Literal(key) << ")"));
    if (rows.boolean(0, 0)) break;
    if (ending.expired()) return InProgress(context, *lease, table, key);
    SPILLWAY_TRY(Pause(context, kBetweenAttempts));
  }
  return std::unique_ptr<TableHold>(new AdvisoryHold(std::move(lease), key));
}

}  // namespace spillway::target::postgres
