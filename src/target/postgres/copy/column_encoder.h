#ifndef SPILLWAY_TARGET_POSTGRES_COPY_COLUMN_ENCODER_H_
#define SPILLWAY_TARGET_POSTGRES_COPY_COLUMN_ENCODER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/batch.h"
#include "data/schema.h"
#include "target/postgres/copy/type_table.h"
#include "target/postgres/copy/wire_field.h"

namespace spillway::target::postgres {

/// Why a value cannot be stored.
struct BadValue {
  base::ErrorClass error_class = base::ErrorClass::kValueOutOfRange;
  std::string reason;
  bool operator==(const BadValue&) const = default;
};

/// Converts one column: checks many values at once and brings them into a layout that WriteField
/// knows. The virtual calls are per block of rows. Used by one thread.
class ColumnEncoder {
 public:
  /// What Prepare returns for rows that cannot be stored.
  static constexpr std::int64_t kBad = -1;

  virtual ~ColumnEncoder() = default;
  /// Makes the rows [first, first + n) of `column` ready in `*field` (valid until the next call and
  /// as long as the batch), with n from 1 to `count`: fewer when their bytes would be many. Returns
  /// n, or kBad when a value among them cannot be stored; WriteField finds numerics that do not
  /// fit, this does not. REQUIRES: count >= 1.
  virtual std::int64_t Prepare(const data::ColumnView& column, std::int64_t first,
                               std::int64_t count, WireField* field) = 0;
  /// Why the value at `row` cannot be stored; nothing when it can. REQUIRES: not NULL.
  virtual std::optional<BadValue> Check(const data::ColumnView& column, std::int64_t row) = 0;
};

/// Choices of a definition about values.
struct EncodeOptions {
  bool json_nonfinite_strings = false;  ///< NaN and infinity inside JSON: strings, not bad values
};

/// An encoder of values of `source` as `target`; `column` is its name in messages. Errors:
/// INVALID_DEFINITION when the type table has no such mapping.
base::Result<std::unique_ptr<ColumnEncoder>> MakeColumnEncoder(const data::Type& source,
                                                               const PostgresType& target,
                                                               const std::string& column,
                                                               const EncodeOptions& options);

/// Bytes of one column that are prepared at a time, more only for a single value.
inline constexpr std::int64_t kPreparedBytes = 1 << 20;

/// Sets the kind of `field`, and its bitmap of `column` from row `first` where there is one.
inline void SetKind(const data::ColumnView& column, std::int64_t first, WireKind kind,
                    WireField* field) {
  field->validity = column.validity();
  field->validity_bit = column.validity_bit() + first;
  field->kind = field->validity == nullptr ? kind : OrNull(kind);
}

/// Makes `field` the values prepared in `bytes`, each between its offset and the next; they are
/// borrowed. `first` is the row of `column` that the first of them is of.
inline void SetPrepared(const data::ColumnView& column, std::int64_t first, const char* bytes,
                        const std::vector<std::int32_t>& offsets, WireField* field) {
  SetKind(column, first, WireKind::kBytes, field);
  field->values = bytes;
  field->offsets = offsets.data();
  field->readable_end = offsets.back();
  field->payload_bound = offsets.back();
}

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_COPY_COLUMN_ENCODER_H_
