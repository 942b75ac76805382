#include "target/postgres/copy/type_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace spillway::target::postgres {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using data::TypeKind;

constexpr std::int32_t kMaxNumericPrecision = 1000;
constexpr std::int32_t kMaxCharacters = 10485760;
constexpr std::int32_t kMaxDimensions = 16000;

constexpr PostgresTypeInfo kTypes[] = {
    {PostgresKind::kBoolean, "boolean", "boolean", "bool", Modifier::kNone, 16, 1000, "", true, "",
     "one byte, 0 or 1"},
    {PostgresKind::kSmallint, "smallint", "smallint", "int2", Modifier::kNone, 21, 1005, "", true,
     "", "two bytes, two's complement"},
    {PostgresKind::kInteger, "integer", "integer", "int4", Modifier::kNone, 23, 1007, "", true, "",
     "four bytes, two's complement"},
    {PostgresKind::kBigint, "bigint", "bigint", "int8", Modifier::kNone, 20, 1016, "", true,
     "int8send", "eight bytes, two's complement"},
    {PostgresKind::kReal, "real", "real", "float4", Modifier::kNone, 700, 1021, "", true,
     "float4send", "four bytes, IEEE 754; every NaN is 7fc00000"},
    {PostgresKind::kDouble, "double precision", "double precision", "float8", Modifier::kNone, 701,
     1022, "", true, "float8send", "eight bytes, IEEE 754; every NaN is 7ff8000000000000"},
    {PostgresKind::kNumeric, "numeric", "numeric", "decimal", Modifier::kPrecisionAndScale, 1700,
     1231, "", true, "numeric_send",
     "int16 each: number of base-10000 digits, weight of the first (0: units), sign (0 or 4000 "
     "hex), "
     "scale, then the digits; zero digits at either end left out"},
    {PostgresKind::kText, "text", "text", "", Modifier::kNone, 25, 1009, "", true, "", "UTF-8"},
    {PostgresKind::kVarchar, "varchar", "character varying", "", Modifier::kLength, 1043, 1015, "",
     true, "", "UTF-8"},
    {PostgresKind::kChar, "char", "character", "bpchar", Modifier::kLength, 1042, 1014, "", true,
     "", "UTF-8, filled with spaces to n characters"},
    {PostgresKind::kBytea, "bytea", "bytea", "", Modifier::kNone, 17, 1001, "", true, "",
     "the bytes"},
    {PostgresKind::kUuid, "uuid", "uuid", "", Modifier::kNone, 2950, 2951, "", true, "",
     "16 bytes"},
    {PostgresKind::kDate, "date", "date", "", Modifier::kNone, 1082, 1182, "", true, "",
     "int32: days since 2000-01-01"},
    {PostgresKind::kTimestamptz, "timestamptz", "timestamp with time zone", "", Modifier::kNone,
     1184, 1185, "", true, "timestamptz_send", "int64: microseconds since 2000-01-01 00:00:00 UTC"},
    {PostgresKind::kTimestamp, "timestamp", "timestamp without time zone", "", Modifier::kNone,
     1114, 1115, "", true, "timestamp_send", "int64: microseconds since 2000-01-01 00:00:00"},
    {PostgresKind::kInterval, "interval", "interval", "", Modifier::kNone, 1186, 1187, "", true,
     "interval_send", "int64 microseconds, int32 days, int32 months"},
    {PostgresKind::kJsonb, "jsonb", "jsonb", "", Modifier::kNone, 3802, 3807, "", true,
     "jsonb_send", "a byte 1, then JSON as UTF-8"},
    {PostgresKind::kJson, "json", "json", "", Modifier::kNone, 114, 199, "", false, "json_send",
     "JSON as UTF-8"},
    {PostgresKind::kVector, "vector", "vector", "", Modifier::kDimensions, 0, 0, "vector", false,
     "vector_send", "int16 dimensions, int16 0, then each as real"},
    {PostgresKind::kHalfvec, "halfvec", "halfvec", "", Modifier::kDimensions, 0, 0, "vector", false,
     "halfvec_send", "int16 dimensions, int16 0, then each as two bytes, IEEE 754 binary16"},
};

constexpr std::string_view kNotInteger = "an integer outside the type's range";
constexpr std::string_view kNotNumeric =
    "a value with more digits before or after the point than the type has";
constexpr std::string_view kNotText = "a NUL byte; invalid UTF-8";
constexpr std::string_view kNotSized = "a NUL byte; invalid UTF-8; more than n characters";
constexpr std::string_view kNotUuid = "text that is no UUID";
constexpr std::string_view kNotJson =
    "text that is no JSON; \\u0000, half a surrogate pair or a number beyond numeric in it";
constexpr std::string_view kNotJsonText = "text that is no JSON";
constexpr std::string_view kNotNested =
    "a NUL byte or invalid UTF-8 at any depth; NaN or infinity; a NULL or repeated map key";
constexpr std::string_view kNotVariant = "NaN or infinity; \\u0000 in a text";
constexpr std::string_view kNotTimestamp = "before 4714-11-24 BC 00:00:00";
constexpr std::string_view kNotVector =
    "other than n elements; a NULL element; NaN, infinity, or beyond the element's range";

constexpr TypeRule kRules[] = {
    {TypeKind::kBoolean, PostgresKind::kBoolean, true, ""},
    {TypeKind::kByte, PostgresKind::kSmallint, true, ""},
    {TypeKind::kByte, PostgresKind::kInteger, false, ""},
    {TypeKind::kByte, PostgresKind::kBigint, false, ""},
    {TypeKind::kByte, PostgresKind::kNumeric, false, kNotNumeric},
    {TypeKind::kShort, PostgresKind::kSmallint, true, ""},
    {TypeKind::kShort, PostgresKind::kInteger, false, ""},
    {TypeKind::kShort, PostgresKind::kBigint, false, ""},
    {TypeKind::kShort, PostgresKind::kNumeric, false, kNotNumeric},
    {TypeKind::kInt, PostgresKind::kInteger, true, ""},
    {TypeKind::kInt, PostgresKind::kSmallint, false, kNotInteger},
    {TypeKind::kInt, PostgresKind::kBigint, false, ""},
    {TypeKind::kInt, PostgresKind::kNumeric, false, kNotNumeric},
    {TypeKind::kLong, PostgresKind::kBigint, true, ""},
    {TypeKind::kLong, PostgresKind::kSmallint, false, kNotInteger},
    {TypeKind::kLong, PostgresKind::kInteger, false, kNotInteger},
    {TypeKind::kLong, PostgresKind::kNumeric, false, kNotNumeric},
    {TypeKind::kFloat, PostgresKind::kReal, true, ""},
    {TypeKind::kFloat, PostgresKind::kDouble, false, ""},
    {TypeKind::kDouble, PostgresKind::kDouble, true, ""},
    {TypeKind::kDecimal, PostgresKind::kNumeric, true, kNotNumeric},
    {TypeKind::kDecimal, PostgresKind::kSmallint, false, kNotInteger},
    {TypeKind::kDecimal, PostgresKind::kInteger, false, kNotInteger},
    {TypeKind::kDecimal, PostgresKind::kBigint, false, kNotInteger},
    {TypeKind::kString, PostgresKind::kText, true, kNotText},
    {TypeKind::kString, PostgresKind::kVarchar, false, kNotSized},
    {TypeKind::kString, PostgresKind::kChar, false, kNotSized},
    {TypeKind::kString, PostgresKind::kBytea, false, ""},
    {TypeKind::kString, PostgresKind::kUuid, false, kNotUuid},
    {TypeKind::kString, PostgresKind::kJsonb, false, kNotJson},
    {TypeKind::kString, PostgresKind::kJson, false, kNotJsonText},
    {TypeKind::kBinary, PostgresKind::kBytea, true, ""},
    {TypeKind::kBinary, PostgresKind::kUuid, false, "other than 16 bytes"},
    {TypeKind::kDate, PostgresKind::kDate, true, "before 4714-11-24 BC or after 5874897-12-31"},
    {TypeKind::kTimestamp, PostgresKind::kTimestamptz, true, kNotTimestamp},
    {TypeKind::kTimestampNtz, PostgresKind::kTimestamp, true, kNotTimestamp},
    {TypeKind::kArray, PostgresKind::kJsonb, true, kNotNested},
    {TypeKind::kArray, PostgresKind::kJson, false, kNotNested},
    {TypeKind::kArray, PostgresKind::kText, false, kNotNested},
    {TypeKind::kArray, PostgresKind::kVector, false, kNotVector},
    {TypeKind::kArray, PostgresKind::kHalfvec, false, kNotVector},
    {TypeKind::kMap, PostgresKind::kJsonb, true, kNotNested},
    {TypeKind::kMap, PostgresKind::kJson, false, kNotNested},
    {TypeKind::kMap, PostgresKind::kText, false, kNotNested},
    {TypeKind::kStruct, PostgresKind::kJsonb, true, kNotNested},
    {TypeKind::kStruct, PostgresKind::kJson, false, kNotNested},
    {TypeKind::kStruct, PostgresKind::kText, false, kNotNested},
    {TypeKind::kVariant, PostgresKind::kJsonb, true, kNotVariant},
    {TypeKind::kVariant, PostgresKind::kJson, false, kNotVariant},
    {TypeKind::kVariant, PostgresKind::kText, false, kNotVariant},
    {TypeKind::kYearMonthInterval, PostgresKind::kInterval, true, ""},
    {TypeKind::kDayTimeInterval, PostgresKind::kInterval, true, ""},
};

bool IsVector(PostgresKind kind) {
  return kind == PostgresKind::kVector || kind == PostgresKind::kHalfvec;
}

constexpr std::array kVectorElements = {TypeKind::kByte, TypeKind::kShort, TypeKind::kInt,
                                        TypeKind::kFloat, TypeKind::kDouble};

bool IsVectorElement(const data::Type& type) {
  return std::ranges::find(kVectorElements, type.kind) != kVectorElements.end();
}

/// Whether elements of a vector may lose digits.
bool RoundsElements(TypeKind element, PostgresKind vector) {
  if (vector == PostgresKind::kHalfvec) return element != TypeKind::kByte;
  return element == TypeKind::kInt || element == TypeKind::kDouble;
}

Status BadOverride(std::string_view words, std::string_view reason) {
  return Status(
      ErrorClass::kInvalidDefinition,
      "the type override cannot be used: " + std::string(words) + ": " + std::string(reason));
}

std::string Modifiers(const PostgresType& type) {
  if (type.kind == PostgresKind::kNumeric && type.precision > 0) {
    return "(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")";
  }
  return type.length > 0 ? "(" + std::to_string(type.length) + ")" : "";
}

/// The words of a type taken apart.
class TypeScanner {
 public:
  explicit TypeScanner(std::string_view text) : text_(text) { SkipSpace(); }
  bool at_end() const { return at_ == text_.size(); }
  bool Take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    SkipSpace();
    return true;
  }
  /// Words in lower case, one space between, up to a character that is none of a word's.
  std::string Words() {
    std::string words;
    while (!at_end()) {
      const char c = text_[at_];
      if (c == ' ') {
        SkipSpace();
        if (!at_end() && IsWordCharacter(text_[at_])) words.push_back(' ');
        continue;
      }
      if (!IsWordCharacter(c)) break;
      words.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
      ++at_;
    }
    return words;
  }
  /// Passes over a schema's name and the dot behind it, if there is one.
  void SkipQualifier() {
    const std::size_t start = at_;
    if (!at_end() && text_[at_] == '"') {
      at_ = text_.find('"', at_ + 1);
      while (at_ != std::string_view::npos && text_.substr(at_).starts_with("\"\"")) {
        at_ = text_.find('"', at_ + 2);
      }
      at_ = at_ == std::string_view::npos ? text_.size() : at_ + 1;
    } else {
      while (!at_end() && IsWordCharacter(text_[at_])) ++at_;
    }
    if (at_end() || text_[at_] != '.') {
      at_ = start;
    } else {
      ++at_;
      qualified_ = true;
    }
  }
  bool qualified() const { return qualified_; }
  std::optional<std::int32_t> Number() {
    std::int32_t number = 0;
    const char* const begin = text_.data() + at_;
    const char* const end = text_.data() + text_.size();
    if (begin == end || *begin < '0' || *begin > '9') return std::nullopt;
    const auto [rest, code] = std::from_chars(begin, end, number);
    if (code != std::errc()) return std::nullopt;
    at_ = static_cast<std::size_t>(rest - text_.data());
    SkipSpace();
    return number;
  }

 private:
  static bool IsWordCharacter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  }
  void SkipSpace() {
    while (!at_end() && text_[at_] == ' ') ++at_;
  }
  std::string_view text_;
  std::size_t at_ = 0;
  bool qualified_ = false;
};

Status CheckModifiers(std::string_view words, const std::vector<std::int32_t>& numbers,
                      PostgresType* type) {
  const PostgresTypeInfo& info = Describe(type->kind);
  switch (info.modifier) {
    case Modifier::kNone:
      if (!numbers.empty()) return BadOverride(words, "the type takes nothing in parentheses");
      return Status();
    case Modifier::kPrecisionAndScale:
      if (numbers.size() > 2) return BadOverride(words, "more than precision and scale");
      if (numbers.empty()) return Status();
      type->precision = numbers[0];
      type->scale = numbers.size() == 2 ? numbers[1] : 0;
      if (type->precision < 1 || type->precision > kMaxNumericPrecision) {
        return BadOverride(words, "the precision must be from 1 to 1000");
      }
      if (type->scale > type->precision) {
        return BadOverride(words, "the scale must be from 0 to the precision");
      }
      return Status();
    case Modifier::kLength:
    case Modifier::kDimensions: {
      const bool characters = info.modifier == Modifier::kLength;
      const std::int32_t most = characters ? kMaxCharacters : kMaxDimensions;
      if (numbers.size() > 1) return BadOverride(words, "more than one length");
      type->length = numbers.empty() ? 0 : numbers[0];
      // The standard's char is char(1).
      if (numbers.empty() && type->kind == PostgresKind::kChar) type->length = 1;
      if (!numbers.empty() && (type->length < 1 || type->length > most)) {
        return BadOverride(words, "the length must be from 1 to " + std::to_string(most));
      }
      return Status();
    }
  }
  return Status();
}

const PostgresTypeInfo* FindType(std::string_view name) {
  // Spellings that are two words' worth, in one form.
  if (name == "int") name = "integer";
  if (name == "float") name = "double precision";
  if (name == "character varying") name = "varchar";
  if (name == "character") name = "char";
  for (const PostgresTypeInfo& info : kTypes) {
    if (name == info.name || name == info.format_name || (!name.empty() && name == info.alias)) {
      return &info;
    }
  }
  return nullptr;
}

/// A schema's name as a statement needs it.
std::string Quoted(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted.push_back(c);
    quoted.push_back(c);
  }
  return quoted + "\"";
}

/// True when `version` ("0.8.1") is at least major.minor.
bool AtLeast(std::string_view version, int major, int minor) {
  int numbers[2] = {0, 0};
  const char* at = version.data();
  const char* const end = at + version.size();
  for (int& number : numbers) {
    const auto [rest, code] = std::from_chars(at, end, number);
    if (code != std::errc()) return false;
    at = rest < end && *rest == '.' ? rest + 1 : rest;
  }
  return numbers[0] > major || (numbers[0] == major && numbers[1] >= minor);
}

Status CheckServer(const PostgresType& type, const ServerFacts& server) {
  const std::string name(Describe(type.kind).name);
  if (!IsVector(type.kind)) return Status();
  if (server.vector_schema.empty()) {
    return Status(ErrorClass::kTargetUnsuitable,
                  "the target does not have the extension of a type override: " + name)
        .Mend("CREATE EXTENSION vector in the target's database (pgvector), or drop the override.");
  }
  if (type.kind == PostgresKind::kHalfvec && !AtLeast(server.vector_version, 0, 7)) {
    return Status(ErrorClass::kTargetUnsuitable,
                  "the target's pgvector is older than type halfvec: " + server.vector_version)
        .Mend("Update pgvector to 0.7 or newer (ALTER EXTENSION vector UPDATE), or use vector(n).");
  }
  return Status();
}

}  // namespace

std::span<const PostgresTypeInfo> PostgresTypes() { return kTypes; }

const PostgresTypeInfo& Describe(PostgresKind kind) {
  const PostgresTypeInfo& info = kTypes[static_cast<std::size_t>(kind)];
  SPILLWAY_CHECK(info.kind == kind);
  return info;
}

std::span<const TypeRule> TypeRules() { return kRules; }

const TypeRule* FindRule(data::TypeKind source, PostgresKind target) {
  const auto* const found = std::find_if(
      std::begin(kRules), std::end(kRules),
      [&](const TypeRule& rule) { return rule.source == source && rule.target == target; });
  return found == std::end(kRules) ? nullptr : found;
}

std::string PostgresType::ToString() const {
  return std::string(Describe(kind).name) + Modifiers(*this) + (array ? "[]" : "");
}

std::string PostgresType::FormatType() const {
  const PostgresTypeInfo& info = Describe(kind);
  return std::string(info.format_name) + Modifiers(*this) + (array ? "[]" : "");
}

Result<PostgresType> ParsePostgresType(std::string_view words) {
  TypeScanner scanner(words);
  scanner.SkipQualifier();
  std::string name = scanner.Words();
  std::vector<std::int32_t> numbers;
  if (scanner.Take('(')) {
    do {
      const auto number = scanner.Number();
      if (!number) return BadOverride(words, "a number is expected between the parentheses");
      numbers.push_back(*number);
    } while (scanner.Take(','));
    if (!scanner.Take(')')) return BadOverride(words, "the parenthesis is not closed");
  }
  // timestamp (…) with time zone: the words go on behind the parentheses.
  if (const std::string rest = scanner.Words(); !rest.empty()) name += " " + rest;
  PostgresType type;
  if (scanner.Take('[')) {
    if (!scanner.Take(']')) return BadOverride(words, "the bracket is not closed");
    type.array = true;
  }
  if (scanner.Take('[')) return BadOverride(words, "arrays have one dimension; use jsonb");
  if (!scanner.at_end()) return BadOverride(words, "something follows the type");
  const PostgresTypeInfo* const info = FindType(name);
  if (info == nullptr) return BadOverride(words, "no such type is known");
  if (scanner.qualified() && info->extension.empty()) {
    return BadOverride(words, "only types of extensions are named with their schema");
  }
  if (type.array && !info->extension.empty()) {
    return BadOverride(words, "arrays of an extension's type are not written");
  }
  type.kind = info->kind;
  SPILLWAY_TRY(CheckModifiers(words, numbers, &type));
  return type;
}

namespace {

Status DoesNotStore(const data::Type& source, const PostgresType& target) {
  return BadOverride(target.ToString(), "it does not store " + source.ToString())
      .Mend("Types that do: " + AllowedOverrides(source) + ".");
}

}  // namespace

Status CheckMapping(const data::Type& source, const PostgresType& target) {
  if (target.array) {
    if (source.kind != TypeKind::kArray) {
      return BadOverride(target.ToString(), "the source's type is " + source.ToString());
    }
    PostgresType element = target;
    element.array = false;
    if (CheckMapping(source.children[0].type, element).ok()) return Status();
    return DoesNotStore(source, target);
  }
  const TypeRule* const rule = FindRule(source.kind, target.kind);
  const bool vector = rule != nullptr && IsVector(target.kind);
  if (rule == nullptr || (vector && !IsVectorElement(source.children[0].type))) {
    return DoesNotStore(source, target);
  }
  if (source.kind == TypeKind::kDecimal && target.kind != PostgresKind::kNumeric &&
      source.scale != 0) {
    return BadOverride(target.ToString(), "the source's type is " + source.ToString())
        .Mend("Use numeric(p,s): an integer has no digits after the point.");
  }
  return Status();
}

std::string AllowedOverrides(const data::Type& source) {
  std::string allowed;
  const auto add = [&](const PostgresTypeInfo& info, std::string_view suffix) {
    if (!allowed.empty()) allowed += ", ";
    allowed += info.name;
    switch (info.modifier) {
      case Modifier::kNone:
        break;
      case Modifier::kPrecisionAndScale:
        allowed += "(p,s)";
        break;
      case Modifier::kLength:
      case Modifier::kDimensions:
        allowed += "(n)";
        break;
    }
    allowed += suffix;
  };
  const bool array = source.kind == TypeKind::kArray;
  for (const TypeRule& rule : kRules) {
    if (rule.source != source.kind) continue;
    if (IsVector(rule.target) && !IsVectorElement(source.children[0].type)) continue;
    if (source.kind == TypeKind::kDecimal && rule.target != PostgresKind::kNumeric &&
        source.scale != 0) {
      continue;
    }
    add(Describe(rule.target), "");
  }
  for (const TypeRule& rule : kRules) {
    if (!array || rule.source != source.children[0].type.kind || IsVector(rule.target)) continue;
    add(Describe(rule.target), "[]");
  }
  return allowed.empty() ? "none" : allowed;
}

Result<TypeMapping> MapType(const data::Field& field, std::string_view override_type, bool in_key,
                            const ServerFacts& server) {
  const data::Type& source = field.type;
  const auto with_column = [&](Status status) {
    return std::move(status)
        .While("type of column " + field.name)
        .With("column", field.name)
        .With("type", source.ToString());
  };
  const auto* const by_default = std::find_if(
      std::begin(kRules), std::end(kRules),
      [&](const TypeRule& rule) { return rule.source == source.kind && rule.is_default; });
  if (by_default == std::end(kRules)) {
    return with_column(Status(ErrorClass::kUnsupportedColumnType,
                              "PostgreSQL has no type for the column: " + source.ToString())
                           .Mend("Leave the column out with --columns."));
  }
  PostgresType target{.kind = by_default->target};
  if (!override_type.empty()) {
    auto parsed = ParsePostgresType(override_type);
    if (!parsed.ok()) return with_column(std::move(parsed).status());
    target = *parsed;
  } else if (target.kind == PostgresKind::kNumeric) {
    target.precision = source.precision;
    target.scale = source.scale;
  }
  if (Status status = CheckMapping(source, target); !status.ok()) {
    return with_column(std::move(status));
  }
  if (in_key && !Describe(target.kind).key) {
    return with_column(
        BadOverride(target.ToString(), "a type without equality cannot be in the primary key")
            .Mend("Use jsonb, or leave the column out of the key."));
  }
  if (Status status = CheckServer(target, server); !status.ok()) {
    return with_column(std::move(status));
  }
  TypeMapping mapping{.target_type = target.ToString(), .warnings = {}};
  if (IsVector(target.kind) && RoundsElements(source.children[0].type.kind, target.kind)) {
    mapping.warnings.push_back("column " + field.name +
                               ": elements are rounded to the precision of " + target.ToString());
  }
  if (target.kind == PostgresKind::kChar) {
    mapping.warnings.push_back("column " + field.name +
                               ": spaces at a value's end do not count in char(n)");
  }
  if (!Describe(target.kind).extension.empty()) {
    mapping.target_type = Quoted(server.vector_schema) + "." + mapping.target_type;
  }
  return mapping;
}

}  // namespace spillway::target::postgres
