#include "target/postgres/copy/numeric_wire.h"

#include <algorithm>

#include "base/check.h"

namespace spillway::target::postgres {

unsigned __int128 PowerOfTen(std::int32_t exponent) {
  unsigned __int128 power = 1;
  for (std::int32_t i = 0; i < exponent; ++i) power *= 10;
  return power;
}

NumericFormat NumericFormat::Make(std::int32_t scale, std::int32_t precision,
                                  std::int32_t display_scale) {
  SPILLWAY_CHECK(scale >= 0 && scale <= 38 && display_scale >= scale);
  NumericFormat format;
  format.scale = scale;
  format.display_scale = display_scale;
  // Digits that an unscaled value may have: those before the target's point, and `scale` behind it.
  const std::int32_t digits = precision - display_scale + scale;
  if (precision > 0 && digits <= 38) format.limit = PowerOfTen(digits);
  constexpr std::uint64_t kShort[4] = {10000000000000000, 10000000000000, 100000000000000,
                                       1000000000000000};
  format.short_limit = kShort[scale & 3];
  if (format.limit != 0 && format.limit < format.short_limit) {
    format.short_limit = static_cast<std::uint64_t>(format.limit);
  }
  return format;
}

namespace {

/// Divides `*value` and returns the remainder, with one division.
std::uint64_t TakeRemainder(std::uint64_t divisor, unsigned __int128* value) {
  if (*value >> 64 == 0) {
    const auto narrow = static_cast<std::uint64_t>(*value);
    *value = narrow / divisor;
    return narrow % divisor;
  }
  const unsigned __int128 quotient = *value / divisor;
  const auto remainder = static_cast<std::uint64_t>(*value - quotient * divisor);
  *value = quotient;
  return remainder;
}

}  // namespace

std::size_t WriteLongNumeric(__int128 unscaled, const NumericFormat& format, char* out, bool* bad) {
  if (!NumericFits(unscaled, format)) *bad = true;
  const bool negative = unscaled < 0;
  unsigned __int128 rest = static_cast<unsigned __int128>(unscaled);
  if (negative) rest = 0 - rest;
  // Least significant digit first.
  std::uint16_t digits[12];
  int count = 0;
  constexpr std::uint64_t kPowers[4] = {1, 10, 100, 1000};
  const auto odd = static_cast<std::size_t>(format.scale & 3);
  if (odd != 0) {
    // The last digit holds fewer than four decimal places: it is filled up with zeros.
    digits[count++] =
        static_cast<std::uint16_t>(TakeRemainder(kPowers[odd], &rest) * (10000 / kPowers[odd]));
  }
  while (rest > 0) {
    std::uint64_t chunk = TakeRemainder(10000000000000000, &rest);  // four digits
    for (int i = 0; i < 4 && (chunk > 0 || rest > 0); ++i) {
      digits[count++] = static_cast<std::uint16_t>(chunk % 10000);
      chunk /= 10000;
    }
  }
  const int fraction_digits = (format.scale + 3) / 4;
  while (count > 0 && digits[count - 1] == 0) --count;
  int lowest = 0;
  while (lowest < count && digits[lowest] == 0) ++lowest;
  const int kept = count - lowest;
  StoreBig16(out, static_cast<std::uint16_t>(kept));
  StoreBig16(out + 2, static_cast<std::uint16_t>(kept == 0 ? 0 : count - 1 - fraction_digits));
  StoreBig16(out + 4, negative && kept > 0 ? 0x4000 : 0);
  StoreBig16(out + 6, static_cast<std::uint16_t>(format.display_scale));
  char* at = out + 8;
  for (int i = count - 1; i >= lowest; --i, at += 2) StoreBig16(at, digits[i]);
  return static_cast<std::size_t>(at - out);
}

}  // namespace spillway::target::postgres
