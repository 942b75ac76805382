#ifndef SPILLWAY_EXPR_LITERAL_H_
#define SPILLWAY_EXPR_LITERAL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "data/schema.h"
#include "expr/token.h"

namespace spillway::expr {

enum class LiteralKind : std::uint8_t {
  kNull,
  kBoolean,
  kNumber,
  kString,
  kHex,
  kDate,
  kTimestamp
};

/// A constant as written, before it has a type.
struct RawLiteral {
  LiteralKind kind = LiteralKind::kNull;
  std::string value;  ///< number with its sign; the text between quotes; TRUE or FALSE
  Token token;        ///< where, for errors
};

/// A constant with the type it is compared as.
struct TypedLiteral {
  std::string type;                  ///< Delta's primitive name
  std::optional<std::string> value;  ///< lakeio's string form; nothing: NULL
  std::string sql;                   ///< canonical; typed again it gives the same
};

/// The type that a constant has on its own (both sides of a comparison are constants). NULL is
/// boolean.
data::Type OwnType(const RawLiteral& literal);

/// Types `literal` by what it is compared with, exactly:
///  - integer and decimal columns: the column's type when the number fits it, else the smallest
///  decimal that holds it;
///    a number beyond 38 digits becomes a double beyond every decimal, as order is all that matters
///  - float and double columns: float when it is exactly one, else double; 'NaN', 'Infinity',
///  '-Infinity' too
///  - date columns: DATE or a string; timestamps: TIMESTAMP, DATE or a string, without a zone UTC;
///  timestamp_ntz: without
///    a zone
///  - boolean, string (text), binary (X'hex'): their own literals
/// Errors: INVALID_PREDICATE at the literal. `text` is the whole predicate, `column` the name in
/// messages.
base::Result<TypedLiteral> TypeLiteral(const RawLiteral& literal, const data::Type& type,
                                       std::string_view column, std::string_view text);

/// 'text' with quotes doubled.
std::string QuoteText(std::string_view text);

}  // namespace spillway::expr

#endif  // SPILLWAY_EXPR_LITERAL_H_
