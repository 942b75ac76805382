#include "target/postgres/session/pool.h"

#include <utility>

namespace spillway::target::postgres {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

Lease::Lease(Pool* pool, std::unique_ptr<Connection> connection)
    : pool_(pool), connection_(std::move(connection)) {}
Lease::Lease(Lease&& other) noexcept = default;
Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    Return();
    pool_ = other.pool_;
    connection_ = std::move(other.connection_);
  }
  return *this;
}
Lease::~Lease() { Return(); }
void Lease::Return() {
  if (connection_ != nullptr) pool_->Return(std::move(connection_));
}

Pool::Pool(ConnectOptions options, int cap) : options_(std::move(options)), cap_(cap) {
  SPILLWAY_CHECK(cap_ > 0);
}

Pool::~Pool() {
  base::MutexLock lock(mutex_);
  SPILLWAY_CHECK(static_cast<int>(idle_.size()) == open_);
}

namespace {

constexpr std::string_view kTooManyConnections = "53300";

// What keeps us from another session while we have `others` is mostly the number of them: a server
// refuses one too many, a pool in between lets it wait for ever.
Status ExplainTooMany(const Context& context, int others, Status error) {
  const bool waited_in_vain =
      error.error_class() == ErrorClass::kDeadlineExceeded && context.Check().ok();
  if (others < 1 || (!waited_in_vain && error.detail("sqlstate") != kTooManyConnections)) {
    return error;
  }
  const std::string mend = others == 1 ? "Allow more: a sync needs at least two sessions."
                                       : "Set connections (--connections) to " +
                                             std::to_string(others - 1) + ", or raise the limit.";
  return Status(ErrorClass::kConnectionError,
                "no more than " + std::to_string(others) +
                    (others == 1 ? " session" : " sessions") +
                    " at once can be had, by a limit of the server, the database or the role, or "
                    "the size of a connection pool in between: " +
                    error.ToString())
      .With("sqlstate", error.detail("sqlstate"))
      .With("sessions", std::to_string(others))
      .Mend(mend);
}

}  // namespace

Result<Lease> Pool::Borrow(const Context& context) {
  int others = 0;
  bool pooler_is_known = false;
  {
    std::unique_ptr<Connection> stale;  // closed outside the lock
    const std::stop_callback wake(context.stop, [this] {
      base::MutexLock lock(mutex_);
      returned_.notify_all();
    });
    base::MutexLock lock(mutex_);
    while (idle_.empty() && open_ >= cap_) {
      SPILLWAY_TRY(context.Check());
      if (const auto left = context.deadline.Remaining(); left) {
        returned_.wait_for(mutex_, *left);
      } else {
        returned_.wait(mutex_);
      }
    }
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      if (connection->Quiet()) return Lease(this, std::move(connection));
      stale = std::move(connection);  // its place is taken by the new one
    } else {
      ++open_;
    }
    others = open_ - 1;
    pooler_is_known = keeps_sessions_;
  }
  auto opened = Connection::Open(context, options_);
  Status error = opened.ok() ? Status() : opened.status();
  if (error.ok() && (*opened)->facts().through_proxy && !pooler_is_known) {
    error = RefusePooler(context, others + 1, **opened);
  }
  if (error.ok()) return Lease(this, *std::move(opened));
  error = ExplainTooMany(context, others, std::move(error));
  base::MutexLock lock(mutex_);
  --open_;
  returned_.notify_one();
  return error;
}

Result<Lease> Pool::BorrowWritable(const Context& context) {
  SPILLWAY_ASSIGN(Lease lease, Borrow(context));
  SPILLWAY_TRY(lease->RequireWritable());
  return lease;
}

void Pool::Return(std::unique_ptr<Connection> connection) {
  if (!connection->idle()) connection.reset();
  base::MutexLock lock(mutex_);
  if (connection == nullptr) {
    --open_;
  } else {
    idle_.push_back(std::move(connection));
  }
  returned_.notify_one();
}

// A proxy in session mode gives a session a server process of its own; one in transaction mode lets
// a second session have the first one's process while the first is between transactions.
Status Pool::RefusePooler(const Context& context, int others, Connection& first) {
  auto opened = Connection::Open(context, options_);
  if (!opened.ok()) return ExplainTooMany(context, others, std::move(opened).status());
  const std::unique_ptr<Connection> second = *std::move(opened);
  Sql who;
  who << "SELECT pg_backend_pid()";
  const auto pooled = [] {
    return Status(ErrorClass::kTargetUnsuitable,
                  "a pooler in transaction mode is in the way: it gives one session's server "
                  "process to another between transactions")
        .Mend("Connect to PostgreSQL directly, or to a pool in session mode.");
  };
  const auto in_transaction = second->Run(context, Sql() << "BEGIN; " << who);
  if (!in_transaction.ok()) {
    // One in statement mode answers itself that it has no transactions.
    return in_transaction.status().detail("sqlstate").empty() ? in_transaction.status() : pooled();
  }
  SPILLWAY_ASSIGN(const Rows mine, first.Query(context, who));
  const std::int64_t first_now = mine.number(0, 0);
  const std::int64_t second_now = in_transaction->back().number(0, 0);
  const bool apart = first_now == first.facts().backend_pid &&
                     second_now == second->facts().backend_pid && first_now != second_now;
  if (!apart) return pooled();
  base::MutexLock lock(mutex_);
  keeps_sessions_ = true;
  return Status();
}

}  // namespace spillway::target::postgres
