#include "target/postgres/copy/text_columns.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "data/utf8.h"
#include "target/postgres/copy/json_syntax.h"
#include "target/postgres/copy/text_validation.h"
#include "target/postgres/copy/uuid_text.h"

namespace spillway::target::postgres {
namespace {

using base::ErrorClass;
using data::ColumnView;
using data::TypeKind;

std::int64_t Characters(std::string_view utf8) {
  return std::count_if(utf8.begin(), utf8.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

/// Bytes of `count` rows, none of them longer than the server takes. nullopt: one is.
bool FieldsFit(const std::int32_t* offsets, std::int64_t count) {
  if (offsets[count] - offsets[0] <= kMaxFieldBytes) return true;
  for (std::int64_t i = 0; i < count; ++i) {
    if (offsets[i + 1] - offsets[i] > kMaxFieldBytes) return false;
  }
  return true;
}

/// True when the rows of `column` can be stored as text.
bool TextIsGood(const ColumnView& column, std::int64_t first, std::int64_t count) {
  const std::int32_t* const offsets = column.offsets() + first;
  if (!FieldsFit(offsets, count)) return false;
  const char* const bytes = column.byte_data();
  const auto size = static_cast<std::size_t>(offsets[count] - offsets[0]);
  // All bytes together are good and each value starts a character: each value is good.
  if (IsPlainUtf8(bytes + offsets[0], size)) {
    bool good = true;
    for (std::int64_t i = 0; i < count; ++i) {
      const bool inside = offsets[i] < offsets[i + 1] &&
                          (static_cast<unsigned char>(bytes[offsets[i]]) & 0xC0) == 0x80;
      good = good && !inside;
    }
    if (good) return true;
  }
  for (std::int64_t row = first; row < first + count; ++row) {
    if (column.IsNull(row)) continue;
    const std::string_view text = column.bytes(row);
    if (!IsPlainUtf8(text.data(), text.size())) return false;
  }
  return true;
}

void SetBytes(const ColumnView& column, std::int64_t first, std::int64_t count, WireField* field) {
  SetKind(column, first, WireKind::kBytes, field);
  field->values = column.byte_data();
  field->offsets = column.offsets() + first;
  field->readable_end = field->offsets[count];
  field->payload_bound = field->offsets[count] - field->offsets[0];
}

/// Bytes as they are.
class ByteaColumn : public ColumnEncoder {
 public:
  std::int64_t Prepare(const ColumnView& column, std::int64_t first, std::int64_t count,
                       WireField* field) override {
    count = RowsWithinBudget(column.offsets() + first, count);
    if (!FieldsFit(column.offsets() + first, count)) return kBad;
    SetBytes(column, first, count, field);
    return count;
  }
  std::optional<BadValue> Check(const ColumnView& column, std::int64_t row) override {
    return CheckFieldSize(column.bytes(row).size());
  }
};

/// text, and varchar when `length` is above 0.
class TextColumn : public ColumnEncoder {
 public:
  explicit TextColumn(std::int32_t length) : length_(length) {}
  std::int64_t Prepare(const ColumnView& column, std::int64_t first, std::int64_t count,
                       WireField* field) override {
    count = RowsWithinBudget(column.offsets() + first, count);
    if (!TextIsGood(column, first, count)) return kBad;
    if (length_ > 0) {
      for (std::int64_t row = first; row < first + count; ++row) {
        const std::string_view text = column.bytes(row);
        if (static_cast<std::int64_t>(text.size()) > length_ && !column.IsNull(row) &&
            Characters(text) > length_) {
          return kBad;
        }
      }
    }
    SetBytes(column, first, count, field);
    return count;
  }
  std::optional<BadValue> Check(const ColumnView& column, std::int64_t row) override {
    const std::string_view text = column.bytes(row);
    if (auto bad = CheckText(text)) return bad;
    const std::int64_t characters = length_ > 0 ? Characters(text) : 0;
    if (characters <= length_) return std::nullopt;
    return BadValue{ErrorClass::kValueOutOfRange, std::to_string(characters) +
                                                      " characters do not fit varchar(" +
                                                      std::to_string(length_) + ")"};
  }

 private:
  std::int32_t length_;
};

/// Values made anew, one after another, in a buffer of its own. Rewriter's Rewrite(value, out)
/// appends the target's bytes of a value, or says why it has none.
template <typename Rewriter>
class RewrittenColumn : public ColumnEncoder {
 public:
  std::int64_t Prepare(const ColumnView& column, std::int64_t first, std::int64_t count,
                       WireField* field) override {
    bytes_.clear();
    offsets_.assign(1, 0);
    std::int64_t row = first;
    for (; row < first + count && static_cast<std::int64_t>(bytes_.size()) < kPreparedBytes;
         ++row) {
      if (!column.IsNull(row) && rewriter().Rewrite(column.bytes(row), &bytes_)) return kBad;
      offsets_.push_back(static_cast<std::int32_t>(bytes_.size()));
    }
    SetPrepared(column, first, bytes_.data(), offsets_, field);
    return row - first;
  }
  std::optional<BadValue> Check(const ColumnView& column, std::int64_t row) override {
    std::string scratch;
    return rewriter().Rewrite(column.bytes(row), &scratch);
  }

 private:
  Rewriter& rewriter() { return static_cast<Rewriter&>(*this); }
  std::string bytes_;
  std::vector<std::int32_t> offsets_;
};

/// char(n): filled up with spaces, as the server keeps it.
class CharColumn : public RewrittenColumn<CharColumn> {
 public:
  explicit CharColumn(std::int32_t length) : length_(length) {}
  std::optional<BadValue> Rewrite(std::string_view value, std::string* out) const {
    if (auto bad = CheckText(value)) return bad;
    const std::int64_t characters = Characters(value);
    if (characters > length_) {
      return BadValue{ErrorClass::kValueOutOfRange, std::to_string(characters) +
                                                        " characters do not fit char(" +
                                                        std::to_string(length_) + ")"};
    }
    out->append(value).append(static_cast<std::size_t>(length_ - characters), ' ');
    return std::nullopt;
  }

 private:
  std::int32_t length_;
};

class UuidTextColumn : public RewrittenColumn<UuidTextColumn> {
 public:
  static std::optional<BadValue> Rewrite(std::string_view value, std::string* out) {
    const auto uuid = ParseUuid(value);
    if (!uuid) return BadValue{ErrorClass::kValueOutOfRange, "the text is no UUID"};
    out->append(uuid->data(), uuid->size());
    return std::nullopt;
  }
};

class UuidBytesColumn : public ByteaColumn {
 public:
  std::int64_t Prepare(const ColumnView& column, std::int64_t first, std::int64_t count,
                       WireField* field) override {
    for (std::int64_t row = first; row < first + count; ++row) {
      if (!column.IsNull(row) && column.bytes(row).size() != 16) return kBad;
    }
    return ByteaColumn::Prepare(column, first, count, field);
  }
  std::optional<BadValue> Check(const ColumnView& column, std::int64_t row) override {
    const std::size_t size = column.bytes(row).size();
    if (size == 16) return std::nullopt;
    return BadValue{ErrorClass::kValueOutOfRange,
                    std::to_string(size) + " bytes are no UUID (16 bytes)"};
  }
};

/// JSON text as json, or as text.
class JsonTextColumn : public ByteaColumn {
 public:
  std::int64_t Prepare(const ColumnView& column, std::int64_t first, std::int64_t count,
                       WireField* field) override {
    count = RowsWithinBudget(column.offsets() + first, count);
    for (std::int64_t row = first; row < first + count; ++row) {
      if (!column.IsNull(row) && CheckDocument(column.bytes(row), JsonTarget::kJson)) return kBad;
    }
    return ByteaColumn::Prepare(column, first, count, field);
  }
  std::optional<BadValue> Check(const ColumnView& column, std::int64_t row) override {
    return CheckDocument(column.bytes(row), JsonTarget::kJson);
  }
};

/// JSON text as jsonb.
class JsonbTextColumn : public RewrittenColumn<JsonbTextColumn> {
 public:
  static std::optional<BadValue> Rewrite(std::string_view value, std::string* out) {
    if (auto bad = CheckDocument(value, JsonTarget::kJsonb)) return bad;
    out->push_back('\x01');
    out->append(value);
    return std::nullopt;
  }
};

}  // namespace

std::int64_t RowsWithinBudget(const std::int32_t* offsets, std::int64_t count) {
  if (offsets[count] - offsets[0] <= kPreparedBytes) return count;
  const std::int32_t* const over =
      std::upper_bound(offsets, offsets + count + 1, offsets[0] + kPreparedBytes);
  return std::max<std::int64_t>(1, over - offsets - 1);
}

std::optional<BadValue> CheckText(std::string_view text) {
  if (IsPlainUtf8(text.data(), text.size())) return CheckFieldSize(text.size());
  const std::size_t good = data::TextPrefix(text);
  const std::string where = " at byte " + std::to_string(good);
  return BadValue{ErrorClass::kCharacterNotInRepertoire,
                  (text[good] == '\0' ? "a NUL byte" : "invalid UTF-8") + where};
}

std::optional<BadValue> CheckDocument(std::string_view text, JsonTarget target) {
  if (auto bad = CheckText(text)) return bad;
  // jsonb counts the bytes of its parts in 28 bits.
  constexpr std::size_t kMaxJsonbBytes = 0x0FFFFFFF;
  if (target == JsonTarget::kJsonb && text.size() > kMaxJsonbBytes) {
    return BadValue{ErrorClass::kValueOutOfRange,
                    std::to_string(text.size()) + " bytes of JSON do not fit jsonb (268435455)"};
  }
  auto reason = CheckJson(text, target);
  if (!reason) return std::nullopt;
  const bool character = reason->starts_with("\\u0000") || reason->starts_with("half a surrogate");
  return BadValue{character ? ErrorClass::kCharacterNotInRepertoire : ErrorClass::kValueOutOfRange,
                  *reason};
}

std::optional<BadValue> CheckFieldSize(std::size_t bytes) {
  if (static_cast<std::int64_t>(bytes) <= kMaxFieldBytes) return std::nullopt;
  return BadValue{ErrorClass::kValueOutOfRange,
                  std::to_string(bytes) + " bytes are more than PostgreSQL's limit of 1 GB"};
}

std::unique_ptr<ColumnEncoder> MakeTextColumn(const data::Type& source,
                                              const PostgresType& target) {
  if (source.kind == TypeKind::kBinary) {
    if (target.kind == PostgresKind::kUuid) return std::make_unique<UuidBytesColumn>();
    return std::make_unique<ByteaColumn>();
  }
  if (source.kind != TypeKind::kString) return nullptr;
  switch (target.kind) {
    case PostgresKind::kText:
    case PostgresKind::kVarchar:
      return std::make_unique<TextColumn>(target.length);
    case PostgresKind::kChar:
      return std::make_unique<CharColumn>(target.length);
    case PostgresKind::kBytea:
      return std::make_unique<ByteaColumn>();
    case PostgresKind::kUuid:
      return std::make_unique<UuidTextColumn>();
    case PostgresKind::kJsonb:
      return std::make_unique<JsonbTextColumn>();
    case PostgresKind::kJson:
      return std::make_unique<JsonTextColumn>();
    case PostgresKind::kBoolean:
    case PostgresKind::kSmallint:
    case PostgresKind::kInteger:
    case PostgresKind::kBigint:
    case PostgresKind::kReal:
    case PostgresKind::kDouble:
    case PostgresKind::kNumeric:
    case PostgresKind::kDate:
    case PostgresKind::kTimestamptz:
    case PostgresKind::kTimestamp:
    case PostgresKind::kInterval:
    case PostgresKind::kVector:
    case PostgresKind::kHalfvec:
      return nullptr;
  }
  return nullptr;
}

}  // namespace spillway::target::postgres
