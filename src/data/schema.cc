#include "data/schema.h"

namespace spillway::data {
namespace {

bool IsPlainName(std::string_view name) {
  if (name.empty()) return false;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && !(c >= '0' && c <= '9')) return false;
  }
  return true;
}

void AppendName(std::string_view name, std::string* out) {
  if (IsPlainName(name)) {
    out->append(name);
    return;
  }
  out->push_back('`');
  for (const char c : name) out->append(c == '`' ? 2 : 1, c);
  out->push_back('`');
}

void AppendType(const Type& type, std::string* out) {
  switch (type.kind) {
    case TypeKind::kBoolean:
      out->append("boolean");
      return;
    case TypeKind::kByte:
      out->append("tinyint");
      return;
    case TypeKind::kShort:
      out->append("smallint");
      return;
    case TypeKind::kInt:
      out->append("int");
      return;
    case TypeKind::kLong:
      out->append("bigint");
      return;
    case TypeKind::kFloat:
      out->append("float");
      return;
    case TypeKind::kDouble:
      out->append("double");
      return;
    case TypeKind::kDecimal:
      out->append("decimal(" + std::to_string(type.precision) + "," + std::to_string(type.scale) +
                  ")");
      return;
    case TypeKind::kString:
      out->append(type.length == 0 ? "string" : "varchar(" + std::to_string(type.length) + ")");
      return;
    case TypeKind::kBinary:
      out->append("binary");
      return;
    case TypeKind::kDate:
      out->append("date");
      return;
    case TypeKind::kTimestamp:
      out->append("timestamp");
      return;
    case TypeKind::kTimestampNtz:
      out->append("timestamp_ntz");
      return;
    case TypeKind::kArray:
      out->append("array<");
      AppendType(type.children[0].type, out);
      out->push_back('>');
      return;
    case TypeKind::kMap:
      out->append("map<");
      AppendType(type.children[0].type, out);
      out->push_back(',');
      AppendType(type.children[1].type, out);
      out->push_back('>');
      return;
    case TypeKind::kStruct:
      out->append("struct<");
      for (std::size_t i = 0; i < type.children.size(); ++i) {
        if (i > 0) out->push_back(',');
        AppendName(type.children[i].name, out);
        out->push_back(':');
        AppendType(type.children[i].type, out);
      }
      out->push_back('>');
      return;
    case TypeKind::kVariant:
      out->append("variant");
      return;
    case TypeKind::kYearMonthInterval:
      out->append("interval year to month");
      return;
    case TypeKind::kDayTimeInterval:
      out->append("interval day to second");
      return;
    case TypeKind::kVoid:
      out->append("void");
      return;
    case TypeKind::kGeometry:
      out->append("geometry");
      return;
    case TypeKind::kGeography:
      out->append("geography");
      return;
  }
}

}  // namespace

bool Type::operator==(const Type&) const = default;
bool Field::operator==(const Field&) const = default;

std::string Type::ToString() const {
  std::string text;
  AppendType(*this, &text);
  return text;
}

Type ScalarType(TypeKind kind) {
  Type type;
  type.kind = kind;
  return type;
}

Type DecimalType(std::int32_t precision, std::int32_t scale) {
  Type type = ScalarType(TypeKind::kDecimal);
  type.precision = precision;
  type.scale = scale;
  return type;
}

Type StringType(std::int32_t length) {
  Type type = ScalarType(TypeKind::kString);
  type.length = length;
  return type;
}

Type ArrayType(Type element, bool element_nullable) {
  Type type = ScalarType(TypeKind::kArray);
  type.children.push_back(
      {.name = "element", .type = std::move(element), .nullable = element_nullable});
  return type;
}

Type MapType(Type key, Type value, bool value_nullable) {
  Type type = ScalarType(TypeKind::kMap);
  type.children.push_back({.name = "key", .type = std::move(key), .nullable = false});
  type.children.push_back({.name = "value", .type = std::move(value), .nullable = value_nullable});
  return type;
}

Type StructType(std::vector<Field> fields) {
  Type type = ScalarType(TypeKind::kStruct);
  type.children = std::move(fields);
  return type;
}

std::optional<std::size_t> Schema::Find(std::string_view name) const {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name == name) return i;
  }
  return std::nullopt;
}

}  // namespace spillway::data
