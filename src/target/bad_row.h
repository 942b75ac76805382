#ifndef SPILLWAY_TARGET_BAD_ROW_H_
#define SPILLWAY_TARGET_BAD_ROW_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/batch.h"
#include "data/schema.h"

/// Rows that a target cannot hold, as targets and syncs speak of them. Plain data; any thread.
namespace spillway::target {

/// A row that cannot be stored, and why.
struct BadRow {
  std::string column;  ///< the first that cannot be stored; empty for a duplicate key
  std::string key;     ///< the row's key values for people; empty when it has no key
  std::string reason;
  base::ErrorClass error_class = base::ErrorClass::kValueOutOfRange;
  std::string key_json;   ///< object of the key columns; empty when it has no key
  std::string row_json;   ///< object of all columns (data/row_json.h)
  std::string file;       ///< data file as the source's log writes it
  std::int64_t row = -1;  ///< position in the file; before it is located, in the batch
};

/// Gives each row the image of some columns: rows have equal images exactly when the target holds
/// these columns' values to be equal as key values. Used by one thread.
class KeyImages {
 public:
  virtual ~KeyImages() = default;
  /// One image a row. A value that cannot be stored has an empty image.
  virtual base::Result<std::vector<std::string>> Of(const data::Batch& batch) = 0;
};

/// Columns of ReadRejected: id long, key string (JSON object or NULL), row string (JSON object,
/// NULL when too large to be kept), column string (NULL for a duplicate key), class, reason, file
/// string, row_position, version long, run_id string, rejected_at timestamp.
const std::shared_ptr<const data::Schema>& RejectedSchema();

/// Rows named in one message.
inline constexpr std::size_t kBadRowsNamed = 10;

/// "column price, key 7: the reason (file part-0.parquet, row 12)" of up to ten rows, each on an
/// indented line of its own; a file is named where it first stands.
std::string NameBadRows(const std::vector<BadRow>& rows);

/// The error of a sync that stops at bad rows, of which `rows` were found until then: the class of
/// the first, its column, key, reason, file and row as details, up to ten rows in the message.
/// `table` is for people. REQUIRES: rows.
base::Status BadRowsError(const std::string& table, const std::vector<BadRow>& rows);

/// TOO_MANY_REJECTED: `count` rows against `most`, some of them named.
base::Status TooManyRejected(const std::string& table, std::int64_t count, std::int64_t most,
                             const std::string& named);

}  // namespace spillway::target

#endif  // SPILLWAY_TARGET_BAD_ROW_H_
