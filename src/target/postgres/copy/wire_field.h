#ifndef SPILLWAY_TARGET_POSTGRES_COPY_WIRE_FIELD_H_
#define SPILLWAY_TARGET_POSTGRES_COPY_WIRE_FIELD_H_

#include <cstdint>
#include <cstring>

#include "target/postgres/copy/numeric_wire.h"
#include "target/postgres/copy/wire_bytes.h"

/// The innermost loop of encoding: some rows of a column, reduced to a few plain layouts, and one
/// value of them written as a COPY field (length word and bytes). Everything here is inline; what a
/// column needs beyond it is done before, for many rows at once, by its ColumnEncoder.
namespace spillway::target::postgres {

/// Layout of a column's values. The kinds with OrNull have a validity bitmap.
enum class WireKind : std::uint8_t {
  kBool,     ///< bitmap
  kTwo,      ///< 2-byte integers
  kFour,     ///< 4-byte integers
  kEight,    ///< 8-byte integers
  kReal,     ///< IEEE 754 of 4 bytes
  kDouble,   ///< IEEE 754 of 8 bytes
  kNumeric,  ///< 16-byte integers, written as numeric
  kBytes,    ///< offsets into bytes, copied
  kBoolOrNull,
  kTwoOrNull,
  kFourOrNull,
  kEightOrNull,
  kRealOrNull,
  kDoubleOrNull,
  kNumericOrNull,
  kBytesOrNull,
};

/// The kind with a bitmap that belongs to `kind`. REQUIRES: one without.
constexpr WireKind OrNull(WireKind kind) {
  return static_cast<WireKind>(static_cast<std::uint8_t>(kind) + 8);
}
static_assert(OrNull(WireKind::kBytes) == WireKind::kBytesOrNull);

/// Some rows of a column, ready to be written; row 0 is the first of them. Points into the batch or
/// the column's encoder.
struct WireField {
  WireKind kind = WireKind::kTwo;
  const void* values = nullptr;            ///< of row 0, or the bytes that `offsets` point into
  const std::int32_t* offsets = nullptr;   ///< kBytes: rows + 1 of them
  std::int32_t readable_end = 0;           ///< kBytes: bytes below this offset can be read
  std::int64_t values_bit = 0;             ///< kBool: bit of row 0
  const std::uint8_t* validity = nullptr;  ///< OrNull: the bitmap
  std::int64_t validity_bit = 0;           ///< bit of row 0 in it
  NumericFormat numeric;                   ///< kNumeric
  std::int64_t payload_bound =
      0;  ///< all rows together need no more bytes than this, without length words
};

/// Bytes behind a field's end that WriteField may touch: callers have that much more room, and
/// write it over.
inline constexpr std::size_t kWireSlack = 32;

inline bool TestBit(const void* bits, std::int64_t index) {
  return ((static_cast<const std::uint8_t*>(bits)[index >> 3] >> (index & 7)) & 1) != 0;
}

template <typename T>
inline T LoadValue(const void* values, std::int64_t row) {
  T value;
  std::memcpy(&value, static_cast<const char*>(values) + row * static_cast<std::int64_t>(sizeof(T)),
              sizeof(T));
  return value;
}

/// Writes the field of `row` at `out` and returns its end. Sets `*bad` when a numeric does not fit.
[[gnu::always_inline]] inline char* WriteField(const WireField& field, std::int64_t row, char* out,
                                               bool* bad) {
  const auto null = [&] {
    StoreBig32(out, kNullLength);
    return out + 4;
  };
  const auto is_null = [&] { return !TestBit(field.validity, field.validity_bit + row); };
  switch (field.kind) {
    case WireKind::kBoolOrNull:
      if (is_null()) return null();
      [[fallthrough]];
    case WireKind::kBool:
      StoreBig32(out, 1);
      out[4] = TestBit(field.values, field.values_bit + row) ? 1 : 0;
      return out + 5;
    case WireKind::kTwoOrNull:
      if (is_null()) return null();
      [[fallthrough]];
    case WireKind::kTwo:
      StoreBig32(out, 2);
      StoreBig16(out + 4, LoadValue<std::uint16_t>(field.values, row));
      return out + 6;
    case WireKind::kFourOrNull:
      if (is_null()) return null();
      [[fallthrough]];
    case WireKind::kFour:
      StoreBig64(out, (std::uint64_t{4} << 32) | LoadValue<std::uint32_t>(field.values, row));
      return out + 8;
    case WireKind::kEightOrNull:
      if (is_null()) return null();
      [[fallthrough]];
    case WireKind::kEight:
      StoreBig32(out, 8);
      StoreBig64(out + 4, LoadValue<std::uint64_t>(field.values, row));
      return out + 12;
    case WireKind::kRealOrNull:
      if (is_null()) return null();
      [[fallthrough]];
    case WireKind::kReal: {
      // Every NaN is the server's own one, so that equal values have equal bytes.
      const auto bits = LoadValue<std::uint32_t>(field.values, row);
      const bool nan = (bits & 0x7FFFFFFF) > 0x7F800000;
      StoreBig64(out, (std::uint64_t{4} << 32) | (nan ? 0x7FC00000 : bits));
      return out + 8;
    }
    case WireKind::kDoubleOrNull:
      if (is_null()) return null();
      [[fallthrough]];
    case WireKind::kDouble: {
      const auto bits = LoadValue<std::uint64_t>(field.values, row);
      const bool nan = (bits & 0x7FFFFFFFFFFFFFFF) > 0x7FF0000000000000;
      StoreBig32(out, 8);
      StoreBig64(out + 4, nan ? 0x7FF8000000000000 : bits);
      return out + 12;
    }
    case WireKind::kNumericOrNull:
      if (is_null()) return null();
      [[fallthrough]];
    case WireKind::kNumeric: {
      const std::size_t length =
          WriteNumeric(LoadValue<__int128>(field.values, row), field.numeric, out + 4, bad);
      StoreBig32(out, static_cast<std::uint32_t>(length));
      return out + 4 + length;
    }
    case WireKind::kBytesOrNull:
      if (is_null()) return null();
      [[fallthrough]];
    case WireKind::kBytes: {
      const std::int32_t begin = field.offsets[row];
      const auto length = static_cast<std::uint32_t>(field.offsets[row + 1] - begin);
      const char* const from = static_cast<const char*>(field.values) + begin;
      StoreBig32(out, length);
      // A short value is copied as 16 bytes whatever its length: what is too many is written over.
      if (length <= 16 && field.readable_end - begin >= 16) [[likely]] {
        std::memcpy(out + 4, from, 16);
      } else if (length > 0) {
        std::memcpy(out + 4, from, length);
      }
      return out + 4 + length;
    }
  }
  return out;
}

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_COPY_WIRE_FIELD_H_
