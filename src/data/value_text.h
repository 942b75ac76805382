#ifndef SPILLWAY_DATA_VALUE_TEXT_H_
#define SPILLWAY_DATA_VALUE_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>

/// The canonical text of scalar values (docs/formats/json.md). Each writer stores at `out`, which
/// must have room for kMaxScalarText bytes, and returns the end; nothing is NUL-terminated. Any
/// thread.
namespace spillway::data {

inline constexpr std::size_t kMaxScalarText = 64;

char* WriteInteger(std::int64_t value, char* out);
/// Shortest text that reads back to the same value of that width; "NaN", "Infinity", "-Infinity".
char* WriteFloat(float value, char* out);
char* WriteDouble(double value, char* out);
/// Exactly `scale` digits after the point. REQUIRES: |unscaled| < 10^38, 0 <= scale <= 38.
char* WriteDecimal(__int128 unscaled, std::int32_t scale, char* out);
/// YYYY-MM-DD of days since 1970-01-01; years beyond 9999 have more digits, years before 0000 a
/// minus (0000 is 1 BC).
char* WriteDate(std::int32_t days, char* out);
/// YYYY-MM-DDTHH:MM:SS of microseconds since the epoch, a fraction without trailing zeros where
/// there is one, and Z when `utc`.
char* WriteTimestamp(std::int64_t micros, bool utc, char* out);
/// ISO 8601 duration of months: P1Y2M, P-1Y-2M, P0M.
char* WriteYearMonthInterval(std::int32_t months, char* out);
/// ISO 8601 duration of microseconds: P1DT2H3M4.5S, PT-0.5S, PT0S.
char* WriteDayTimeInterval(std::int64_t micros, char* out);
/// Bytes that WriteBase64 stores for `size` bytes.
constexpr std::size_t Base64Size(std::size_t size) { return (size + 2) / 3 * 4; }
/// RFC 4648, with padding. `out` has room for Base64Size(bytes.size()).
char* WriteBase64(std::string_view bytes, char* out);

}  // namespace spillway::data

#endif  // SPILLWAY_DATA_VALUE_TEXT_H_
