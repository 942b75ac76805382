#ifndef SPILLWAY_DATA_VALUE_PARSE_H_
#define SPILLWAY_DATA_VALUE_PARSE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Scalar values from text, exactly or not at all: nothing is rounded, clipped or guessed. Each
/// takes the whole text and gives nothing when it is no such value. Any thread.
namespace spillway::data {

/// A decimal integer with an optional sign, within 64 bits.
std::optional<std::int64_t> ParseInteger(std::string_view text);
/// Digits with an optional sign, point and exponent; NaN, Infinity, -Infinity (any case). Rounded
/// to the nearest value of the width, as every reader of such text does; a finite text beyond the
/// range gives nothing.
std::optional<float> ParseFloat(std::string_view text);
std::optional<double> ParseDouble(std::string_view text);
/// Unscaled value at `scale` of digits with an optional sign, point and exponent. Nothing when a
/// digit other than 0 would be lost or more than `precision` digits are needed.
std::optional<__int128> ParseDecimal(std::string_view text, std::int32_t precision,
                                     std::int32_t scale);
/// Days since 1970-01-01 of [-]YYYY-MM-DD, with up to seven digits of year, proleptic Gregorian.
std::optional<std::int32_t> ParseDate(std::string_view text);

struct ParsedTimestamp {
  std::int64_t micros = 0;  ///< since 1970-01-01 00:00:00 of the zone given, or of an unnamed one
  bool has_zone = false;    ///< then micros are UTC
};
/// DATE, or DATE(T or space)HH:MM[:SS[.ffffff]] with an optional zone: Z, UTC, ±HH, ±HH:MM, ±HHMM.
/// More than six digits of fraction only when the rest are 0.
std::optional<ParsedTimestamp> ParseTimestamp(std::string_view text);

/// Bytes of an even number of hexadecimal digits.
std::optional<std::string> ParseHex(std::string_view text);

}  // namespace spillway::data

#endif  // SPILLWAY_DATA_VALUE_PARSE_H_
