#include "data/value_parse.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace spillway::data {
namespace {

TEST(ValueParse, Integers) {
  EXPECT_EQ(ParseInteger("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(ParseInteger("+7"), 7);
  for (const char* text : {"", "+", "-", "+-1", "9223372036854775808", "1.0", "1e0", " 1", "1 "}) {
    EXPECT_EQ(ParseInteger(text), std::nullopt) << text;
  }
}

TEST(ValueParse, Decimals) {
  EXPECT_EQ(ParseDecimal("1.5", 4, 2), 150);
  EXPECT_EQ(ParseDecimal("-.5", 4, 2), -50);
  EXPECT_EQ(ParseDecimal("1e2", 5, 2), 10'000);
  EXPECT_EQ(ParseDecimal("1.500", 4, 2), 150);
  EXPECT_EQ(ParseDecimal("150e-1", 4, 2), 1'500);
  EXPECT_EQ(ParseDecimal("0e999999", 4, 2), 0);
  EXPECT_EQ(ParseDecimal("1.505", 9, 2), std::nullopt) << "a digit would be lost";
  EXPECT_EQ(ParseDecimal("100", 4, 2), std::nullopt) << "five digits";
  for (const char* text : {"", ".", "1..2", "1e", "e1", "--1", "1e9999999999", "NaN", "1,5"}) {
    EXPECT_EQ(ParseDecimal(text, 38, 2), std::nullopt) << text;
  }
}

TEST(ValueParse, FloatingPoint) {
  EXPECT_EQ(ParseDouble("1e-999"), 0.0);
  EXPECT_TRUE(std::signbit(*ParseDouble("-1e-999")));
  EXPECT_EQ(ParseDouble("1e999"), std::nullopt);
  EXPECT_EQ(ParseDouble("0e999"), 0.0);
  EXPECT_EQ(ParseDouble("1e-99999999999999999999"), 0.0);
  EXPECT_EQ(ParseDouble("1e99999999999999999999"), std::nullopt);
  EXPECT_EQ(ParseFloat("1e39"), std::nullopt);
  EXPECT_EQ(ParseDouble("-Infinity"), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(*ParseDouble("nan")));
  for (const char* text : {"", "+", "+-1", "++1", "inf", "0x1", "1f", "e5", ".", " 1"}) {
    EXPECT_EQ(ParseDouble(text), std::nullopt) << text;
  }
}

TEST(ValueParse, Dates) {
  EXPECT_EQ(ParseDate("2000-02-29"), 11'016);
  EXPECT_EQ(ParseDate("1900-03-01"), -25'508);
  for (const char* text : {"", "1900-02-29", "2001-13-01", "2001-00-01", "2001-01-00", "2001-04-31",
                           "01-01-2001", "2001-1-1", "2001-01-01 ", "99999999-01-01"}) {
    EXPECT_EQ(ParseDate(text), std::nullopt) << text;
  }
}

TEST(ValueParse, Timestamps) {
  const auto micros = [](std::string_view text) { return ParseTimestamp(text)->micros; };
  EXPECT_EQ(micros("1970-01-02"), 86'400'000'000);
  EXPECT_EQ(micros("1970-01-01 00:00:01.5"), 1'500'000);
  EXPECT_EQ(micros("1970-01-01T00:00:00.0000010Z"), 1);
  EXPECT_EQ(micros("1970-01-01 02:00+02:00"), 0);
  EXPECT_EQ(micros("1970-01-01 02:00:00 +0200"), 0);
  EXPECT_EQ(micros("1969-12-31T22:00:00-02"), 0);
  EXPECT_FALSE(ParseTimestamp("1970-01-01")->has_zone);
  EXPECT_TRUE(ParseTimestamp("1970-01-01 00:00 UTC")->has_zone);
  for (const char* text :
       {"", "1970-01-01T", "1970-01-01 24:00", "1970-01-01 00:60", "1970-01-01 00:00:60",
        "1970-01-01 00:00:00.", "1970-01-01 00:00:00.0000001", "1970-01-01 00:00 Europe/Berlin",
        "1970-01-01 00:00+25:00", "9999999-01-01"}) {
    EXPECT_EQ(ParseTimestamp(text).has_value(), false) << text;
  }
}

TEST(ValueParse, Hex) {
  EXPECT_EQ(ParseHex("00fF"), std::string("\x00\xff", 2));
  EXPECT_EQ(ParseHex(""), "");
  EXPECT_EQ(ParseHex("0"), std::nullopt);
  EXPECT_EQ(ParseHex("0g"), std::nullopt);
}

}  // namespace
}  // namespace spillway::data
