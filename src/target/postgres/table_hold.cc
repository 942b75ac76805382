#include "target/postgres/table_hold.h"

#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>

#include "base/sha256.h"

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

class TableHolds::Held final : public TableHold {
 public:
  Held(TableHolds* holds, std::int64_t key, std::int64_t generation)
      : holds_(holds), key_(key), generation_(generation) {}
  ~Held() override { holds_->Release(key_, generation_); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  TableHolds* holds_;
  const std::int64_t key_;
  const std::int64_t generation_;
};

Result<std::unique_ptr<TableHold>> TableHolds::Hold(const Context& context,
                                                    const TableName& table) {
  const std::int64_t key = LockKey(table);
  const Deadline ending = Deadline::After(kEnding);
  while (true) {
    Status holder;
    SPILLWAY_ASSIGN(const auto locked,
                    TryLock(context, table, key, ending.expired() ? &holder : nullptr));
    if (locked) return std::unique_ptr<TableHold>(new Held(this, key, *locked));
    SPILLWAY_TRY(std::move(holder));
    SPILLWAY_TRY(context.Sleep(kBetweenAttempts));
  }
}

Result<std::optional<std::int64_t>> TableHolds::TryLock(const Context& context,
                                                        const TableName& table, std::int64_t key,
                                                        Status* holder) {
  base::MutexLock lock(mutex_);
  if (session_ && !(*session_)->usable()) {
    // The server has freed what it held: what is left is the fences.
    session_.reset();
    keys_.clear();
  }
  if (!session_) {
    SPILLWAY_ASSIGN(Lease lease, pool_->BorrowWritable(context));
    SPILLWAY_TRY(lease->Execute(context, Sql() << "SET tcp_keepalives_idle = 15;"
                                               << "SET tcp_keepalives_interval = 5;"
                                               << "SET tcp_keepalives_count = 3"));
    session_.emplace(std::move(lease));
    ++generation_;
  }
  Connection& session = **session_;
  bool locked = false;
  if (!keys_.contains(key)) {  // a session may take its own lock twice
    SPILLWAY_ASSIGN(const Rows rows, session.Query(context, Sql() << "SELECT pg_try_advisory_lock("
                                                                  << Literal(key) << ")"));
    locked = rows.boolean(0, 0);
  }
  if (locked) keys_.insert(key);
  if (!locked && holder != nullptr) *holder = InProgress(context, session, table, key);
  if (keys_.empty()) session_.reset();
  return locked ? std::optional(generation_) : std::nullopt;
}

void TableHolds::Release(std::int64_t key, std::int64_t generation) {
  base::MutexLock lock(mutex_);
  // A lock that ended with its session: another hold may have taken the key since.
  if (generation != generation_) return;
  if (keys_.erase(key) == 0 || !session_) return;
  const Context brief{Deadline::After(kRelease), {}};
  const Status unlocked =
      (*session_)->Execute(brief, Sql() << "SELECT pg_advisory_unlock(" << Literal(key) << ")");
  // A session that does not answer is closed, which frees its locks.
  if (!unlocked.ok()) (*session_)->Close();
  if (keys_.empty()) session_.reset();
}

}  // namespace spillway::target::postgres
