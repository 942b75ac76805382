#ifndef SPILLWAY_DATA_UTF8_H_
#define SPILLWAY_DATA_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace spillway::data {

/// Length of the well-formed UTF-8 sequence (Unicode, table 3-7) at `at`, or 0 when there is none.
/// REQUIRES: at < end.
inline std::size_t Utf8SequenceLength(const unsigned char* at, const unsigned char* end) {
  const unsigned char lead = *at;
  const auto tail = [&](std::size_t i, unsigned char low, unsigned char high) {
    return at + i < end && at[i] >= low && at[i] <= high;
  };
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1, 0x80, 0xBF) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned char low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned char high = lead == 0xED ? 0x9F : 0xBF;
    return tail(1, low, high) && tail(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned char low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned char high = lead == 0xF4 ? 0x8F : 0xBF;
    return tail(1, low, high) && tail(2, 0x80, 0xBF) && tail(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

/// Number of leading bytes of `text` that are well-formed UTF-8 without a NUL; text.size() when all
/// are.
inline std::size_t TextPrefix(std::string_view text) {
  const auto* begin = reinterpret_cast<const unsigned char*>(text.data());
  const auto* end = begin + text.size();
  const auto* at = begin;
  while (at < end) {
    // Eight bytes at once while they are ASCII and none is zero.
    while (end - at >= 8) {
      std::uint64_t word;
      std::memcpy(&word, at, 8);
      constexpr std::uint64_t kHigh = 0x8080808080808080, kOnes = 0x0101010101010101;
      if (((word | (word - kOnes)) & kHigh) != 0) break;
      at += 8;
    }
    if (at == end) break;
    const std::size_t length = *at == 0 ? 0 : Utf8SequenceLength(at, end);
    if (length == 0) return static_cast<std::size_t>(at - begin);
    at += length;
  }
  return text.size();
}

}  // namespace spillway::data

#endif  // SPILLWAY_DATA_UTF8_H_
