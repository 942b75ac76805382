#include "data/value_text.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include "data/value_parse.h"

namespace spillway::data {
namespace {

template <typename F>
std::string Text(F write) {
  char room[kMaxScalarText];
  return {room, static_cast<std::size_t>(write(room) - room)};
}

std::string Date(std::int32_t days) {
  return Text([&](char* out) { return WriteDate(days, out); });
}
std::string Timestamp(std::int64_t micros, bool utc = true) {
  return Text([&](char* out) { return WriteTimestamp(micros, utc, out); });
}
std::string Decimal(__int128 unscaled, std::int32_t scale) {
  return Text([&](char* out) { return WriteDecimal(unscaled, scale, out); });
}

TEST(ValueText, DatesAgreeWithTheStandardLibrary) {
  using namespace std::chrono;
  for (std::int32_t days = -800'000; days < 3'000'000; days += 97) {
    const year_month_day date{sys_days{std::chrono::days{days}}};
    const int year = static_cast<int>(date.year());
    char expected[32];
    std::snprintf(expected, sizeof(expected), "%s%04d-%02u-%02u", year < 0 ? "-" : "",
                  std::abs(year), static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()));
    ASSERT_EQ(Date(days), expected);
    ASSERT_EQ(ParseDate(expected), days);
  }
}

TEST(ValueText, DatesAtTheEdges) {
  EXPECT_EQ(Date(0), "1970-01-01");
  EXPECT_EQ(Date(-719'162), "0001-01-01");
  EXPECT_EQ(Date(2'932'896), "9999-12-31");
  EXPECT_EQ(Date(2'932'897), "10000-01-01");
  EXPECT_EQ(Date(-719'163), "0000-12-31");
  EXPECT_EQ(Date(std::numeric_limits<std::int32_t>::min()), "-5877641-06-23");
  EXPECT_EQ(Date(std::numeric_limits<std::int32_t>::max()), "5881580-07-11");
  EXPECT_EQ(ParseDate("-5877641-06-23"), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(ParseDate("5881580-07-12"), std::nullopt);
}

TEST(ValueText, Timestamps) {
  EXPECT_EQ(Timestamp(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(Timestamp(-1, false), "1969-12-31T23:59:59.999999");
  EXPECT_EQ(Timestamp(1'700'000'000'120'000), "2023-11-14T22:13:20.12Z");
  EXPECT_EQ(Timestamp(std::numeric_limits<std::int64_t>::max()), "294247-01-10T04:00:54.775807Z");
  EXPECT_EQ(Timestamp(std::numeric_limits<std::int64_t>::min()), "-290308-12-21T19:59:05.224192Z");
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const auto micros = static_cast<std::int64_t>(random()) / 2;
    const auto parsed = ParseTimestamp(Timestamp(micros));
    ASSERT_TRUE(parsed && parsed->has_zone);
    ASSERT_EQ(parsed->micros, micros);
  }
}

TEST(ValueText, Decimals) {
  EXPECT_EQ(Decimal(0, 0), "0");
  EXPECT_EQ(Decimal(0, 3), "0.000");
  EXPECT_EQ(Decimal(-5, 3), "-0.005");
  EXPECT_EQ(Decimal(123'456, 2), "1234.56");
  __int128 largest = 1;
  for (int i = 0; i < 38; ++i) largest *= 10;
  --largest;
  EXPECT_EQ(Decimal(largest, 0), std::string(38, '9'));
  EXPECT_EQ(Decimal(-largest, 38), "-0." + std::string(38, '9'));
  EXPECT_EQ(Decimal(static_cast<__int128>(10'000'000'000'000'000'000U), 1),
            "1000000000000000000.0");
  std::mt19937_64 random(11);
  for (int i = 0; i < 20'000; ++i) {
    const __int128 value = ((static_cast<__int128>(static_cast<std::int64_t>(random())) << 64) |
                            static_cast<__int128>(random())) %
                           (largest + 1);
    const auto scale = static_cast<std::int32_t>(random() % 39);
    ASSERT_EQ(ParseDecimal(Decimal(value, scale), 38, scale), value);
  }
}

TEST(ValueText, FloatingPointIsShortestAndExact) {
  const auto text = [](double value) {
    return Text([&](char* out) { return WriteDouble(value, out); });
  };
  const auto single = [](float value) {
    return Text([&](char* out) { return WriteFloat(value, out); });
  };
  EXPECT_EQ(text(0.1), "0.1");
  EXPECT_EQ(single(0.1F), "0.1");
  EXPECT_EQ(text(-0.0), "-0");
  EXPECT_EQ(text(1e22), "1e+22");
  EXPECT_EQ(text(std::numeric_limits<double>::quiet_NaN()), "NaN");
  EXPECT_EQ(text(-std::numeric_limits<double>::infinity()), "-Infinity");
  std::mt19937_64 random(13);
  for (int i = 0; i < 20'000; ++i) {
    const auto bits = random();
    double value;
    std::memcpy(&value, &bits, 8);
    if (value != value) continue;
    ASSERT_EQ(std::strtod(text(value).c_str(), nullptr), value);
    ASSERT_EQ(ParseDouble(text(value)), value);
  }
}

TEST(ValueText, Intervals) {
  const auto months = [](std::int32_t value) {
    return Text([&](char* out) { return WriteYearMonthInterval(value, out); });
  };
  const auto micros = [](std::int64_t value) {
    return Text([&](char* out) { return WriteDayTimeInterval(value, out); });
  };
  EXPECT_EQ(months(0), "P0M");
  EXPECT_EQ(months(14), "P1Y2M");
  EXPECT_EQ(months(-14), "P-1Y-2M");
  EXPECT_EQ(micros(0), "PT0S");
  EXPECT_EQ(micros(86'400'000'000), "P1D");
  EXPECT_EQ(micros(93'784'500'000), "P1DT2H3M4.5S");
  EXPECT_EQ(micros(-500'000), "PT-0.5S");
  EXPECT_EQ(micros(-93'784'500'000), "P-1DT-2H-3M-4.5S");
}

TEST(ValueText, Base64) {
  const auto text = [](std::string_view bytes) {
    std::string out(Base64Size(bytes.size()), '\0');
    EXPECT_EQ(WriteBase64(bytes, out.data()), out.data() + out.size());
    return out;
  };
  // RFC 4648, section 10.
  EXPECT_EQ(text(""), "");
  EXPECT_EQ(text("f"), "Zg==");
  EXPECT_EQ(text("fo"), "Zm8=");
  EXPECT_EQ(text("foo"), "Zm9v");
  EXPECT_EQ(text("foobar"), "Zm9vYmFy");
  EXPECT_EQ(text("\xff\xfe\xfd"), "//79");
}

}  // namespace
}  // namespace spillway::data
