#include "target/postgres/publish.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "base/failpoint.h"
#include "target/postgres/bookkeeping.h"
#include "target/postgres/old_readers.h"
#include "target/postgres/pause.h"
#include "target/postgres/relation.h"
#include "target/postgres/resolution.h"
#include "target/postgres/table_publish.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::Deadline;
using base::ErrorClass;
using base::Result;
using base::Status;
using SteadyClock = std::chrono::steady_clock;

// One wait for the old table's lock: readers that come meanwhile queue behind us, so it is short
// and repeated.
constexpr std::chrono::milliseconds kLockAttempt{500};
constexpr std::chrono::milliseconds kBetweenLockAttempts{100};

// Everything but the COMMIT, for all tables, in their order. An error leaves the transaction to be
// rolled back.
class Transaction {
 public:
  Transaction(Connection& connection, std::vector<TablePublish>& tables)
      : connection_(connection), tables_(tables) {}

  Status Prepare(const Context& context, std::chrono::milliseconds locks_within) {
    SPILLWAY_TRY(base::Failpoint("publish.begin"));
    SPILLWAY_ASSIGN(const Identity identity, ReadIdentity(context, connection_));
    Sql begin;
    begin << "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = "
          << Literal(locks_within.count());
    SPILLWAY_TRY(connection_.Execute(context, begin));
    const Deadline deadline = Deadline::After(locks_within);
    for (TablePublish& table : tables_) SPILLWAY_TRY(table.Move(context, connection_, identity));
    SPILLWAY_TRY(base::Failpoint("publish.position"));
    for (TablePublish& table : tables_) SPILLWAY_TRY(table.Check(context, connection_));
    for (TablePublish& table : tables_) {
      SPILLWAY_TRY(table.Lock(context, connection_, deadline));
      if (!locked_) locked_ = SteadyClock::now();
    }
    for (TablePublish& table : tables_) SPILLWAY_TRY(table.Put(context, connection_));
    for (TablePublish& table : tables_) SPILLWAY_TRY(table.Finish(context, connection_));
    SPILLWAY_ASSIGN(doubted_, NoteTransaction(context, connection_));
    return base::Failpoint("publish.commit.before");
  }

  const DoubtedTransaction& doubted() const { return doubted_; }
  /// Since when readers wait.
  SteadyClock::time_point locked() const { return locked_.value_or(SteadyClock::now()); }

 private:
  Connection& connection_;
  std::vector<TablePublish>& tables_;
  std::optional<SteadyClock::time_point> locked_;
  DoubtedTransaction doubted_;
};

// What became of a publish whose COMMIT was not acknowledged: read under the row lock, so that it
// has ended.
Result<CommitOutcome> AskServer(const Context& context, Pool& pool, const Publish& publish,
                                const DoubtedTransaction& doubted) {
  SPILLWAY_ASSIGN(Lease other, ReconnectPatiently(context, pool));
  EndIdleTransaction(context, *other, doubted);
  SPILLWAY_TRY(other->Execute(context, Sql() << "BEGIN"));
  SPILLWAY_ASSIGN(
      const auto stored,
      ReadPosition(context, *other, publish.stage.fence.synced_table_id, RowLock::kExclusive));
  SPILLWAY_TRY(other->Execute(context, Sql() << "ROLLBACK"));
  if (stored && stored->published_fence == publish.stage.fence.number) {
    return CommitOutcome::kCommitted;
  }
  if (stored && stored->published_fence < publish.stage.fence.number) {
    return CommitOutcome::kRejected;
  }
  // A newer run has published since, or the synced table was forgotten: only the commit log can
  // tell.
  SPILLWAY_ASSIGN(const std::string status, TransactionStatus(context, *other, doubted));
  if (status == "committed") return CommitOutcome::kCommitted;
  if (status == "aborted") return CommitOutcome::kRejected;
  return CommitOutcome::kUnknown;
}

Result<Published> PublishOnce(const Context& context, Pool& pool, std::vector<TablePublish>& tables,
                              std::chrono::milliseconds locks_within) {
  SPILLWAY_ASSIGN(Lease connection, pool.BorrowWritable(context));
  Transaction transaction(*connection, tables);
  SPILLWAY_TRY(transaction.Prepare(context, locks_within));
  auto reply = connection->Commit(context, "publish.commit.sent");
  if (reply.outcome == CommitOutcome::kUnknown) {
    connection.Return();
    auto found = AskServer(ResolutionContext(context), pool, tables.front().publish(),
                           transaction.doubted());
    // Not to be found out in time: the caller must read the position before it does anything.
    reply.outcome = found.ok() ? *found : CommitOutcome::kUnknown;
  }
  Published published;
  published.outcome = reply.outcome;
  published.locked_for = std::chrono::duration_cast<std::chrono::microseconds>(
      SteadyClock::now() - transaction.locked());
  if (reply.outcome == CommitOutcome::kRejected && !reply.error.ok()) return reply.error;
  if (reply.outcome == CommitOutcome::kCommitted) {
    SPILLWAY_TRY(base::Failpoint("publish.commit.after"));
  }
  return published;
}

// A swap needs that nobody reads with a snapshot older than the stage's rows; a first publish has
// no readers.
Status MakeReadyToReplace(const Context& context, Pool& pool, const Publish& publish) {
  SPILLWAY_ASSIGN(Lease connection, pool.BorrowWritable(context));
  SPILLWAY_ASSIGN(const auto old, FindRelation(context, *connection, publish.stage.target, true));
  if (!old) return Status();
  // The old table's plans rest on statistics; the new one has its own from the first query on. A
  // first load leaves them to autovacuum.
  Sql analyze;
  analyze << "ANALYZE " << publish.stage.table;
  if (Status analyzed = connection->Execute(context, analyze); !analyzed.ok()) {
    // A stage that is gone is told by the publish itself, which knows why.
    if (analyzed.detail("sqlstate") != "42P01") return analyzed;
  }
  return WaitForOldReaders(context, *connection, publish.lock_timeout);
}

// The tables' outcomes in the caller's order.
Published InOrderOf(const std::vector<Publish>& publishes, const std::vector<TablePublish>& tables,
                    Published published) {
  published.tables.clear();
  for (const Publish& publish : publishes) {
    for (const TablePublish& table : tables) {
      if (&table.publish() == &publish) published.tables.push_back(table.published());
    }
  }
  return published;
}

}  // namespace

Result<Published> PublishStages(const Context& context, Pool& pool,
                                const std::vector<Publish>& publishes) {
  SPILLWAY_CHECK(!publishes.empty());
  // Two groups that share tables lock them in one order.
  std::vector<const Publish*> ordered;
  for (const Publish& publish : publishes) ordered.push_back(&publish);
  std::ranges::sort(ordered, {}, [](const Publish* publish) {
    const TableName& table = publish->stage.target;
    return std::tie(table.schema, table.table);
  });
  std::vector<TablePublish> tables;
  std::chrono::milliseconds lock_timeout = publishes.front().lock_timeout;
  for (const Publish* publish : ordered) {
    tables.emplace_back(*publish);
    lock_timeout = std::min(lock_timeout, publish->lock_timeout);
  }
  const Deadline locks = Deadline::After(lock_timeout);
  for (const Publish* publish : ordered) {
    SPILLWAY_TRY(MakeReadyToReplace(context, pool, *publish));
  }
  while (true) {
    const auto attempt =
        std::max(std::chrono::milliseconds(1), std::min(kLockAttempt, locks.Remaining().value()));
    auto published = PublishOnce(context, pool, tables, attempt);
    if (published.ok()) return InOrderOf(publishes, tables, *std::move(published));
    if (published.status().error_class() != ErrorClass::kLockTimeout || locks.expired()) {
      return published;
    }
    SPILLWAY_TRY(Pause(context, kBetweenLockAttempts));
  }
}

}  // namespace spillway::target::postgres
