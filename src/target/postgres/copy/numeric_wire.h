#ifndef SPILLWAY_TARGET_POSTGRES_COPY_NUMERIC_WIRE_H_
#define SPILLWAY_TARGET_POSTGRES_COPY_NUMERIC_WIRE_H_

#include <cstddef>
#include <cstdint>

#include "target/postgres/copy/wire_bytes.h"

/// The binary form of type numeric, as the server's numeric_send writes it: int16 count of digits,
/// weight, sign, display scale, then base-10000 digits aligned at the decimal point, without zero
/// digits at either end.
namespace spillway::target::postgres {

/// Bytes that a WriteNumeric may touch, beyond what it returns included: 8 and at most 11 digits.
inline constexpr std::size_t kNumericRoom = 32;

/// How a column's numerics are written.
struct NumericFormat {
  std::int32_t scale = 0;          ///< decimal places of the unscaled values: 0 to 38
  std::int32_t display_scale = 0;  ///< of the target: at least `scale`
  /// Values of this magnitude and beyond do not fit the target; 0: all fit.
  unsigned __int128 limit = 0;
  /// Derived: below it the short way works, and the value fits.
  std::uint64_t short_limit = 0;

  /// REQUIRES: 0 <= scale <= 38, scale <= display_scale. `precision` is the target's, 0:
  /// unconstrained.
  static NumericFormat Make(std::int32_t scale, std::int32_t precision, std::int32_t display_scale);
};

/// 10^exponent. REQUIRES: 0 <= exponent <= 38.
unsigned __int128 PowerOfTen(std::int32_t exponent);

/// Whether the value has no more digits than the target.
inline bool NumericFits(__int128 unscaled, const NumericFormat& format) {
  if (format.limit == 0) return true;
  const auto bits = static_cast<unsigned __int128>(unscaled);
  return (unscaled < 0 ? 0 - bits : bits) < format.limit;
}

/// WriteNumeric for any value.
std::size_t WriteLongNumeric(__int128 unscaled, const NumericFormat& format, char* out, bool* bad);

/// Writes the form at `out`, which has room for kNumericRoom bytes, and returns its length. Sets
/// `*bad` when the value does not fit.
[[gnu::always_inline]] inline std::size_t WriteNumeric(__int128 unscaled,
                                                       const NumericFormat& format, char* out,
                                                       bool* bad) {
  const auto low = static_cast<std::int64_t>(unscaled);
  const std::uint64_t magnitude =
      low < 0 ? 0 - static_cast<std::uint64_t>(low) : static_cast<std::uint64_t>(low);
  if (unscaled != low || magnitude >= format.short_limit) [[unlikely]] {
    return WriteLongNumeric(unscaled, format, out, bad);
  }
  // Four digits of base 10000 side by side in a word, most significant first; zero digits at its
  // ends are counted away.
  constexpr std::uint64_t kAlign[4] = {1, 1000, 100, 10};
  const std::uint64_t aligned = magnitude * kAlign[format.scale & 3];
  const std::uint64_t high = aligned / 100000000, rest = aligned - high * 100000000;
  const std::uint64_t d0 = high / 10000, d1 = high - d0 * 10000;
  const std::uint64_t d2 = rest / 10000, d3 = rest - d2 * 10000;
  const std::uint64_t digits = (d0 << 48) | (d1 << 32) | (d2 << 16) | d3;
  const auto display_scale = static_cast<std::uint64_t>(format.display_scale);
  if (digits == 0) {
    StoreBig64(out, display_scale);
    return 8;
  }
  const auto leading = static_cast<unsigned>(__builtin_clzll(digits)) >> 4;
  const auto trailing = static_cast<unsigned>(__builtin_ctzll(digits)) >> 4;
  const unsigned count = 4 - leading - trailing;
  const int weight = 3 - static_cast<int>(leading) - ((format.scale + 3) >> 2);
  const std::uint64_t sign = low < 0 ? 0x4000 : 0;
  StoreBig64(out, (static_cast<std::uint64_t>(count) << 48) |
                      (static_cast<std::uint64_t>(static_cast<std::uint16_t>(weight)) << 32) |
                      (sign << 16) | display_scale);
  StoreBig64(out + 8, digits << (leading * 16));
  return 8 + 2 * count;
}

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_COPY_NUMERIC_WIRE_H_
