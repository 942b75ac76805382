#include "target/postgres/copy/numeric_wire.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace spillway::target::postgres {
namespace {

std::string Short(__int128 value, const NumericFormat& format, bool* bad) {
  char bytes[kNumericRoom];
  return std::string(bytes, WriteNumeric(value, format, bytes, bad));
}

std::string Long(__int128 value, const NumericFormat& format, bool* bad) {
  char bytes[kNumericRoom];
  return std::string(bytes, WriteLongNumeric(value, format, bytes, bad));
}

// The bytes themselves are compared with servers' in copy_encoder_server_test.cc; here the short
// way with the long one.
TEST(NumericWire, BothWaysWriteTheSame) {
  std::mt19937_64 random(3);
  for (std::int32_t scale = 0; scale <= 38; ++scale) {
    const NumericFormat format = NumericFormat::Make(scale, 0, scale);
    for (int i = 0; i < 2000; ++i) {
      auto value = static_cast<__int128>(random() >> (random() % 64));
      if (i % 5 == 0) value *= 10000;
      if (i % 7 == 0) value = static_cast<__int128>(format.short_limit) - 2 + i % 4;
      if (i % 2 == 0) value = -value;
      bool bad = false;
      ASSERT_EQ(Short(value, format, &bad), Long(value, format, &bad)) << scale;
      EXPECT_FALSE(bad);
    }
  }
}

TEST(NumericWire, TheWidestValuesHaveRoom) {
  const auto most = static_cast<__int128>(~static_cast<unsigned __int128>(0) >> 1);
  for (std::int32_t scale = 0; scale <= 38; ++scale) {
    const NumericFormat format = NumericFormat::Make(scale, 0, scale);
    bool bad = false;
    EXPECT_LE(Long(most, format, &bad).size(), kNumericRoom);
    EXPECT_LE(Long(-most - 1, format, &bad).size(), kNumericRoom);
  }
}

TEST(NumericWire, ValuesBeyondThePrecisionAreBad) {
  std::int32_t const precisions[] = {1, 4, 13, 18, 20, 37, 38};
  for (const std::int32_t precision : precisions) {
    const NumericFormat format = NumericFormat::Make(0, precision, 0);
    const auto limit = static_cast<__int128>(PowerOfTen(precision));
    for (const __int128 value : {limit - 1, limit, -limit + 1, -limit}) {
      bool bad = false;
      Short(value, format, &bad);
      EXPECT_EQ(bad, value == limit || value == -limit) << precision;
      EXPECT_EQ(NumericFits(value, format), !bad);
    }
  }
  // numeric(3,2) of a decimal with one place: below 10.
  const NumericFormat finer = NumericFormat::Make(1, 3, 2);
  EXPECT_TRUE(NumericFits(99, finer));
  EXPECT_FALSE(NumericFits(100, finer));
  // More places than the precision leaves digits for: only what is below 1.
  EXPECT_TRUE(NumericFits(9, NumericFormat::Make(1, 5, 5)));
  EXPECT_FALSE(NumericFits(10, NumericFormat::Make(1, 5, 5)));
}

}  // namespace
}  // namespace spillway::target::postgres
