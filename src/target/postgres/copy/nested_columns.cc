#include "target/postgres/copy/nested_columns.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "data/json_writer.h"
#include "target/postgres/copy/half_float.h"
#include "target/postgres/copy/text_columns.h"

namespace spillway::target::postgres {
namespace {

using base::ErrorClass;
using base::Result;
using data::ColumnView;
using data::TypeKind;

/// Values being written one after another, with a bound for each asked for ahead.
class FieldBuffer {
 public:
  void Clear() {
    size_ = 0;
    offsets_.assign(1, 0);
  }
  std::size_t size() const { return size_; }
  /// A place for `bytes` more bytes.
  char* Room(std::size_t bytes) {
    if (size_ + bytes > capacity_) {
      const std::size_t capacity = std::max(size_ + bytes, 2 * capacity_);
      auto larger = std::make_unique_for_overwrite<char[]>(capacity);
      if (size_ > 0) std::memcpy(larger.get(), bytes_.get(), size_);
      bytes_ = std::move(larger);
      capacity_ = capacity;
    }
    return bytes_.get() + size_;
  }
  char* begin() { return bytes_.get(); }
  void Advance(const char* end) { size_ = static_cast<std::size_t>(end - bytes_.get()); }
  void EndValue() { offsets_.push_back(static_cast<std::int32_t>(size_)); }

  void SetBytes(const ColumnView& column, std::int64_t first, WireField* field) {
    SetPrepared(column, first, bytes_.get(), offsets_, field);
  }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::vector<std::int32_t> offsets_;
};

class DocumentColumn : public ColumnEncoder {
 public:
  /// `foreign`: the documents contain JSON that this program did not write (variants).
  DocumentColumn(data::JsonWriter writer, bool jsonb, bool foreign)
      : writer_(std::move(writer)), jsonb_(jsonb), foreign_(foreign) {}

  std::int64_t Prepare(const ColumnView& column, std::int64_t first, std::int64_t count,
                       WireField* field) override {
    bytes_.clear();
    offsets_.assign(1, 0);
    writer_.Bind(column);
    std::int64_t row = first;
    for (; row < first + count && static_cast<std::int64_t>(bytes_.size()) < kPreparedBytes;
         ++row) {
      if (!column.IsNull(row)) {
        const std::size_t begin = bytes_.size();
        if (jsonb_) bytes_.push_back('\x01');
        if (!writer_.Append(row, &bytes_).ok()) return kBad;
        if (CheckWritten(std::string_view(bytes_).substr(begin + (jsonb_ ? 1 : 0)))) return kBad;
      }
      offsets_.push_back(static_cast<std::int32_t>(bytes_.size()));
    }
    SetPrepared(column, first, bytes_.data(), offsets_, field);
    return row - first;
  }

  std::optional<BadValue> Check(const ColumnView& column, std::int64_t row) override {
    std::string json;
    const base::Status status = writer_.Append(column, row, &json);
    if (!status.ok()) {
      std::string reason(status.detail("reason"));
      const std::string path(status.detail("path"));
      if (!path.empty()) reason += " at " + path;
      return BadValue{status.error_class(), std::move(reason)};
    }
    return CheckWritten(json);
  }

 private:
  /// The size, and for foreign JSON all that the server looks at.
  std::optional<BadValue> CheckWritten(std::string_view json) const {
    constexpr std::size_t kShort = 1 << 20;
    if (!foreign_ && json.size() < kShort) return std::nullopt;
    return CheckDocument(json, jsonb_ ? JsonTarget::kJsonb : JsonTarget::kJson);
  }

  data::JsonWriter writer_;
  bool jsonb_;
  bool foreign_;
  std::string bytes_;
  std::vector<std::int32_t> offsets_;
};

/// The server's array_send: dimensions, NULL flag, element type, then length and lower bound of the
/// one dimension (left out when there are no elements), then each element as a field.
class ArrayColumn : public ColumnEncoder {
 public:
  ArrayColumn(std::uint32_t element_oid, std::unique_ptr<ColumnEncoder> elements)
      : element_oid_(element_oid), elements_(std::move(elements)) {}

  std::int64_t Prepare(const ColumnView& column, std::int64_t first, std::int64_t count,
                       WireField* field) override {
    buffer_.Clear();
    const ColumnView elements = column.all_elements();
    const std::int32_t* const bounds = column.offsets();
    // Elements under a NULL array may be anything: they are not prepared together with others.
    const std::int64_t common_end = column.may_have_nulls() ? 0 : bounds[first + count];
    window_ = {};
    std::int64_t row = first;
    for (; row < first + count && static_cast<std::int64_t>(buffer_.size()) < kPreparedBytes;
         ++row) {
      const bool skip = column.IsNull(row);
      if (!skip && !WriteArray(elements, bounds[row], bounds[row + 1], common_end)) return kBad;
      buffer_.EndValue();
    }
    buffer_.SetBytes(column, first, field);
    return row - first;
  }

  std::optional<BadValue> Check(const ColumnView& column, std::int64_t row) override {
    const ColumnView elements = column.all_elements();
    const std::int32_t begin = column.offsets()[row], end = column.offsets()[row + 1];
    if (end - begin > kMaxElements) {
      return BadValue{ErrorClass::kValueOutOfRange,
                      std::to_string(end - begin) + " elements do not fit an array"};
    }
    for (std::int32_t i = begin; i < end; ++i) {
      if (elements.IsNull(i)) continue;
      if (auto bad = elements_->Check(elements, i)) {
        bad->reason = "element " + std::to_string(i - begin + 1) + ": " + bad->reason;
        return bad;
      }
    }
    buffer_.Clear();
    window_ = {};
    if (WriteArray(elements, begin, end, end)) return std::nullopt;
    return BadValue{ErrorClass::kValueOutOfRange, "the array is larger than PostgreSQL's 1 GB"};
  }

 private:
  /// The server's MaxArraySize.
  static constexpr std::int64_t kMaxElements = 134217727;
  static constexpr std::size_t kHeaderRoom = 20;

  /// Elements [begin, end) of the child are ready in `field`.
  struct Window {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    WireField field;
  };

  bool WriteArray(const ColumnView& elements, std::int64_t begin, std::int64_t end,
                  std::int64_t common_end) {
    if (end - begin > kMaxElements) return false;
    const std::size_t start = buffer_.size();
    char* out = buffer_.Room(kHeaderRoom + kWireSlack);
    StoreBig32(out, begin == end ? 0 : 1);
    StoreBig32(out + 4, 0);
    StoreBig32(out + 8, element_oid_);
    out += 12;
    if (begin == end) {
      buffer_.Advance(out);
      return true;
    }
    StoreBig32(out, static_cast<std::uint32_t>(end - begin));
    StoreBig32(out + 4, 1);
    buffer_.Advance(out + 8);
    bool bad = false, any_null = false;
    for (std::int64_t at = begin; at < end;) {
      if (at < window_.begin || at >= window_.end) {
        const std::int64_t ready =
            elements_->Prepare(elements, at, std::max(end, common_end) - at, &window_.field);
        if (ready == kBad) return false;
        window_.begin = at;
        window_.end = at + ready;
      }
      const std::int64_t stop = std::min(end, window_.end);
      out = buffer_.Room(static_cast<std::size_t>(4 * (stop - at) + window_.field.payload_bound) +
                         kWireSlack);
      for (; at < stop; ++at) {
        any_null |= elements.IsNull(at);
        out = WriteField(window_.field, at - window_.begin, out, &bad);
      }
      buffer_.Advance(out);
      if (static_cast<std::int64_t>(buffer_.size() - start) > kMaxFieldBytes) return false;
    }
    if (any_null) StoreBig32(buffer_.begin() + start + 4, 1);
    return !bad;
  }

  std::uint32_t element_oid_;
  std::unique_ptr<ColumnEncoder> elements_;
  FieldBuffer buffer_;
  Window window_;
};

/// pgvector's vector_send and halfvec_send. Elements are rounded to the element's precision as
/// pgvector's own casts do.
template <typename Source, bool kHalf>
class VectorColumn : public ColumnEncoder {
 public:
  explicit VectorColumn(std::int32_t dimensions) : dimensions_(dimensions) {}

  std::int64_t Prepare(const ColumnView& column, std::int64_t first, std::int64_t count,
                       WireField* field) override {
    buffer_.Clear();
    const ColumnView elements = column.all_elements();
    std::int64_t row = first;
    for (; row < first + count && static_cast<std::int64_t>(buffer_.size()) < kPreparedBytes;
         ++row) {
      if (!column.IsNull(row) && !Write(column, elements, row)) return kBad;
      buffer_.EndValue();
    }
    buffer_.SetBytes(column, first, field);
    return row - first;
  }

  std::optional<BadValue> Check(const ColumnView& column, std::int64_t row) override {
    const ColumnView elements = column.all_elements();
    const std::int32_t begin = column.offsets()[row], end = column.offsets()[row + 1];
    const auto bad = [](std::string reason) {
      return BadValue{ErrorClass::kValueOutOfRange, std::move(reason)};
    };
    if (!SizeFits(end - begin)) {
      return bad(std::to_string(end - begin) + " elements do not fit " + Name() + "(" +
                 (dimensions_ > 0 ? std::to_string(dimensions_) : "1 to 16000") + ")");
    }
    for (std::int32_t i = begin; i < end; ++i) {
      const std::string element = "element " + std::to_string(i - begin + 1);
      if (elements.IsNull(i)) return bad(element + " is NULL");
      const auto value = static_cast<float>(elements.values<Source>()[i]);
      if (!Finite(value)) return bad(element + " is outside the range of " + Name());
    }
    return std::nullopt;
  }

 private:
  static std::string Name() { return kHalf ? "halfvec" : "vector"; }
  static bool Finite(float value) {
    return std::isfinite(value) && (!kHalf || (ToHalf(value) & 0x7FFF) != 0x7C00);
  }
  bool SizeFits(std::int64_t size) const {
    constexpr std::int64_t kMaxDimensions = 16000;
    return dimensions_ > 0 ? size == dimensions_ : size >= 1 && size <= kMaxDimensions;
  }

  bool Write(const ColumnView& column, const ColumnView& elements, std::int64_t row) {
    constexpr std::size_t kWidth = kHalf ? 2 : 4;
    const std::int32_t begin = column.offsets()[row], end = column.offsets()[row + 1];
    if (!SizeFits(end - begin)) return false;
    char* out = buffer_.Room(4 + kWidth * static_cast<std::size_t>(end - begin));
    StoreBig16(out, static_cast<std::uint16_t>(end - begin));
    StoreBig16(out + 2, 0);
    out += 4;
    bool good = true;
    const Source* const values = elements.values<Source>();
    for (std::int32_t i = begin; i < end; ++i, out += kWidth) {
      const auto value = static_cast<float>(values[i]);
      good &= Finite(value) && !elements.IsNull(i);
      if constexpr (kHalf) {
        StoreBig16(out, ToHalf(value));
      } else {
        StoreBig32(out, std::bit_cast<std::uint32_t>(value));
      }
    }
    buffer_.Advance(out);
    return good;
  }

  std::int32_t dimensions_;
  FieldBuffer buffer_;
};

bool HasVariant(const data::Type& type) {
  return type.kind == TypeKind::kVariant ||
         std::any_of(type.children.begin(), type.children.end(),
                     [](const data::Field& field) { return HasVariant(field.type); });
}

template <typename Source>
std::unique_ptr<ColumnEncoder> MakeVector(const PostgresType& target) {
  if (target.kind == PostgresKind::kHalfvec) {
    return std::make_unique<VectorColumn<Source, true>>(target.length);
  }
  return std::make_unique<VectorColumn<Source, false>>(target.length);
}

}  // namespace

Result<std::unique_ptr<ColumnEncoder>> MakeDocumentColumn(const data::Type& source,
                                                          const PostgresType& target,
                                                          const std::string& column,
                                                          const EncodeOptions& options) {
  data::JsonOptions json;
  json.column = column;
  if (options.json_nonfinite_strings) json.non_finite = data::JsonOptions::NonFinite::kString;
  SPILLWAY_ASSIGN(data::JsonWriter writer, data::JsonWriter::Make(source, std::move(json)));
  std::unique_ptr<ColumnEncoder> encoder = std::make_unique<DocumentColumn>(
      std::move(writer), target.kind == PostgresKind::kJsonb, HasVariant(source));
  return encoder;
}

std::unique_ptr<ColumnEncoder> MakeArrayColumn(const PostgresType& target,
                                               std::unique_ptr<ColumnEncoder> elements) {
  return std::make_unique<ArrayColumn>(Describe(target.kind).oid, std::move(elements));
}

std::unique_ptr<ColumnEncoder> MakeVectorColumn(const data::Type& source,
                                                const PostgresType& target) {
  const TypeKind element = source.children[0].type.kind;
  if (element == TypeKind::kByte) return MakeVector<std::int8_t>(target);
  if (element == TypeKind::kShort) return MakeVector<std::int16_t>(target);
  if (element == TypeKind::kInt) return MakeVector<std::int32_t>(target);
  if (element == TypeKind::kFloat) return MakeVector<float>(target);
  SPILLWAY_CHECK(element == TypeKind::kDouble);
  return MakeVector<double>(target);
}

}  // namespace spillway::target::postgres
