#include "data/value_text.h"

#include <fmt/compile.h>

#include <charconv>
#include <cmath>
#include <cstring>

namespace spillway::data {
namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;
constexpr std::int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

char* WriteUnsigned(std::uint64_t value, char* out) {
  return std::to_chars(out, out + 20, value).ptr;
}

char* WriteTwo(std::uint32_t value, char* out) {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
  return out + 2;
}

char* WriteText(std::string_view text, char* out) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

/// Days since the epoch to a date; the algorithm is Howard Hinnant's civil_from_days
/// (https://howardhinnant.github.io/date_algorithms.html).
char* WriteCivilDate(std::int64_t days, char* out) {
  const std::int64_t shifted = days + 719'468;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const auto day_of_era = static_cast<std::uint32_t>(shifted - era * 146'097);
  const std::uint32_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::uint32_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::uint32_t month_from_march = (5 * day_of_year + 2) / 153;
  const std::uint32_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  const std::uint32_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  if (year < 0) *out++ = '-';
  const auto magnitude = static_cast<std::uint64_t>(year < 0 ? -year : year);
  if (magnitude < 10'000) {
    out = WriteTwo(static_cast<std::uint32_t>(magnitude / 100), out);
    out = WriteTwo(static_cast<std::uint32_t>(magnitude % 100), out);
  } else {
    out = WriteUnsigned(magnitude, out);
  }
  *out++ = '-';
  out = WriteTwo(month, out);
  *out++ = '-';
  return WriteTwo(day, out);
}

/// ".ffffff" without trailing zeros, nothing for 0.
char* WriteFraction(std::uint32_t micros, char* out) {
  if (micros == 0) return out;
  *out++ = '.';
  for (std::uint32_t digit = 100'000; micros != 0; digit /= 10) {
    *out++ = static_cast<char>('0' + micros / digit);
    micros %= digit;
  }
  return out;
}

template <typename T>
char* WriteFloating(T value, char* out) {
  if (std::isnan(value)) return WriteText("NaN", out);
  if (std::isinf(value)) return WriteText(value < 0 ? "-Infinity" : "Infinity", out);
  // fmt's shortest digits cost a third of what libstdc++'s do.
  return fmt::format_to(out, FMT_COMPILE("{}"), value);
}

}  // namespace

char* WriteInteger(std::int64_t value, char* out) {
  return std::to_chars(out, out + 20, value).ptr;
}

char* WriteFloat(float value, char* out) { return WriteFloating(value, out); }
char* WriteDouble(double value, char* out) { return WriteFloating(value, out); }

char* WriteDecimal(__int128 unscaled, std::int32_t scale, char* out) {
  if (unscaled < 0) *out++ = '-';
  auto magnitude = static_cast<unsigned __int128>(unscaled);
  if (unscaled < 0) magnitude = -magnitude;
  char digits[40];
  char* const end = digits + sizeof(digits);
  char* begin = end;
  // 19 decimal digits at a time fit 64 bits, whose division is cheap.
  constexpr std::uint64_t kChunk = 10'000'000'000'000'000'000U;
  while (magnitude >= kChunk) {
    auto low = static_cast<std::uint64_t>(magnitude % kChunk);
    magnitude /= kChunk;
    for (int i = 0; i < 19; ++i, low /= 10) *--begin = static_cast<char>('0' + low % 10);
  }
  for (auto rest = static_cast<std::uint64_t>(magnitude); rest != 0; rest /= 10) {
    *--begin = static_cast<char>('0' + rest % 10);
  }
  while (end - begin < scale + 1) *--begin = '0';
  const auto whole = static_cast<std::size_t>(end - begin - scale);
  out = WriteText({begin, whole}, out);
  if (scale == 0) return out;
  *out++ = '.';
  return WriteText({begin + whole, static_cast<std::size_t>(scale)}, out);
}

char* WriteDate(std::int32_t days, char* out) { return WriteCivilDate(days, out); }

char* WriteTimestamp(std::int64_t micros, bool utc, char* out) {
  std::int64_t days = micros / kMicrosPerDay;
  std::int64_t of_day = micros % kMicrosPerDay;
  if (of_day < 0) {
    of_day += kMicrosPerDay;
    --days;
  }
  out = WriteCivilDate(days, out);
  const auto seconds = static_cast<std::uint32_t>(of_day / kMicrosPerSecond);
  *out++ = 'T';
  out = WriteTwo(seconds / 3600, out);
  *out++ = ':';
  out = WriteTwo(seconds / 60 % 60, out);
  *out++ = ':';
  out = WriteTwo(seconds % 60, out);
  out = WriteFraction(static_cast<std::uint32_t>(of_day % kMicrosPerSecond), out);
  if (utc) *out++ = 'Z';
  return out;
}

char* WriteYearMonthInterval(std::int32_t months, char* out) {
  *out++ = 'P';
  if (months / 12 != 0) {
    out = WriteInteger(months / 12, out);
    *out++ = 'Y';
  }
  if (months % 12 != 0 || months == 0) {
    out = WriteInteger(months % 12, out);
    *out++ = 'M';
  }
  return out;
}

char* WriteDayTimeInterval(std::int64_t micros, char* out) {
  *out++ = 'P';
  if (micros / kMicrosPerDay != 0) {
    out = WriteInteger(micros / kMicrosPerDay, out);
    *out++ = 'D';
  }
  const std::int64_t of_day = micros % kMicrosPerDay;
  if (of_day == 0 && micros != 0) return out;
  *out++ = 'T';
  const std::int64_t seconds = of_day / kMicrosPerSecond;
  if (seconds / 3600 != 0) {
    out = WriteInteger(seconds / 3600, out);
    *out++ = 'H';
  }
  if (seconds / 60 % 60 != 0) {
    out = WriteInteger(seconds / 60 % 60, out);
    *out++ = 'M';
  }
  const std::int64_t rest = of_day % (60 * kMicrosPerSecond);
  if (rest != 0 || of_day == 0) {
    if (rest < 0) *out++ = '-';
    const auto magnitude = static_cast<std::uint64_t>(rest < 0 ? -rest : rest);
    out = WriteUnsigned(magnitude / kMicrosPerSecond, out);
    out = WriteFraction(static_cast<std::uint32_t>(magnitude % kMicrosPerSecond), out);
    *out++ = 'S';
  }
  return out;
}

char* WriteBase64(std::string_view bytes, char* out) {
  static constexpr char kAlphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto* in = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t left = bytes.size();
  for (; left >= 3; left -= 3, in += 3) {
    const std::uint32_t group = static_cast<std::uint32_t>(in[0] << 16 | in[1] << 8 | in[2]);
    *out++ = kAlphabet[group >> 18];
    *out++ = kAlphabet[group >> 12 & 63];
    *out++ = kAlphabet[group >> 6 & 63];
    *out++ = kAlphabet[group & 63];
  }
  if (left == 0) return out;
  const std::uint32_t group =
      static_cast<std::uint32_t>(in[0] << 16 | (left == 2 ? in[1] << 8 : 0));
  *out++ = kAlphabet[group >> 18];
  *out++ = kAlphabet[group >> 12 & 63];
  *out++ = left == 2 ? kAlphabet[group >> 6 & 63] : '=';
  *out++ = '=';
  return out;
}

}  // namespace spillway::data
