#ifndef SPILLWAY_DATA_BUILDER_H_
#define SPILLWAY_DATA_BUILDER_H_

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "data/batch.h"
#include "data/schema.h"

namespace spillway::data {

/// Builds a Batch row by row. Values are appended column by column within a row, nested ones depth
/// first; FinishRow checks that every column got exactly one. Used by one thread.
class BatchBuilder {
 public:
  explicit BatchBuilder(std::shared_ptr<const Schema> schema);
  ~BatchBuilder();
  BatchBuilder(BatchBuilder&&) noexcept;
  BatchBuilder& operator=(BatchBuilder&&) noexcept;

  /// Appends to column `column` (top level) the value that `json`-like text denotes in the type's
  /// canonical text form: numbers in decimal, decimals with exactly the type's scale, dates
  /// YYYY-MM-DD, timestamps as microseconds since the epoch, binary raw, variant JSON. Errors:
  /// INVALID_ARGUMENT for text that is no value of the type; nested types.
  base::Status AppendText(std::size_t column, std::string_view text);
  base::Status AppendNull(std::size_t column);
  /// Appends a value given as JSON, nested types included: objects for structs, arrays of elements,
  /// maps as arrays of [key, value] pairs, binary as hex, 64-bit integers and decimals as numbers
  /// or strings, NaN and infinities as the strings "NaN", "Infinity", "-Infinity".
  base::Status AppendJson(std::size_t column, std::string_view json);
  /// Errors: INVALID_ARGUMENT when a column has no or several values in this row.
  base::Status FinishRow();
  std::int64_t rows() const;
  /// The rows so far as a batch; the builder is empty afterwards.
  base::Result<Batch> Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace spillway::data

#endif  // SPILLWAY_DATA_BUILDER_H_
