#ifndef SPILLWAY_LAKE_LAKE_H_
#define SPILLWAY_LAKE_LAKE_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "data/batch.h"
#include "data/schema.h"
#include "expr/predicate.h"

/// The port to lakes: versioned tables that are read by splits and appended to. Adapters: delta
/// (over lakeio).
namespace spillway::lake {

using Version = std::int64_t;
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;

/// Where a table lies and how its store is entered. Option values may be secrets: never printed.
struct Location {
  std::string url;  ///< /path, file:, s3:, abfss:, az:, gs:
  std::map<std::string, std::string> storage_options;
};

/// Latest, a version, or the last commit at or before a time.
using VersionSpec = std::variant<std::monostate, Version, Timestamp>;

/// What a target reflects. Opaque to all but its adapter, which alone compares two; stored as JSON.
/// `version` is for people.
struct Position {
  std::string
      document;  ///< canonical JSON: adapter, log root, table id, version, commit fingerprint
  Version version = 0;
  bool operator==(const Position& other) const { return document == other.document; }
};

/// How the source's present stands to a recorded position.
enum class Relation : std::uint8_t {
  kSame,      ///< the recorded commit is the latest
  kFollows,   ///< the recorded commit is in this history, newer ones follow
  kReplaced,  ///< another table (id) in the same place and history
  kOther,     ///< the recorded commit is not in this history
};

struct ReadSpec {
  std::optional<std::vector<std::string>>
      columns;  ///< top-level names in the order wanted; absent: all but void
  std::optional<expr::Predicate> where;
  bool row_position = false;  ///< append "_file" (string) and "_row" (long)
  /// Of timestamps in partition values that name none: UTC, or an offset as +05:30.
  std::string partition_zone = "UTC";
};

/// A part of a scan that one worker reads: plain bytes that may travel to another process.
struct Split {
  std::string bytes;
  std::string path;                  ///< of the data file, for people
  std::optional<std::int64_t> rows;  ///< before the predicate; absent when the log has no statistic
  std::int64_t byte_size = 0;        ///< compressed
};

class SplitStream {
 public:
  virtual ~SplitStream() = default;
  /// The next split or nullopt; the order is deterministic.
  virtual base::Result<std::optional<Split>> Next(const base::Context& context) = 0;
};

/// Budgets of one stream of rows.
struct ReadOptions {
  std::int64_t batch_rows = 8192;
  std::int64_t batch_bytes = 8 << 20;
  std::int64_t memory_bytes = 64 << 20;  ///< pages and read-ahead
  /// Whether a string that is not UTF-8 is CHARACTER_NOT_IN_REPERTOIRE. Else its bytes are given,
  /// unless the predicate looks at the column, and the reader checks.
  bool check_text = true;
};

/// A read of one version, compiled: columns, predicate, mapping.
struct Scan {
  std::string document;  ///< versioned JSON without secrets; same input, same bytes
  std::shared_ptr<const data::Schema> schema;  ///< of the batches; shared with the streams
};

/// Sums over the files of a version.
struct Totals {
  std::int64_t files = 0;
  std::int64_t byte_size = 0;
  std::optional<std::int64_t> rows;
  std::int64_t deletion_vectors = 0;
};

/// What the log says about a version besides its rows.
struct Description {
  std::string url;
  Version version = 0;
  std::string table_id;
  Timestamp committed_at;
  std::string name;
  std::string description;
  std::vector<std::string> partition_columns;
  std::vector<std::string> clustering_columns;
  std::vector<std::string> primary_key;  ///< declared by the source, else empty
  std::map<std::string, std::string> properties;
  std::int32_t reader_version = 0;
  std::int32_t writer_version = 0;
  std::vector<std::string> features;
  std::vector<std::string> warnings;  ///< columns left out and the like
};

/// One version of one table; immutable, usable from several threads.
class Table {
 public:
  virtual ~Table() = default;
  virtual const Description& description() const = 0;
  /// Logical schema, void columns left out.
  virtual const data::Schema& schema() const = 0;
  virtual const Position& position() const = 0;
  /// One pass over the listing. Errors: DELTA_LOG_CORRUPT, DELTA_TRUNCATED_TRANSACTION_LOG, and
  /// what the store fails with.
  virtual base::Result<Totals> Sum(const base::Context& context) const = 0;
  /// Errors: COLUMN_NOT_FOUND, UNSUPPORTED_COLUMN_TYPE for a selected column.
  virtual base::Result<Scan> Plan(const base::Context& context, const ReadSpec& spec) const = 0;
  /// Files larger than `target_bytes` are split by row groups (0: never).
  virtual base::Result<std::unique_ptr<SplitStream>> Splits(const base::Context& context,
                                                            const Scan& scan,
                                                            std::int64_t target_bytes) const = 0;
};

struct Commit {
  Version version = 0;
  Timestamp committed_at;
  std::string operation;
  std::string parameters;  ///< JSON object
  std::string metrics;     ///< JSON object
  std::string engine;
  std::string user;
};

struct CreateSpec {
  data::Schema schema;
  std::vector<std::string> partition_columns;
  std::map<std::string, std::string> properties;
  std::string name;
};

/// Identity of an append, so that repeating it adds nothing.
struct Transaction {
  std::string application;
  std::int64_t version = 0;
};

struct Appended {
  Version version = 0;
  std::int64_t rows = 0;
  bool already = false;  ///< the transaction was in the log; nothing was written
};

/// What `spillway doctor` shows of a store.
struct Probe {
  std::string store;
  std::string credential;  ///< where it comes from, never itself
  base::Status outcome;    ///< ok, or why it cannot be listed
};

/// The source's present against a recorded position.
struct Observed {
  Relation relation = Relation::kOther;
  /// The latest version, when it had to be opened to tell; else null.
  std::unique_ptr<Table> table;
};

/// The port itself. Thread-safe.
class Lake {
 public:
  virtual ~Lake() = default;
  /// Errors: SOURCE_NOT_FOUND, DELTA_LOG_MISSING, DELTA_LOG_CORRUPT,
  /// DELTA_TRUNCATED_TRANSACTION_LOG, VERSION_NOT_FOUND, UNSUPPORTED_READER_FEATURE,
  /// INVALID_ARGUMENT for a location that is none; as of every method here, CANCELLED,
  /// DEADLINE_EXCEEDED, and what the store fails with (STORE_AUTHENTICATION, STORE_UNREACHABLE,
  /// STORE_THROTTLED).
  virtual base::Result<std::unique_ptr<Table>> Open(const base::Context& context,
                                                    const Location& location,
                                                    const VersionSpec& version) = 0;
  /// Compares the source's present with a recorded position; one listing and one read when nothing
  /// changed. Errors: TARGET_CHANGED for a position of another adapter, and as Open.
  virtual base::Result<Observed> Observe(const base::Context& context, const Location& location,
                                         const Position& recorded) = 0;
  /// Newest first, at most `limit` (0: all). Errors: as Open.
  virtual base::Result<std::vector<Commit>> History(const base::Context& context,
                                                    const Location& location,
                                                    std::int64_t limit) = 0;
  /// Rows of one split; needs nothing but its arguments, so it works in another process than the
  /// planner's. Errors, of which most come with the batches: DATA_FILE_MISSING, DATA_FILE_CORRUPT,
  /// UNSUPPORTED_COLUMN_TYPE, UNSUPPORTED_LEGACY_CALENDAR, CHARACTER_NOT_IN_REPERTOIRE,
  /// INVALID_ARGUMENT for a split of another scan.
  virtual base::Result<std::unique_ptr<data::BatchStream>> Read(const base::Context& context,
                                                                const Location& location,
                                                                const Scan& scan,
                                                                std::string_view split,
                                                                const ReadOptions& options) = 0;
  /// The scan that gives, for the same splits as `scan` and row for row in the same order, only
  /// where each row lies: "_file" (the data file as the log writes it) and "_row" (its position in
  /// the whole file, deleted rows counted). No column is decoded but those of the predicate.
  /// Errors: INVALID_ARGUMENT for a document that is no scan.
  virtual base::Result<Scan> PlacesOf(const Scan& scan) const = 0;
  /// Creates an empty table. Errors: ALREADY_EXISTS, INVALID_ARGUMENT, UNSUPPORTED_COLUMN_TYPE.
  virtual base::Status Create(const base::Context& context, const Location& location,
                              const CreateSpec& spec) = 0;
  /// Appends all rows in one commit, or nothing. Errors: those of `rows`, as Open,
  /// UNSUPPORTED_WRITER_FEATURE, INVALID_ARGUMENT for rows that do not fit the table,
  /// COMMIT_CONFLICT, COMMIT_UNKNOWN.
  virtual base::Result<Appended> Append(const base::Context& context, const Location& location,
                                        std::unique_ptr<data::BatchStream> rows,
                                        const std::optional<Transaction>& transaction) = 0;
  /// Writes one Parquet file whole or not at all; returns its rows. Errors: those of `rows`,
  /// INVALID_ARGUMENT for a location that is none.
  virtual base::Result<std::int64_t> WriteParquet(const base::Context& context,
                                                  const Location& file,
                                                  std::unique_ptr<data::BatchStream> rows) = 0;
  /// Looks whether the store answers; that it does not is in the answer. Errors: INVALID_ARGUMENT
  /// for a location that is none.
  virtual base::Result<Probe> Check(const base::Context& context, const Location& location) = 0;
};

/// Lakes in Delta format, read through lakeio. Threads, timeouts and retries of the object stores
/// are lakeio's defaults (lakeio.h).
base::Result<std::unique_ptr<Lake>> OpenDeltaLake();

}  // namespace spillway::lake

#endif  // SPILLWAY_LAKE_LAKE_H_
