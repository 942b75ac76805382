#include "expr/literal.h"

#include <algorithm>
#include <limits>

#include "data/type_text.h"
#include "data/value_parse.h"
#include "data/value_text.h"

namespace spillway::expr {
namespace {

using base::Result;
using base::Status;
using data::Type;
using data::TypeKind;

constexpr std::int64_t kMaxDigits = 38;

/// ± digits * 10^exponent, without leading or trailing zeros; zero has no digits.
struct Number {
  bool negative = false;
  std::string digits;
  std::int64_t exponent = 0;
};

/// REQUIRES: a number as the tokenizer takes it, with an optional sign.
std::optional<Number> Decompose(std::string_view text) {
  Number number;
  number.negative = text.starts_with('-');
  if (number.negative) text.remove_prefix(1);
  if (const std::size_t e = text.find_first_of("eE"); e != std::string_view::npos) {
    const auto exponent = data::ParseInteger(text.substr(e + 1));
    if (!exponent || *exponent > 1'000'000 || *exponent < -1'000'000) return std::nullopt;
    number.exponent = *exponent;
    text = text.substr(0, e);
  }
  const std::size_t point = std::min(text.find('.'), text.size());
  number.digits = text.substr(0, point);
  if (point < text.size()) {
    number.digits += text.substr(point + 1);
    number.exponent -= static_cast<std::int64_t>(text.size() - point - 1);
  }
  number.digits.erase(0, std::min(number.digits.find_first_not_of('0'), number.digits.size()));
  while (!number.digits.empty() && number.digits.back() == '0') {
    number.digits.pop_back();
    ++number.exponent;
  }
  if (number.digits.empty()) return Number{};
  return number;
}

/// Digits before the point that the number needs.
std::int64_t WholeDigits(const Number& number) {
  return std::max<std::int64_t>(0,
                                static_cast<std::int64_t>(number.digits.size()) + number.exponent);
}

std::int64_t FractionDigits(const Number& number) {
  return std::max<std::int64_t>(0, -number.exponent);
}

/// Plain notation. REQUIRES: at most kMaxDigits on both sides of the point.
std::string Plain(const Number& number) {
  std::string text = number.digits;
  if (number.exponent > 0) text.append(static_cast<std::size_t>(number.exponent), '0');
  const auto fraction = static_cast<std::size_t>(FractionDigits(number));
  if (text.size() < fraction + 1) text.insert(0, fraction + 1 - text.size(), '0');
  if (fraction > 0) text.insert(text.size() - fraction, ".");
  return number.negative ? "-" + text : text;
}

std::string Text(double value) {
  char room[data::kMaxScalarText];
  return {room, static_cast<std::size_t>(data::WriteDouble(value, room) - room)};
}

std::string DecimalName(std::int64_t precision, std::int64_t scale) {
  return "decimal(" + std::to_string(precision) + "," + std::to_string(scale) + ")";
}

bool FitsInteger(TypeKind kind, std::int64_t value) {
  const auto within = [value](std::int64_t low, std::int64_t high) {
    return value >= low && value <= high;
  };
  if (kind == TypeKind::kByte) return within(-128, 127);
  if (kind == TypeKind::kShort) return within(-32'768, 32'767);
  if (kind == TypeKind::kInt) {
    return within(std::numeric_limits<std::int32_t>::min(),
                  std::numeric_limits<std::int32_t>::max());
  }
  return kind == TypeKind::kLong;
}

/// Types literals for one column; keeps what errors need.
class Typing {
 public:
  Typing(const RawLiteral& literal, const Type& type, std::string_view column,
         std::string_view text)
      : literal_(literal), type_(type), column_(column), text_(text) {}

  Result<TypedLiteral> Run() const {
    if (literal_.kind == LiteralKind::kNull) {
      return TypedLiteral{.type = data::DeltaName(type_), .value = std::nullopt, .sql = "NULL"};
    }
    switch (type_.kind) {
      case TypeKind::kBoolean:
        if (literal_.kind != LiteralKind::kBoolean) return Mismatch("TRUE or FALSE");
        return TypedLiteral{.type = "boolean",
                            .value = literal_.value == "TRUE" ? "true" : "false",
                            .sql = literal_.value};
      case TypeKind::kByte:
      case TypeKind::kShort:
      case TypeKind::kInt:
      case TypeKind::kLong:
      case TypeKind::kDecimal:
        return Exact();
      case TypeKind::kFloat:
      case TypeKind::kDouble:
        return Floating();
      case TypeKind::kString:
        if (literal_.kind != LiteralKind::kString) return Mismatch("a 'string'");
        return TypedLiteral{
            .type = "string", .value = literal_.value, .sql = QuoteText(literal_.value)};
      case TypeKind::kBinary:
        return Binary();
      case TypeKind::kDate:
        return Date();
      case TypeKind::kTimestamp:
      case TypeKind::kTimestampNtz:
        return Moment();
      case TypeKind::kArray:
      case TypeKind::kMap:
      case TypeKind::kStruct:
      case TypeKind::kVariant:
      case TypeKind::kYearMonthInterval:
      case TypeKind::kDayTimeInterval:
      case TypeKind::kVoid:
      case TypeKind::kGeometry:
      case TypeKind::kGeography:
        break;
    }
    return Invalid("values of type " + type_.ToString() + " cannot be compared");
  }

 private:
  Status Invalid(const std::string& reason) const {
    return InvalidAt(text_, literal_.token, reason);
  }
  Status Mismatch(const std::string& expected) const {
    return Invalid((column_.empty() ? "the other side" : std::string(column_)) + " is " +
                   type_.ToString() + ", so " + expected + " is expected here");
  }

  Result<TypedLiteral> Exact() const {
    if (literal_.kind != LiteralKind::kNumber) return Mismatch("a number");
    const auto number = Decompose(literal_.value);
    if (!number) return Invalid("the exponent is out of reach");
    const std::int64_t whole = WholeDigits(*number);
    const std::int64_t fraction = FractionDigits(*number);
    if (whole > kMaxDigits) {
      // Greater than every integer and decimal: only on which side it lies matters.
      return TypedLiteral{.type = "double",
                          .value = number->negative ? "-1e+39" : "1e+39",
                          .sql = number->negative ? "-1e+39" : "1e+39"};
    }
    if (whole + fraction > kMaxDigits) {
      return Invalid("more than 38 digits cannot be compared exactly");
    }
    const std::string plain = Plain(*number);
    TypedLiteral typed{.type = {}, .value = plain, .sql = plain};
    const auto integer = fraction == 0 ? data::ParseInteger(plain) : std::optional<std::int64_t>();
    if (type_.kind == TypeKind::kDecimal && fraction <= type_.scale &&
        whole <= type_.precision - type_.scale) {
      typed.type = data::DeltaName(type_);
    } else if (type_.kind != TypeKind::kDecimal && integer && FitsInteger(type_.kind, *integer)) {
      typed.type = data::DeltaName(type_);
    } else if (integer) {
      typed.type = "long";
    } else {
      typed.type = DecimalName(std::max<std::int64_t>(1, whole + fraction), fraction);
    }
    return typed;
  }

  Result<TypedLiteral> Floating() const {
    if (literal_.kind == LiteralKind::kString) {
      for (const char* special : {"NaN", "Infinity", "-Infinity"}) {
        if (literal_.value == special) {
          return TypedLiteral{.type = "double", .value = special, .sql = QuoteText(special)};
        }
      }
      return Mismatch("a number, 'NaN', 'Infinity' or '-Infinity'");
    }
    if (literal_.kind != LiteralKind::kNumber) return Mismatch("a number");
    const auto value = data::ParseDouble(literal_.value);
    if (!value) return Invalid("the number is beyond the range of double");
    const auto single = data::ParseFloat(literal_.value);
    const bool is_float =
        type_.kind == TypeKind::kFloat && single && static_cast<double>(*single) == *value;
    return TypedLiteral{
        .type = is_float ? "float" : "double", .value = Text(*value), .sql = Text(*value)};
  }

  Result<TypedLiteral> Binary() const {
    if (literal_.kind != LiteralKind::kHex) return Mismatch("X'hex'");
    if (!data::ParseHex(literal_.value)) {
      return Invalid("an even number of hexadecimal digits is expected");
    }
    std::string hex = literal_.value;
    std::transform(hex.begin(), hex.end(), hex.begin(),
                   [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
    return TypedLiteral{.type = "binary", .value = hex, .sql = "X'" + hex + "'"};
  }

  Result<TypedLiteral> Date() const {
    if (literal_.kind != LiteralKind::kDate && literal_.kind != LiteralKind::kString) {
      return Mismatch("DATE 'YYYY-MM-DD'");
    }
    const auto days = data::ParseDate(literal_.value);
    if (!days) return Invalid("it is no date of the form YYYY-MM-DD");
    char room[data::kMaxScalarText];
    const std::string date(room, static_cast<std::size_t>(data::WriteDate(*days, room) - room));
    return TypedLiteral{.type = "date", .value = date, .sql = "DATE " + QuoteText(date)};
  }

  Result<TypedLiteral> Moment() const {
    const bool utc = type_.kind == TypeKind::kTimestamp;
    if (literal_.kind != LiteralKind::kTimestamp && literal_.kind != LiteralKind::kDate &&
        literal_.kind != LiteralKind::kString) {
      return Mismatch("TIMESTAMP 'YYYY-MM-DD HH:MM:SS'");
    }
    if (literal_.kind == LiteralKind::kDate && !data::ParseDate(literal_.value)) {
      return Invalid("it is no date of the form YYYY-MM-DD");
    }
    const auto moment = data::ParseTimestamp(literal_.value);
    if (!moment) {
      return Invalid(
          "it is no timestamp of the form YYYY-MM-DD HH:MM:SS.ffffff with an optional zone "
          "(Z, +01:00)");
    }
    if (!utc && moment->has_zone) return Mismatch("a timestamp without a zone");
    char room[data::kMaxScalarText];
    const std::string written(
        room, static_cast<std::size_t>(data::WriteTimestamp(moment->micros, utc, room) - room));
    return TypedLiteral{.type = utc ? "timestamp" : "timestamp_ntz",
                        .value = written,
                        .sql = "TIMESTAMP " + QuoteText(written)};
  }

  const RawLiteral& literal_;
  const Type& type_;
  std::string_view column_;
  std::string_view text_;
};

}  // namespace

Type OwnType(const RawLiteral& literal) {
  switch (literal.kind) {
    case LiteralKind::kNull:
    case LiteralKind::kBoolean:
      return data::ScalarType(TypeKind::kBoolean);
    case LiteralKind::kNumber:
      return data::DecimalType(38, 0);
    case LiteralKind::kString:
      return data::ScalarType(TypeKind::kString);
    case LiteralKind::kHex:
      return data::ScalarType(TypeKind::kBinary);
    case LiteralKind::kDate:
      return data::ScalarType(TypeKind::kDate);
    case LiteralKind::kTimestamp:
      return data::ScalarType(TypeKind::kTimestamp);
  }
  return data::ScalarType(TypeKind::kBoolean);
}

Result<TypedLiteral> TypeLiteral(const RawLiteral& literal, const Type& type,
                                 std::string_view column, std::string_view text) {
  return Typing(literal, type, column, text).Run();
}

std::string QuoteText(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + "'";
}

}  // namespace spillway::expr
