#ifndef SPILLWAY_DATA_COLUMN_TEXT_H_
#define SPILLWAY_DATA_COLUMN_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "data/batch.h"
#include "data/json_writer.h"
#include "data/schema.h"

namespace spillway::data {

/// The text of one column's values outside of JSON: scalars as in docs/formats/json.md without
/// quotes and escapes, nested values and variants as JSON. Used by one thread.
class ColumnText {
 public:
  /// Errors: UNSUPPORTED_COLUMN_TYPE (geometry, geography).
  static base::Result<ColumnText> Make(const Field& field);
  /// What later Append calls read. REQUIRES: the field's type.
  void Bind(const ColumnView& view);
  bool IsNull(std::int64_t row) const { return view_->IsNull(row); }
  /// Appends the text of a value. REQUIRES: not NULL. Errors: those of JsonWriter; nothing is
  /// appended then.
  base::Status Append(std::int64_t row, std::string* out);
  bool is_number() const;

 private:
  explicit ColumnText(TypeKind kind) : kind_(kind) {}
  TypeKind kind_;
  std::int32_t scale_ = 0;
  std::optional<JsonWriter> json_;  ///< of nested types and variants
  std::optional<ColumnView> view_;
};

/// The options of JSON that is written for reading, not for a database: nothing is refused that can
/// be written.
JsonOptions ReadableJson(std::string column);

}  // namespace spillway::data

#endif  // SPILLWAY_DATA_COLUMN_TEXT_H_
