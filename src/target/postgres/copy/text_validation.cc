#include "target/postgres/copy/text_validation.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace spillway::target::postgres {
namespace {

typedef unsigned char Bytes __attribute__((vector_size(16)));
typedef signed char Mask __attribute__((vector_size(16)));  // of each byte: 0 or -1
constexpr std::size_t kWidth = sizeof(Bytes);
constexpr std::size_t kBefore = 3;  ///< bytes that a byte's rightness depends on

Bytes Load(const char* at) {
  Bytes bytes;
  std::memcpy(&bytes, at, kWidth);
  return bytes;
}

bool AnyHighBit(Bytes bytes) {
  std::uint64_t halves[2];
  std::memcpy(halves, &bytes, kWidth);
  return ((halves[0] | halves[1]) & 0x8080808080808080) != 0;
}

/// Bytes at the start of [bytes, bytes + size) that are ASCII and not NUL, in whole steps: at least
/// 0.
std::size_t AsciiPrefix(const char* bytes, std::size_t size) {
  constexpr std::size_t kStep = 8 * kWidth;
  std::size_t at = 0;
  for (; at + kStep <= size; at += kStep) {
    // Of a byte b, one of b and b - 1 has the high bit set exactly when b is NUL or not ASCII.
    Bytes found{};
    for (std::size_t i = 0; i < kStep; i += kWidth) {
      const Bytes b = Load(bytes + at + i);
      found |= b | (b - 1);
    }
    if (AnyHighBit(found)) return at;
  }
  unsigned char rest = 0;
  for (std::size_t i = at; i < size; ++i) {
    const auto b = static_cast<unsigned char>(bytes[i]);
    rest = static_cast<unsigned char>(rest | b | (b - 1));
  }
  return (rest & 0x80) == 0 ? size : at;
}

/// What is wrong with the sixteen bytes at `at`, given the three before them: a byte is not 0 where
/// something is.
Mask Faults(const char* at) {
  const Bytes b = Load(at), p1 = Load(at - 1), p2 = Load(at - 2), p3 = Load(at - 3);
  const Mask continuation = (b & 0xC0) == 0x80;
  const Mask expected = (p1 >= 0xC0) | (p2 >= 0xE0) | (p3 >= 0xF0);
  // Bytes that never occur: overlong leads, leads beyond U+10FFFF, NUL.
  const Mask never = ((b & 0xFE) == 0xC0) | (b >= 0xF5) | (b == 0);
  // Second bytes: no overlong form, no surrogate, nothing beyond U+10FFFF.
  const Mask second = ((p1 == 0xE0) & (b < 0xA0)) | ((p1 == 0xED) & (b > 0x9F)) |
                      ((p1 == 0xF0) & (b < 0x90)) | ((p1 == 0xF4) & (b > 0x8F));
  return (continuation ^ expected) | never | second;
}

bool IsZero(Mask mask) {
  std::uint64_t halves[2];
  std::memcpy(halves, &mask, kWidth);
  return (halves[0] | halves[1]) == 0;
}

}  // namespace

bool IsPlainUtf8(const char* bytes, std::size_t size) {
  const std::size_t ascii = AsciiPrefix(bytes, size);
  if (ascii == size) return true;
  bytes += ascii;
  size -= ascii;
  // The first bytes have nothing before them, the last need something behind: both go through a
  // copy between letters.
  char edge[kBefore + 2 * kWidth];
  std::memset(edge, 'a', sizeof(edge));
  const std::size_t head = std::min(size, kWidth);
  std::memcpy(edge + kBefore, bytes, head);
  Mask faults = Faults(edge + kBefore);
  std::size_t at = head;
  for (; at + kWidth <= size; at += kWidth) faults |= Faults(bytes + at);
  if (size > kWidth) {
    std::memset(edge, 'a', sizeof(edge));
    std::memcpy(edge, bytes + at - kBefore, size - at + kBefore);
    faults |= Faults(edge + kBefore);
  }
  // A sequence cut off at the end lacks a continuation in the letters behind it.
  faults |= Faults(edge + kBefore + kWidth);
  return IsZero(faults);
}

}  // namespace spillway::target::postgres
