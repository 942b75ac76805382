#ifndef SPILLWAY_TARGET_POSTGRES_COPY_HALF_FLOAT_H_
#define SPILLWAY_TARGET_POSTGRES_COPY_HALF_FLOAT_H_

#include <bit>
#include <cstdint>

namespace spillway::target::postgres {

/// IEEE 754 binary16 nearest to `value`, ties to even, as pgvector rounds; what lies beyond the
/// largest becomes an infinity (7C00 and the sign). REQUIRES: no NaN.
inline std::uint16_t ToHalf(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000);
  const std::uint32_t magnitude = bits & 0x7FFFFFFF;
  constexpr std::uint32_t kOverflow = 0x47800000;        // 2^16: beyond it all is infinite
  constexpr std::uint32_t kSmallestNormal = 0x38800000;  // 2^-14
  if (magnitude >= kOverflow) return static_cast<std::uint16_t>(sign | 0x7C00);
  if (magnitude < kSmallestNormal) {
    // Adding a half brings the last place of a subnormal half to the last place of a float, which
    // rounds it.
    const float rounded = std::bit_cast<float>(magnitude) + 0.5F;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(rounded) - 0x3F000000));
  }
  const std::uint32_t odd = (magnitude >> 13) & 1;
  const std::uint32_t rebased = magnitude - 0x38000000;  // exponent bias 127 to 15
  return static_cast<std::uint16_t>(sign | ((rebased + 0xFFF + odd) >> 13));
}

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_COPY_HALF_FLOAT_H_
