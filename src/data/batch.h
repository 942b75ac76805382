#ifndef SPILLWAY_DATA_BATCH_H_
#define SPILLWAY_DATA_BATCH_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/context.h"
#include "base/result.h"
#include "data/arrow_abi.h"
#include "data/schema.h"

namespace spillway::data {

/// Read access to one Arrow array of a known logical type; does not own it and must not outlive its Batch. Rows are
/// numbered from 0 within the view; the array's own offset is honoured. Values under NULL are unspecified. Accessors
/// must fit the type's Arrow layout (lakeio.h gives it).
class ColumnView {
 public:
  /// `length` rows of `array` from `first`; `type` and `array` must outlive the view.
  ColumnView(const Type& type, const ArrowArray& array, std::int64_t first, std::int64_t length);

  const Type& type() const { return *type_; }
  std::int64_t rows() const { return length_; }
  bool may_have_nulls() const { return validity_ != nullptr; }
  bool IsNull(std::int64_t row) const {
    return validity_ != nullptr && !Bit(validity_, offset_ + row);
  }

  /// Fixed-width values: byte int8_t, short int16_t, int and date int32_t, long and timestamps int64_t, float, double.
  template <typename T>
  const T* values() const {
    return static_cast<const T*>(data_) + offset_;
  }
  /// Decimal: little-endian two's complement of 16 bytes, unscaled.
  __int128 decimal(std::int64_t row) const {
    return static_cast<const __int128_t*>(data_)[offset_ + row];
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
  /// String, binary and variant: offsets[row] … offsets[row + 1] bound row's bytes within byte_data().
  const std::int32_t* offsets() const { return offsets_ + offset_; }
  const char* byte_data() const { return static_cast<const char*>(data_); }
  /// Validity bitmap, least significant bit first, of row 0 at bit validity_bit(); nullptr: no NULLs.
  const std::uint8_t* validity() const { return validity_; }
  std::int64_t validity_bit() const { return offset_; }

  /// Struct: its field `index` over the same rows.
  ColumnView field(std::size_t index) const;
  /// Array: the elements of `row`.
  ColumnView elements(std::int64_t row) const;
  /// Map: keys and values of `row`, equally long.
  std::pair<ColumnView, ColumnView> entries(std::int64_t row) const;

 private:
  static bool Bit(const std::uint8_t* bits, std::int64_t index) {
    return ((bits[index >> 3] >> (index & 7)) & 1) != 0;
  }

  const Type* type_;
  const ArrowArray* array_;
  const std::uint8_t* validity_;
  const std::int32_t* offsets_ = nullptr;
  const void* data_ = nullptr;
  std::int64_t offset_;
  std::int64_t length_;
};

/// Some rows of a table: owns the Arrow memory, which is released on the thread that destroys it. Movable, not copyable.
class Batch {
 public:
  /// Takes over `array`, a struct array laid out as `schema` says. Errors: INTERNAL when the layout does not fit.
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
  /// Bytes of value buffers that the rows occupy (an estimate from offsets, exact for fixed widths).
  std::int64_t byte_size() const;
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
  /// The next batch, or nullopt after the last. After an error the stream is finished: nothing partial follows.
  virtual base::Result<std::optional<Batch>> Next(const base::Context& context) = 0;
};

/// Reads an Arrow stream that reports errors as lakeio does (a JSON object as last error). Takes over `stream`.
base::Result<std::unique_ptr<BatchStream>> ImportStream(ArrowArrayStream stream);
/// Hands `batches` out as an Arrow stream; the caller (or whom it gives it to) releases it. `context` bounds each pull.
void ExportStream(std::unique_ptr<BatchStream> batches, base::Context context, ArrowArrayStream* out);

}  // namespace spillway::data

#endif  // SPILLWAY_DATA_BATCH_H_
