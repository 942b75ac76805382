#include "data/column_text.h"

#include <algorithm>
#include <array>
#include <utility>

#include "data/value_text.h"

namespace spillway::data {

using base::ErrorClass;
using base::Result;
using base::Status;

namespace {

constexpr std::array kNumbers = {TypeKind::kByte,   TypeKind::kShort, TypeKind::kInt,
                                 TypeKind::kLong,   TypeKind::kFloat, TypeKind::kDouble,
                                 TypeKind::kDecimal};

}  // namespace

JsonOptions ReadableJson(std::string column) {
  return {.non_finite = JsonOptions::NonFinite::kString,
          .nul = JsonOptions::Nul::kEscape,
          .column = std::move(column)};
}

Result<ColumnText> ColumnText::Make(const Field& field) {
  ColumnText text(field.type.kind);
  text.scale_ = field.type.scale;
  const TypeKind kind = field.type.kind;
  const bool unsupported = kind == TypeKind::kGeometry || kind == TypeKind::kGeography;
  if (field.type.is_nested() || kind == TypeKind::kVariant || unsupported) {
    SPILLWAY_ASSIGN(text.json_, JsonWriter::Make(field.type, ReadableJson(field.name)));
  }
  return text;
}

void ColumnText::Bind(const ColumnView& view) {
  view_ = view;
  if (json_) json_->Bind(view);
}

bool ColumnText::is_number() const { return std::ranges::find(kNumbers, kind_) != kNumbers.end(); }

Status ColumnText::Append(std::int64_t row, std::string* out) {
  char room[kMaxScalarText];
  const auto put = [&](const char* end) {
    out->append(room, static_cast<std::size_t>(end - room));
    return Status();
  };
  switch (kind_) {
    case TypeKind::kBoolean:
      out->append(view_->boolean(row) ? "true" : "false");
      return Status();
    case TypeKind::kByte:
      return put(WriteInteger(view_->values<std::int8_t>()[row], room));
    case TypeKind::kShort:
      return put(WriteInteger(view_->values<std::int16_t>()[row], room));
    case TypeKind::kInt:
      return put(WriteInteger(view_->values<std::int32_t>()[row], room));
    case TypeKind::kLong:
      return put(WriteInteger(view_->values<std::int64_t>()[row], room));
    case TypeKind::kFloat:
      return put(WriteFloat(view_->values<float>()[row], room));
    case TypeKind::kDouble:
      return put(WriteDouble(view_->values<double>()[row], room));
    case TypeKind::kDecimal:
      return put(WriteDecimal(view_->decimal(row), scale_, room));
    case TypeKind::kDate:
      return put(WriteDate(view_->values<std::int32_t>()[row], room));
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz:
      return put(
          WriteTimestamp(view_->values<std::int64_t>()[row], kind_ == TypeKind::kTimestamp, room));
    case TypeKind::kYearMonthInterval:
      return put(WriteYearMonthInterval(view_->values<std::int32_t>()[row], room));
    case TypeKind::kDayTimeInterval:
      return put(WriteDayTimeInterval(view_->values<std::int64_t>()[row], room));
    case TypeKind::kString:
      out->append(view_->bytes(row));
      return Status();
    case TypeKind::kBinary: {
      const std::string_view bytes = view_->bytes(row);
      const std::size_t used = out->size();
      out->resize(used + Base64Size(bytes.size()));
      WriteBase64(bytes, out->data() + used);
      return Status();
    }
    case TypeKind::kArray:
    case TypeKind::kMap:
    case TypeKind::kStruct:
    case TypeKind::kVariant:
      return json_->Append(row, out);
    case TypeKind::kVoid:
    case TypeKind::kGeometry:
    case TypeKind::kGeography:
      return Status();
  }
  return Status();
}

}  // namespace spillway::data
