#include "target/postgres/index_build.h"

#include <algorithm>
#include <regex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/failpoint.h"
#include "base/mutex.h"
#include "target/postgres/server_memory.h"
#include "target/postgres/stage.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

constexpr int kKeysNamed = 10;
// Characters of each column of the key of a row that is too long to be indexed.
constexpr std::int64_t kKeyShown = 60;
// SQLSTATE of a row that exceeds what an index holds.
constexpr std::string_view kTooLong = "54000";
// Indexes made at a time.
constexpr std::size_t kMaxBuilders = 4;
// Two builders may choose the same name for their indexes; the later one chooses again.
constexpr int kMaxNameAttempts = 20;

std::string KeyText(const Rows& rows, int row, const std::vector<std::string>& key) {
  std::string text;
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (i > 0) text += ", ";
    text += key[i] + "=";
    text += rows.IsNull(row, static_cast<int>(i))
                ? std::string("NULL")
                : std::string(rows.text(row, static_cast<int>(i)));
  }
  return text;
}

// The rows that violate the key, asked of the stage itself: up to ten keys and the number of all.
Status KeyViolation(const Context& context, Connection& connection, const Stage& stage,
                    const std::vector<std::string>& key, bool null_key) {
  Sql sql;
  sql << "SELECT ";
  for (const std::string& column : key) sql << Identifier(column) << "::text, ";
  sql << "count(*), count(*) OVER () FROM " << stage.table << " AS s";
  if (null_key) {
    sql << " WHERE ";
    bool first = true;
    for (const std::string& column : key) {
      if (!first) sql << " OR ";
      first = false;
      sql << Identifier(column) << " IS NULL";
    }
  }
  sql << " GROUP BY " << std::span<const std::string>(key);
  if (!null_key) sql << " HAVING count(*) > 1";
  sql << " ORDER BY ";
  for (const std::string& column : key) sql << "s." << Identifier(column) << ", ";
  sql << "1 LIMIT " << std::int64_t{kKeysNamed};
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  const int counts = static_cast<int>(key.size());
  std::string keys;
  for (int row = 0; row < rows.size(); ++row) {
    if (row > 0) keys += "; ";
    keys += KeyText(rows, row, key);
    if (rows.number(row, counts) > 1) {
      keys += " (" + std::to_string(rows.number(row, counts)) + " rows)";
    }
  }
  const std::int64_t total = rows.size() == 0 ? 0 : rows.number(0, counts + 1);
  std::string message = null_key ? "rows have NULL in the primary key of "
                                 : "several rows have the same primary key in ";
  message += stage.target.ToString() + ": " + keys;
  if (total > kKeysNamed) message += "; … " + std::to_string(total) + " keys in all";
  Status error(ErrorClass::kPrimaryKeyConstraintViolation, std::move(message));
  return std::move(error)
      .With("table", stage.target.ToString())
      .With("key", rows.size() == 0 ? std::string() : KeyText(rows, 0, key))
      .With("keys", keys)
      .With("key_count", std::to_string(total))
      .With("reason", null_key ? "NULL in the key" : "duplicate key");
}

// The place "(page,number)" of the row that the server's DETAIL names last; empty when it names
// none.
std::string PlaceIn(std::string_view message) {
  static const std::regex kPlace(R"(\(\d+,\d+\))");
  std::string place;
  const std::string text(message);
  for (std::sregex_iterator found(text.begin(), text.end(), kPlace), end; found != end; ++found) {
    place = found->str();
  }
  return place;
}

// The server's refusal to index a row for its size, with the row's key, so far as the server says
// which row it is; ends the transaction. `what`: the key or index that is being made.
Status TooLongToIndex(const Context& context, Connection& connection, const Stage& stage,
                      const std::vector<std::string>& key, const std::string& what, Status error) {
  std::string row;
  if (const std::string place = PlaceIn(error.message()); !place.empty() && !key.empty()) {
    Sql sql;
    sql << "ROLLBACK; SELECT ";
    for (const std::string& column : key) {
      if (&column != &key.front()) sql << ", ";
      sql << "CASE WHEN length(" << Identifier(column) << "::text) > " << kKeyShown << " THEN left("
          << Identifier(column) << "::text, " << kKeyShown << ") || '…' ELSE " << Identifier(column)
          << "::text END";
    }
    sql << " FROM " << stage.table << " WHERE ctid = " << Literal(place) << "::tid";
    const auto rows = connection.Query(context, sql);
    if (rows.ok() && rows->size() == 1) row = KeyText(*rows, 0, key);
  }
  std::string message = "a value is too long for " + what + " of " + stage.target.ToString();
  if (!row.empty()) message += ", in the row " + row;
  message += ": " + std::string(error.message());
  error = std::move(error).Restate(ErrorClass::kValueOutOfRange, std::move(message));
  if (!row.empty()) error = std::move(error).With("key", row);
  return std::move(error)
      .With("table", stage.target.ToString())
      .Mend(
          "Leave the row out with --where, or index less of it: another key, or an index of "
          "(md5(v))"
          " or (left(v, 200)) instead of (v).");
}

Status AddPrimaryKey(const Context& context, Connection& connection, const Stage& stage,
                     const IndexSpec& index) {
  const std::vector<std::string>& key = index.primary_key;
  Sql sql;
  sql << "ALTER TABLE " << stage.table << " ADD CONSTRAINT "
      << Identifier(stage.table.table + "_pkey") << " PRIMARY KEY ("
      << std::span<const std::string>(key) << ")";
  Status added = connection.Execute(context, sql);
  const std::string_view state = added.detail("sqlstate");
  if (state == "23505" || state == "23502") {
    SPILLWAY_TRY(connection.Execute(context, Sql() << "ROLLBACK"));
    if (!index.name_violations) {
      return Status(ErrorClass::kPrimaryKeyConstraintViolation, "the primary key is violated")
          .With("table", stage.target.ToString());
    }
    return KeyViolation(context, connection, stage, key, state == "23502");
  }
  if (state == kTooLong) {
    return TooLongToIndex(context, connection, stage, key, "the primary key", std::move(added));
  }
  if (state.starts_with("42") && state != "42501") {
    return Status(ErrorClass::kInvalidDefinition,
                  "the primary key cannot be made: " + std::string(added.message()))
        .With("sqlstate", state)
        .With("table", stage.target.ToString());
  }
  return added;
}

// `key`: the table's, by which a row is named.
Status AddIndex(const Context& context, Connection& connection, const Stage& stage,
                const std::vector<std::string>& key, const std::string& clause) {
  Sql sql;
  sql << "CREATE INDEX ON " << stage.table << " " << IndexClause(clause);
  auto added = connection.QuerySingle(context, sql);
  if (added.ok()) return Status();
  Status error = std::move(added).status();
  const std::string state(error.detail("sqlstate"));
  if (state == kTooLong) {
    return TooLongToIndex(context, connection, stage, key, "the index " + clause, std::move(error));
  }
  if (state.starts_with("42") && state != "42501") {
    return Status(ErrorClass::kInvalidDefinition,
                  "an index cannot be made: " + clause + ": " + std::string(error.message()))
        .Mend(
            "Correct it in indexes; functions and operator classes outside pg_catalog are written "
            "with their schema.")
        .With("sqlstate", state)
        .With("object", clause)
        .With("table", stage.target.ToString());
  }
  return std::move(error).While("make index " + clause);
}

// The primary key and, of an earlier call, the number of indexes beside it.
struct Existing {
  bool key = false;
  std::size_t indexes = 0;
};

Result<Existing> FindExisting(const Context& context, Connection& connection, const Stage& stage) {
  Sql sql;
  sql << "SELECT count(*) FILTER (WHERE indisprimary), count(*) FILTER (WHERE NOT indisprimary)"
      << " FROM pg_index WHERE indrelid = to_regclass(" << Literal("spillway." + stage.table.table)
      << ")";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  return Existing{rows.number(0, 0) > 0, static_cast<std::size_t>(rows.number(0, 1))};
}

// Indexes waiting to be made, and the first error of making them.
class IndexQueue {
 public:
  explicit IndexQueue(const std::vector<std::string>& clauses) : clauses_(clauses) {}
  const std::string* Pop() {
    base::MutexLock lock(mutex_);
    if (!error_.ok() || next_ == clauses_.size()) return nullptr;
    return &clauses_[next_++];
  }
  void Fail(Status error) {
    base::MutexLock lock(mutex_);
    if (error_.ok()) error_ = std::move(error);
  }
  Status Finish() {
    base::MutexLock lock(mutex_);
    return error_;
  }

 private:
  const std::vector<std::string>& clauses_;
  base::Mutex mutex_;
  std::size_t next_ GUARDED_BY(mutex_) = 0;
  Status error_ GUARDED_BY(mutex_);
};

// Makes one index in a transaction of its own.
Status BuildOne(const Context& context, Pool& pool, const Stage& stage,
                const std::vector<std::string>& key, const std::string& clause,
                std::int64_t memory) {
  for (int attempt = 1;; ++attempt) {
    SPILLWAY_ASSIGN(Lease connection, pool.BorrowWritable(context));
    SPILLWAY_TRY(BeginOnOpenStage(context, *connection, stage));
    SPILLWAY_TRY(connection->Execute(
        context, IsBtree(clause) ? SetSortMemory(stage.table, memory) : RaiseIndexMemory(memory)));
    Status made = AddIndex(context, *connection, stage, key, clause);
    if (made.ok()) return connection->Execute(context, Sql() << "COMMIT");
    const std::string_view state = made.detail("sqlstate");
    const bool name_taken =
        state == "42P07" || made.detail("constraint") == "pg_class_relname_nsp_index";
    if (!name_taken || attempt == kMaxNameAttempts) return made;
  }
}

Status BuildSeveral(const Context& context, Pool& pool, const Stage& stage,
                    const IndexSpec& index) {
  const std::vector<std::string>& clauses = index.indexes;
  const std::size_t builders =
      std::min({clauses.size(), kMaxBuilders, static_cast<std::size_t>(pool.cap())});
  if (builders == 0) return Status();
  const std::int64_t memory = kIndexMemory / static_cast<std::int64_t>(builders);
  // The others stop when the caller wants it or when one of them failed.
  std::stop_source stop;
  std::stop_callback forward(context.stop, [&stop] { stop.request_stop(); });
  const Context inner{context.deadline, stop.get_token()};
  IndexQueue queue(clauses);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < builders; ++i) {
      threads.emplace_back([&] {
        while (const std::string* clause = queue.Pop()) {
          if (Status made = BuildOne(inner, pool, stage, index.primary_key, *clause, memory);
              !made.ok()) {
            queue.Fail(std::move(made));
            stop.request_stop();
          }
        }
      });
    }
  }
  return queue.Finish();
}

// Indexes of a call that did not finish.
Status DropIndexes(const Context& context, Connection& connection, const Stage& stage) {
  Sql query;
  query << "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        << " WHERE NOT i.indisprimary AND i.indrelid = to_regclass("
        << Literal("spillway." + stage.table.table) << ")";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, query));
  Sql sql;
  for (int row = 0; row < rows.size(); ++row) {
    sql << "DROP INDEX " << TableName{"spillway", std::string(rows.text(row, 0))} << ";";
  }
  return sql.empty() ? Status() : connection.Execute(context, sql);
}

}  // namespace

Status TryIndexes(const Context& context, Pool& pool, const Stage& stage, const IndexSpec& index) {
  if (index.primary_key.empty() && index.indexes.empty()) return Status();
  SPILLWAY_ASSIGN(Lease connection, pool.BorrowWritable(context));
  SPILLWAY_TRY(BeginOnOpenStage(context, *connection, stage));
  if (!index.primary_key.empty()) {
    SPILLWAY_TRY(AddPrimaryKey(context, *connection, stage, index));
  }
  for (const std::string& clause : index.indexes) {
    SPILLWAY_TRY(AddIndex(context, *connection, stage, index.primary_key, clause));
  }
  return connection->Execute(context, Sql() << "ROLLBACK");
}

Status BuildIndexes(const Context& context, Pool& pool, const Stage& stage,
                    const IndexSpec& index) {
  SPILLWAY_TRY(base::Failpoint("index.before"));
  bool complete = false;
  {
    SPILLWAY_ASSIGN(Lease connection, pool.BorrowWritable(context));
    SPILLWAY_TRY(BeginOnOpenStage(context, *connection, stage));
    SPILLWAY_TRY(connection->Execute(context, SetSortMemory(stage.table, kIndexMemory)));
    SPILLWAY_ASSIGN(const Existing existing, FindExisting(context, *connection, stage));
    if (!existing.key && !index.primary_key.empty()) {
      SPILLWAY_TRY(AddPrimaryKey(context, *connection, stage, index));
    }
    complete = existing.indexes == index.indexes.size();
    if (!complete) SPILLWAY_TRY(DropIndexes(context, *connection, stage));
    SPILLWAY_TRY(connection->Execute(context, Sql() << "COMMIT"));
  }
  if (!complete) SPILLWAY_TRY(BuildSeveral(context, pool, stage, index));
  return base::Failpoint("index.after");
}

}  // namespace spillway::target::postgres
