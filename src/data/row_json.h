#ifndef SPILLWAY_DATA_ROW_JSON_H_
#define SPILLWAY_DATA_ROW_JSON_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/batch.h"
#include "data/json_writer.h"
#include "data/schema.h"

namespace spillway::data {

/// Writes rows, whatever is wrong with their values, as one JSON object each: the form of
/// docs/formats/json.md with everything kept (JsonOptions: kString, kEscape, kMark). For reports of
/// rows, not for speed. Used by one thread.
class RowJson {
 public:
  /// `schema` is that of the batches. Errors: UNSUPPORTED_COLUMN_TYPE for geometry and geography.
  static base::Result<RowJson> Make(const Schema& schema);

  /// The row's `columns` (indexes into the schema, in the order wanted) as an object.
  base::Result<std::string> Write(const Batch& batch, std::int64_t row,
                                  const std::vector<std::size_t>& columns);
  /// All columns.
  base::Result<std::string> Write(const Batch& batch, std::int64_t row);

 private:
  struct Column {
    std::string label;  ///< "name":
    JsonWriter writer;
  };
  explicit RowJson(std::vector<Column> columns);
  std::vector<Column> columns_;
  std::vector<std::size_t> all_;
};

}  // namespace spillway::data

#endif  // SPILLWAY_DATA_ROW_JSON_H_
