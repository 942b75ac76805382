#include "target/postgres/publish.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "base/failpoint.h"
#include "target/postgres/bookkeeping.h"
#include "target/postgres/constraint_error.h"
#include "target/postgres/lock_wait.h"
#include "target/postgres/old_readers.h"
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

constexpr std::chrono::milliseconds kBetweenLockAttempts{20};
constexpr std::chrono::milliseconds kLongestPause{200};
// With one lock had, the next is waited for so long at first.
constexpr std::chrono::milliseconds kLaterLock{50};
// What hangs on a table may change while the stage is prepared for it, but not for ever.
constexpr int kRounds = 3;

// How an attempt at the locks goes about it, by its number and what the last one met.
struct Approach {
  int attempt = 0;
  std::size_t contended = 0;  ///< the lock that was not had last time
  bool ContendedFirst() const { return attempt % 2 == 1; }
  /// With one lock had, the others are waited for so long: longer and longer, since the holders may
  /// be slow, but their holders may also be waiting for us.
  std::chrono::milliseconds LaterLock() const {
    return kLaterLock * (ContendedFirst() ? 1 : 1 << std::min(attempt / 2, 3));
  }
};

// Everything but the COMMIT, for all tables, in their order. An error leaves the transaction to be
// rolled back.
class Transaction {
 public:
  Transaction(Connection& connection, std::vector<TablePublish>& tables)
      : connection_(connection), tables_(tables) {}

  /// False when a table is no longer as it was made ready for.
  Result<bool> Prepare(const Context& context, std::chrono::milliseconds locks_within,
                       Approach* approach) {
    SPILLWAY_TRY(base::Failpoint("publish.begin"));
    SPILLWAY_ASSIGN(const Identity identity, ReadIdentity(context, connection_));
    Sql begin;
    begin << "BEGIN ISOLATION LEVEL READ COMMITTED; " << SetLockTimeout(locks_within);
    SPILLWAY_TRY(connection_.Execute(context, begin));
    const Deadline deadline = Deadline::After(locks_within);
    for (TablePublish& table : tables_) {
      Status moved = table.Move(context, connection_, identity);
      if (moved.ok()) continue;
      if (moved.error_class() != ErrorClass::kLockTimeout) return moved;
      return WithBlockers(context, connection_, std::move(moved), PositionTable())
          .While("lock the position of " + table.publish().stage.target.ToString());
    }
    SPILLWAY_TRY(base::Failpoint("publish.position"));
    for (TablePublish& table : tables_) SPILLWAY_TRY(table.Check(context, connection_));
    for (TablePublish& table : tables_) {
      SPILLWAY_ASSIGN(const bool ready, table.PlanLocks(context, connection_));
      if (!ready) return false;
    }
    SPILLWAY_ASSIGN(const bool found, Lock(context, deadline, approach));
    if (!found) return false;
    for (TablePublish& table : tables_) {
      SPILLWAY_ASSIGN(const bool ready, table.CheckAgain(context, connection_));
      if (!ready) return false;
    }
    for (TablePublish* table : PutOrder()) {
      const Result<bool> put = table->Put(context, connection_);
      if (put.ok() && *put) continue;
      if (put.ok() || table->ApplyAfter(put.status())) return false;
      return put.status();
    }
    SPILLWAY_TRY(CheckConstraints(context));
    for (TablePublish& table : tables_) SPILLWAY_TRY(table.Complete(context, connection_));
    for (TablePublish& table : tables_) SPILLWAY_TRY(table.Finish(context, connection_));
    SPILLWAY_ASSIGN(doubted_, NoteTransaction(context, connection_));
    SPILLWAY_TRY(base::Failpoint("publish.commit.before"));
    return true;
  }

  const DoubtedTransaction& doubted() const { return doubted_; }
  /// Since when readers wait.
  SteadyClock::time_point locked() const { return locked_.value_or(SteadyClock::now()); }

 private:
  // Of rows that were written into tables that stay, before COMMIT would do it. A swap writes none.
  Status CheckConstraints(const Context& context) {
    if (std::ranges::all_of(tables_, [](const TablePublish& table) {
          return table.published().way == PublishWay::kSwap;
        })) {
      return Status();
    }
    Status checked = connection_.Execute(context, Sql() << "SET CONSTRAINTS ALL IMMEDIATE");
    if (checked.ok()) return checked;
    const auto violated = std::ranges::find_if(tables_, [&](const TablePublish& table) {
      const TableName& name = table.publish().stage.target;
      return checked.detail("schema") == name.schema && checked.detail("table") == name.table;
    });
    const TablePublish& table = violated == tables_.end() ? tables_.front() : *violated;
    return ConstraintError(std::move(checked), table.publish().stage.target);
  }

  // A table before those that its foreign keys refer to; in a circle of them, any first.
  std::vector<TablePublish*> PutOrder() {
    std::vector<TablePublish*> left;
    for (TablePublish& table : tables_) left.push_back(&table);
    std::vector<TablePublish*> order;
    while (!left.empty()) {
      const auto is_referred_to = [&](const TablePublish* table) {
        const auto place = static_cast<std::size_t>(table - tables_.data());
        return std::ranges::any_of(left, [&](const TablePublish* other) {
          return other != table && std::ranges::count(other->refers_to(), place) > 0;
        });
      };
      auto next = std::ranges::find_if_not(left, is_referred_to);
      if (next == left.end()) next = left.begin();
      order.push_back(*next);
      left.erase(next);
    }
    return order;
  }

  // Takes every lock, outermost first as readers come. Readers that come the other way round meet
  // us half way, so every other attempt begins with the lock that was not had: whoever holds that
  // can go on meanwhile. False when a relation is not there any more.
  Result<bool> Lock(const Context& context, const Deadline& deadline, Approach* approach) {
    std::vector<std::pair<const TablePublish*, const Sql*>> locks;
    for (const TablePublish& table : tables_) {
      for (const Sql& lock : table.locks()) locks.emplace_back(&table, &lock);
    }
    std::vector<std::size_t> order(locks.size());
    std::iota(order.begin(), order.end(), 0);
    if (approach->ContendedFirst() && approach->contended < order.size()) {
      std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(approach->contended),
                  order.begin() + static_cast<std::ptrdiff_t>(approach->contended) + 1);
    }
    for (const std::size_t i : order) {
      const auto left = *deadline.Remaining();
      Sql sql = SetLockTimeout(locked_ ? std::min(left, approach->LaterLock()) : left);
      Status locked = connection_.Execute(context, sql << *locks[i].second);
      if (!locked.ok() && locked.error_class() == ErrorClass::kLockTimeout) {
        approach->contended = i;
        const TableName& table = locks[i].first->publish().stage.target;
        return WithBlockers(context, connection_, std::move(locked), table)
            .While("lock " + table.ToString());
      }
      // Something is gone, or became of another kind; or a view is not ours any more, which stops a
      // swap and not an apply.
      const std::string_view state = locked.detail("sqlstate");
      const bool of_a_view = locks[i].second != &locks[i].first->locks().back();
      if (state == "42P01" || state == "42704" || state == "42809" ||
          (state == "42501" && of_a_view)) {
        return false;
      }
      SPILLWAY_TRY(std::move(locked));
      if (!locked_) locked_ = SteadyClock::now();
    }
    return true;
  }

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
  const Fence& fence = publish.stage.fence;
  if (stored && stored->published_fence == fence.number && stored->row.run_id == fence.run_id) {
    return CommitOutcome::kCommitted;
  }
  if (stored && stored->published_fence < fence.number) return CommitOutcome::kRejected;
  // Another run has published since, or the synced table was forgotten: only the commit log can
  // tell.
  SPILLWAY_ASSIGN(const std::string status, TransactionStatus(context, *other, doubted));
  if (status == "committed") return CommitOutcome::kCommitted;
  if (status == "aborted") return CommitOutcome::kRejected;
  return CommitOutcome::kUnknown;
}

// Absent when a table must be made ready again.
Result<std::optional<Published>> PublishOnce(const Context& context, Pool& pool,
                                             std::vector<TablePublish>& tables,
                                             std::chrono::milliseconds locks_within,
                                             Approach* approach) {
  SPILLWAY_ASSIGN(Lease connection, pool.BorrowWritable(context));
  Transaction transaction(*connection, tables);
  SPILLWAY_ASSIGN(const bool ready, transaction.Prepare(context, locks_within, approach));
  if (!ready) return std::optional<Published>();
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
  return std::optional<Published>(std::move(published));
}

// Chooses each table's way and prepares it. A swap needs that nobody reads with a snapshot older
// than the stage's rows; while somebody does, the difference is applied.
Status MakeReady(const Context& context, Pool& pool, std::vector<TablePublish>& tables,
                 std::chrono::milliseconds wait) {
  for (TablePublish& table : tables) SPILLWAY_TRY(table.MakeReady(context, pool));
  if (std::ranges::none_of(tables, &TablePublish::swaps)) return Status();
  SPILLWAY_ASSIGN(Lease connection, pool.BorrowWritable(context));
  Status waited = WaitForOldReaders(context, *connection, wait);
  if (!waited.ok() && waited.error_class() == ErrorClass::kLockTimeout) {
    for (TablePublish& table : tables) {
      if (!table.swaps()) continue;
      table.ApplyInstead(waited);
      SPILLWAY_TRY(table.TakeBack(context, *connection));
    }
    return Status();
  }
  SPILLWAY_TRY(std::move(waited));
  SPILLWAY_ASSIGN(const std::string silent, NameSilentStandbys(context, *connection));
  for (TablePublish& table : tables) {
    if (!silent.empty() && table.swaps()) table.TellOfStandbys(silent);
  }
  return Status();
}

// Tries until the locks are had or `lock_timeout` is over; absent when a table must be made ready
// again.
Result<std::optional<Published>> PublishReady(const Context& context, Pool& pool,
                                              std::vector<TablePublish>& tables,
                                              std::chrono::milliseconds lock_timeout,
                                              std::chrono::milliseconds longest_attempt) {
  const Deadline locks = Deadline::After(lock_timeout);
  std::chrono::milliseconds pause = kBetweenLockAttempts;
  Approach approach;
  while (true) {
    const auto attempt = std::max(std::chrono::milliseconds(1),
                                  std::min(longest_attempt, locks.Remaining().value()));
    auto published = PublishOnce(context, pool, tables, attempt, &approach);
    ++approach.attempt;
    if (published.ok() || published.status().error_class() != ErrorClass::kLockTimeout ||
        locks.expired()) {
      return published;
    }
    SPILLWAY_TRY(context.Sleep(std::min(pause, locks.Remaining().value())));
    pause = std::min(pause * 2, kLongestPause);
  }
}

// A reader that holds the table may want a view that we hold: it waits for deadlock_timeout, then
// one of us is cancelled. We let go before.
Result<std::chrono::milliseconds> LongestAttempt(const Context& context, Pool& pool) {
  SPILLWAY_ASSIGN(Lease connection, pool.BorrowWritable(context));
  Sql sql;
  sql << "SELECT setting FROM pg_settings WHERE name = 'deadlock_timeout'";
  SPILLWAY_ASSIGN(const Rows rows, connection->Query(context, sql));
  const std::chrono::milliseconds deadlock(rows.number(0, 0));
  return std::clamp(deadlock / 2, std::chrono::milliseconds(1), kLockAttempt);
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
  std::vector<TableName> group;
  for (const Publish* publish : ordered) group.push_back(publish->stage.target);
  std::vector<TablePublish> tables;
  std::chrono::milliseconds lock_timeout = publishes.front().lock_timeout;
  for (const Publish* publish : ordered) {
    tables.emplace_back(*publish, group);
    lock_timeout = std::min(lock_timeout, publish->lock_timeout);
  }
  SPILLWAY_ASSIGN(const std::chrono::milliseconds longest, LongestAttempt(context, pool));
  // Each table may also turn out to be one that cannot be swapped.
  const int rounds = kRounds + static_cast<int>(tables.size());
  for (int round = 0; round < rounds; ++round) {
    SPILLWAY_TRY(MakeReady(context, pool, tables, lock_timeout));
    SPILLWAY_ASSIGN(auto published, PublishReady(context, pool, tables, lock_timeout, longest));
    if (published) return InOrderOf(publishes, tables, *std::move(published));
  }
  return Status(ErrorClass::kTargetChanged,
                "what hangs on " + ordered.front()->stage.target.ToString() +
                    (ordered.size() > 1 ? " or a table of its group" : "") +
                    " keeps changing while it is published")
      .With("table", ordered.front()->stage.target.ToString());
}

}  // namespace spillway::target::postgres
