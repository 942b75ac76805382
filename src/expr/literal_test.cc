#include "expr/literal.h"

#include <gtest/gtest.h>

namespace spillway::expr {
namespace {

using data::ScalarType;
using data::TypeKind;

std::string Typed(LiteralKind kind, std::string value, const data::Type& type) {
  const RawLiteral literal{.kind = kind, .value = std::move(value), .token = {}};
  const auto typed = TypeLiteral(literal, type, "c", "");
  if (!typed.ok()) return "refused";
  return typed->type + " " + typed->value.value_or("NULL") + " " + typed->sql;
}

TEST(TypeLiteral, NumbersKeepEveryDigit) {
  const auto number = [](std::string value, const data::Type& type) {
    return Typed(LiteralKind::kNumber, std::move(value), type);
  };
  const std::string nines(38, '9');
  const data::Type widest = data::DecimalType(38, 0);
  EXPECT_EQ(number(nines, widest), "decimal(38,0) " + nines + " " + nines);
  EXPECT_EQ(number(nines + "9", widest), "double 1e+39 1e+39");
  EXPECT_EQ(number("-" + nines + "9", ScalarType(TypeKind::kInt)), "double -1e+39 -1e+39");
  EXPECT_EQ(number("1e38", widest), "double 1e+39 1e+39");
  EXPECT_EQ(number("100e-2", data::DecimalType(3, 2)), "decimal(3,2) 1 1");
  EXPECT_EQ(number("0.0010", data::DecimalType(3, 3)), "decimal(3,3) 0.001 0.001");
  EXPECT_EQ(number("12.345", data::DecimalType(4, 2)), "decimal(5,3) 12.345 12.345");
  EXPECT_EQ(number("1e-39", widest), "refused");
  EXPECT_EQ(number("0e-999", widest), "decimal(38,0) 0 0");
  EXPECT_EQ(number("1e9999999999", widest), "refused");
  EXPECT_EQ(number("9223372036854775807", ScalarType(TypeKind::kLong)),
            "long 9223372036854775807 9223372036854775807");
  EXPECT_EQ(number("9223372036854775808", ScalarType(TypeKind::kLong)),
            "decimal(19,0) 9223372036854775808 9223372036854775808");
  EXPECT_EQ(number("-0", ScalarType(TypeKind::kDouble)), "double -0 -0");
}

TEST(TypeLiteral, NullTakesTheType) {
  EXPECT_EQ(Typed(LiteralKind::kNull, "", data::DecimalType(5, 1)), "decimal(5,1) NULL NULL");
  EXPECT_EQ(Typed(LiteralKind::kNull, "", ScalarType(TypeKind::kByte)), "byte NULL NULL");
}

TEST(TypeLiteral, MomentsAreWrittenOneWay) {
  const data::Type timestamp = ScalarType(TypeKind::kTimestamp);
  EXPECT_EQ(Typed(LiteralKind::kString, "2024-01-01 01:00 +01", timestamp),
            "timestamp 2024-01-01T00:00:00Z TIMESTAMP '2024-01-01T00:00:00Z'");
  EXPECT_EQ(Typed(LiteralKind::kDate, "12024-01-01", timestamp),
            "timestamp 12024-01-01T00:00:00Z TIMESTAMP '12024-01-01T00:00:00Z'");
  EXPECT_EQ(Typed(LiteralKind::kDate, "2024-01-01 10:00", timestamp), "refused");
  EXPECT_EQ(Typed(LiteralKind::kNumber, "5", timestamp), "refused");
}

}  // namespace
}  // namespace spillway::expr
