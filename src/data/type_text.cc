#include "data/type_text.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace spillway::data {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::optional<std::int32_t> ParseNumber(std::string_view text) {
  text = Trim(text);
  std::int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// What stands between "NAME(" and the closing ")", when `text` is of that form.
std::optional<std::string_view> Arguments(std::string_view text, std::string_view name) {
  if (text.size() < name.size() + 2 || text.substr(0, name.size()) != name ||
      text[name.size()] != '(' || text.back() != ')') {
    return std::nullopt;
  }
  return text.substr(name.size() + 1, text.size() - name.size() - 2);
}

std::optional<Type> ParseDecimal(std::string_view arguments) {
  const std::size_t comma = arguments.find(',');
  const auto precision = ParseNumber(arguments.substr(0, comma));
  const auto scale = comma == std::string_view::npos ? std::optional<std::int32_t>(0)
                                                     : ParseNumber(arguments.substr(comma + 1));
  if (!precision || !scale) return std::nullopt;
  return DecimalType(*precision, *scale);
}

std::optional<Type> ParseInterval(std::string_view units) {
  if (units == "year" || units == "month" || units == "year to month") {
    return ScalarType(TypeKind::kYearMonthInterval);
  }
  for (const std::string_view known :
       {"day", "hour", "minute", "second", "day to hour", "day to minute", "day to second",
        "hour to minute", "hour to second", "minute to second"}) {
    if (units == known) return ScalarType(TypeKind::kDayTimeInterval);
  }
  return std::nullopt;
}

struct NamedKind {
  std::string_view name;
  TypeKind kind;
};
// Of two names of one kind the first is written.
constexpr NamedKind kNamed[] = {
    {"string", TypeKind::kString},       {"long", TypeKind::kLong},
    {"integer", TypeKind::kInt},         {"short", TypeKind::kShort},
    {"byte", TypeKind::kByte},           {"float", TypeKind::kFloat},
    {"double", TypeKind::kDouble},       {"boolean", TypeKind::kBoolean},
    {"binary", TypeKind::kBinary},       {"date", TypeKind::kDate},
    {"timestamp", TypeKind::kTimestamp}, {"timestamp_ntz", TypeKind::kTimestampNtz},
    {"variant", TypeKind::kVariant},     {"void", TypeKind::kVoid},
    {"null", TypeKind::kVoid},           {"geometry", TypeKind::kGeometry},
    {"geography", TypeKind::kGeography},
};

/// Splits `text` at the commas outside of brackets, parentheses and backticks.
std::vector<std::string_view> SplitAtCommas(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  bool quoted = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '`') quoted = !quoted;
    if (quoted) continue;
    if (c == '<' || c == '(') ++depth;
    if (c == '>' || c == ')') --depth;
    if (c == ',' && depth == 0) {
      parts.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  parts.push_back(text.substr(begin));
  return parts;
}

/// The type part of a struct field's "name:type".
std::string_view AfterName(std::string_view field) {
  bool quoted = false;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '`') quoted = !quoted;
    if (field[i] == ':' && !quoted) return field.substr(i + 1);
  }
  return {};
}

std::string_view InBrackets(std::string_view text, std::string_view name) {
  if (text.size() < name.size() + 2 || text.substr(0, name.size()) != name ||
      text[name.size()] != '<' || text.back() != '>') {
    return {};
  }
  return text.substr(name.size() + 1, text.size() - name.size() - 2);
}

}  // namespace

std::optional<Type> ParsePrimitiveName(std::string_view name) {
  for (const NamedKind& known : kNamed) {
    if (name == known.name) return ScalarType(known.kind);
  }
  if (name == "decimal") return DecimalType(10, 0);
  if (const auto arguments = Arguments(name, "decimal")) return ParseDecimal(*arguments);
  for (const std::string_view text : {"varchar", "char"}) {
    if (const auto arguments = Arguments(name, text)) {
      const auto length = ParseNumber(*arguments);
      if (!length || *length <= 0) return std::nullopt;
      return StringType(*length);
    }
  }
  if (name.starts_with("string collate ")) return ScalarType(TypeKind::kString);
  if (name.starts_with("interval ")) return ParseInterval(name.substr(9));
  if (Arguments(name, "geometry")) return ScalarType(TypeKind::kGeometry);
  if (Arguments(name, "geography")) return ScalarType(TypeKind::kGeography);
  return std::nullopt;
}

std::string DeltaName(const Type& type) {
  const auto* const named = std::ranges::find(kNamed, type.kind, &NamedKind::kind);
  return named == std::end(kNamed) ? type.ToString() : std::string(named->name);
}

void ApplyCharLengths(std::string_view spelling, Type* type) {
  spelling = Trim(spelling);
  if (type->kind == TypeKind::kString) {
    const auto parsed = ParsePrimitiveName(spelling);
    if (parsed && parsed->kind == TypeKind::kString) type->length = parsed->length;
  } else if (type->kind == TypeKind::kArray) {
    ApplyCharLengths(InBrackets(spelling, "array"), &type->children[0].type);
  } else if (type->kind == TypeKind::kMap || type->kind == TypeKind::kStruct) {
    const bool is_map = type->kind == TypeKind::kMap;
    const auto parts = SplitAtCommas(InBrackets(spelling, is_map ? "map" : "struct"));
    if (parts.size() != type->children.size()) return;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      ApplyCharLengths(is_map ? parts[i] : AfterName(parts[i]), &type->children[i].type);
    }
  }
}

}  // namespace spillway::data
