#include "target/postgres/copy/half_float.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace spillway::target::postgres {
namespace {

/// The value of a binary16, by its definition.
double Value(std::uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const int fraction = half & 1023;
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

TEST(HalfFloat, EveryHalfIsItself) {
  for (std::uint32_t half = 0; half < 0x10000; ++half) {
    if ((half & 0x7C00) == 0x7C00) continue;
    const auto value = static_cast<float>(Value(static_cast<std::uint16_t>(half)));
    EXPECT_EQ(ToHalf(value), half);
  }
}

TEST(HalfFloat, BetweenTwoTheNearerThenTheEven) {
  for (std::uint16_t half = 0; half < 0x7BFF; ++half) {
    const double low = Value(half), high = Value(static_cast<std::uint16_t>(half + 1));
    const auto middle = static_cast<float>((low + high) / 2);  // exact: one digit more
    const auto even = static_cast<std::uint16_t>((half & 1) == 0 ? half : half + 1);
    EXPECT_EQ(ToHalf(middle), even);
    EXPECT_EQ(ToHalf(std::nextafter(middle, 0.0F)), half);
    EXPECT_EQ(ToHalf(std::nextafter(middle, 1e9F)), half + 1);
    EXPECT_EQ(ToHalf(-middle), 0x8000 | even);
  }
}

TEST(HalfFloat, BeyondTheLargest) {
  EXPECT_EQ(ToHalf(65504.0F), 0x7BFF);
  EXPECT_EQ(ToHalf(std::nextafter(65520.0F, 0.0F)), 0x7BFF);
  EXPECT_EQ(ToHalf(65520.0F), 0x7C00);
  EXPECT_EQ(ToHalf(-1e30F), 0xFC00);
  EXPECT_EQ(ToHalf(std::numeric_limits<float>::infinity()), 0x7C00);
}

}  // namespace
}  // namespace spillway::target::postgres
