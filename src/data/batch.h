#ifndef SPILLWAY_DATA_BATCH_H_
#define SPILLWAY_DATA_BATCH_H_

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/context.h"
#include "base/result.h"
#include "data/arrow_abi.h"
#include "data/schema.h"

namespace spillway::data {

/// Read access to one Arrow array of a known logical type; does not own it and must not outlive its
/// Batch. Rows are numbered from 0 within the view; the array's own offset is honoured. Values
/// under NULL are unspecified. Accessors must fit the type's Arrow layout (lakeio.h gives it;
/// intervals are int32 months and int64 microseconds).
class ColumnView {
 public:
  /// `length` rows of `array` from `first`; `type` and `array` must outlive the view.
  ColumnView(const Type& type, const ArrowArray& array, std::int64_t first, std::int64_t length)
      : type_(&type), array_(&array), offset_(array.offset + first), length_(length) {
    if (type.kind == TypeKind::kVoid) {
      all_null_ = true;
      return;
    }
    if (array.null_count != 0) validity_ = static_cast<const std::uint8_t*>(array.buffers[0]);
    if (array.n_buffers == 3 || type.kind == TypeKind::kArray || type.kind == TypeKind::kMap) {
      offsets_ = static_cast<const std::int32_t*>(array.buffers[1]);
      if (offsets_ == nullptr) {  // the format lets an array without rows leave it out
        static constexpr std::int32_t kNoRows = 0;
        offsets_ = &kNoRows;
        offset_ = 0;
      }
      if (array.n_buffers == 3) data_ = array.buffers[2];
    } else if (array.n_buffers == 2) {
      data_ = array.buffers[1];
    }
  }

  /// `length` rows of this view from `first`.
  ColumnView Slice(std::int64_t first, std::int64_t length) const {
    ColumnView slice = *this;
    slice.offset_ += first;
    slice.length_ = length;
    return slice;
  }

  const Type& type() const { return *type_; }
  std::int64_t rows() const { return length_; }
  bool may_have_nulls() const { return validity_ != nullptr || all_null_; }
  bool IsNull(std::int64_t row) const {
    return all_null_ || (validity_ != nullptr && !Bit(validity_, offset_ + row));
  }

  /// Fixed-width values: byte int8_t, short int16_t, int, date and year-month interval int32_t,
  /// long, timestamps and day-time interval int64_t, float, double.
  template <typename T>
  const T* values() const {
    return static_cast<const T*>(data_) + offset_;
  }
  /// Decimal: the unscaled value.
  __int128 decimal(std::int64_t row) const {
    __int128 value;
    std::memcpy(&value, static_cast<const char*>(data_) + 16 * (offset_ + row), sizeof(value));
    return value;
  }
  bool boolean(std::int64_t row) const {
    return Bit(static_cast<const std::uint8_t*>(data_), offset_ + row);
  }
  /// String, binary and variant.
  std::string_view bytes(std::int64_t row) const {
    const std::int32_t begin = offsets_[offset_ + row];
    return {static_cast<const char*>(data_) + begin,
            static_cast<std::size_t>(offsets_[offset_ + row + 1] - begin)};
  }
  /// String, binary and variant: offsets()[row] … offsets()[row + 1] bound row's bytes within
  /// byte_data(). Array and map: they bound row's elements within all_elements() and all_entries().
  const std::int32_t* offsets() const { return offsets_ + offset_; }
  const char* byte_data() const { return static_cast<const char*>(data_); }
  /// Validity bitmap, least significant bit first, of row 0 at bit validity_bit(); nullptr: no
  /// NULLs (but for a void column, which has no bitmap and only NULLs).
  const std::uint8_t* validity() const { return validity_; }
  std::int64_t validity_bit() const { return offset_; }

  /// Struct: its field `index` over the same rows.
  ColumnView field(std::size_t index) const {
    return {type_->children[index].type, *array_->children[index], offset_, length_};
  }
  /// Array: the elements of `row`.
  ColumnView elements(std::int64_t row) const {
    const std::int32_t* bounds = offsets() + row;
    return {type_->children[0].type, *array_->children[0], bounds[0], bounds[1] - bounds[0]};
  }
  /// Array: the elements of all rows of the underlying array; see offsets().
  ColumnView all_elements() const {
    return {type_->children[0].type, *array_->children[0], 0, array_->children[0]->length};
  }
  /// Map: keys and values of `row`, equally long.
  std::pair<ColumnView, ColumnView> entries(std::int64_t row) const {
    const std::int32_t* bounds = offsets() + row;
    return EntriesOf(bounds[0], bounds[1] - bounds[0]);
  }
  /// Map: keys and values of all rows of the underlying array; see offsets().
  std::pair<ColumnView, ColumnView> all_entries() const {
    return EntriesOf(0, array_->children[0]->length);
  }

 private:
  static bool Bit(const std::uint8_t* bits, std::int64_t index) {
    return ((bits[index >> 3] >> (index & 7)) & 1) != 0;
  }
  std::pair<ColumnView, ColumnView> EntriesOf(std::int64_t first, std::int64_t length) const {
    const ArrowArray& pairs = *array_->children[0];
    return {{type_->children[0].type, *pairs.children[0], pairs.offset + first, length},
            {type_->children[1].type, *pairs.children[1], pairs.offset + first, length}};
  }

  const Type* type_;
  const ArrowArray* array_;
  const std::uint8_t* validity_ = nullptr;
  const std::int32_t* offsets_ = nullptr;
  const void* data_ = nullptr;
  std::int64_t offset_;
  std::int64_t length_;
  bool all_null_ = false;
};

/// Some rows of a table: owns the Arrow memory, which is released on the thread that destroys it.
/// Movable, not copyable.
class Batch {
 public:
  /// Takes over `array`, a struct array laid out as `schema` says. Errors: INTERNAL when the layout
  /// does not fit.
  static base::Result<Batch> Import(std::shared_ptr<const Schema> schema, ArrowArray array);

  Batch(Batch&& other) noexcept;
  Batch& operator=(Batch&& other) noexcept;
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  ~Batch();

  std::int64_t rows() const { return array_.length; }
  const Schema& schema() const { return *schema_; }
  std::size_t column_count() const { return schema_->fields.size(); }
  ColumnView column(std::size_t index) const;
  /// Bytes of value buffers that the rows occupy (an estimate from offsets, exact for fixed
  /// widths).
  std::int64_t byte_size() const;
  /// The first `count` rows; the rest is dropped with this batch. REQUIRES: 0 <= count <= rows().
  Batch First(std::int64_t count) &&;
  /// Gives the Arrow struct away; the batch is empty afterwards.
  ArrowArray Release() &&;

 private:
  Batch(std::shared_ptr<const Schema> schema, ArrowArray array);
  std::shared_ptr<const Schema> schema_;  // shared by the batches of one stream
  ArrowArray array_;
};

/// Batches one after another. Used by one thread at a time.
class BatchStream {
 public:
  virtual ~BatchStream() = default;
  /// Schema of every batch.
  virtual const std::shared_ptr<const Schema>& schema() const = 0;
  /// The next batch, or nullopt after the last. After an error the stream is finished: nothing
  /// partial follows.
  virtual base::Result<std::optional<Batch>> Next(const base::Context& context) = 0;
};

/// Reads an Arrow stream that reports errors as lakeio does (a JSON object as last error,
/// error_json.h). Takes over `stream`. `schema` is what its batches are known to be, or nullptr to
/// take the stream's own word. Errors: the stream's; INTERNAL when `schema` and the stream's differ
/// in names or types. Next looks at its context before each pull; a pull itself is bounded by
/// whoever made the stream.
base::Result<std::unique_ptr<BatchStream>> ImportStream(
    ArrowArrayStream stream, std::shared_ptr<const Schema> schema = nullptr);
/// Hands `batches` out as an Arrow stream; the caller (or whom it gives it to) releases it.
/// `context` bounds each pull.
void ExportStream(std::unique_ptr<BatchStream> batches, base::Context context,
                  ArrowArrayStream* out);

}  // namespace spillway::data

#endif  // SPILLWAY_DATA_BATCH_H_
