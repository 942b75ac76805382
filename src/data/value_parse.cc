#include "data/value_parse.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace spillway::data {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// Takes between `least` and `most` digits off the front of `text`.
std::optional<std::int64_t> TakeDigits(std::string_view* text, std::size_t least,
                                       std::size_t most) {
  std::size_t count = 0;
  std::int64_t value = 0;
  while (count < most && count < text->size() && IsDigit((*text)[count])) {
    value = value * 10 + ((*text)[count] - '0');
    ++count;
  }
  if (count < least) return std::nullopt;
  text->remove_prefix(count);
  return value;
}

bool Take(std::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() &&
         std::equal(a.begin(), a.end(), lower.begin(), [](char x, char y) {
           return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) == y;
         });
}

std::int64_t DaysInMonth(std::int64_t year, std::int64_t month) {
  constexpr std::int64_t kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

/// Days since the epoch; the algorithm is Howard Hinnant's days_from_civil
/// (https://howardhinnant.github.io/date_algorithms.html).
std::int64_t DaysFromCivil(std::int64_t year, std::int64_t month, std::int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const std::int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

std::optional<std::int64_t> TakeDate(std::string_view* text) {
  const bool negative = Take(text, '-');
  const auto year = TakeDigits(text, 4, 7);
  if (!year || !Take(text, '-')) return std::nullopt;
  const auto month = TakeDigits(text, 2, 2);
  if (!month || !Take(text, '-')) return std::nullopt;
  const auto day = TakeDigits(text, 2, 2);
  const std::int64_t signed_year = negative ? -*year : *year;
  if (!day || *month < 1 || *month > 12 || *day < 1 || *day > DaysInMonth(signed_year, *month)) {
    return std::nullopt;
  }
  return DaysFromCivil(signed_year, *month, *day);
}

/// Microseconds of HH:MM[:SS[.f…]].
std::optional<std::int64_t> TakeTimeOfDay(std::string_view* text) {
  const auto hour = TakeDigits(text, 2, 2);
  if (!hour || *hour > 23 || !Take(text, ':')) return std::nullopt;
  const auto minute = TakeDigits(text, 2, 2);
  if (!minute || *minute > 59) return std::nullopt;
  std::int64_t micros = (*hour * 60 + *minute) * 60'000'000;
  if (!Take(text, ':')) return micros;
  const auto second = TakeDigits(text, 2, 2);
  if (!second || *second > 59) return std::nullopt;
  micros += *second * 1'000'000;
  if (!Take(text, '.')) return micros;
  if (text->empty() || !IsDigit(text->front())) return std::nullopt;
  for (std::int64_t unit = 100'000; !text->empty() && IsDigit(text->front());
       unit /= 10, text->remove_prefix(1)) {
    if (unit == 0 && text->front() != '0') return std::nullopt;
    micros += unit * (text->front() - '0');
  }
  return micros;
}

/// Offset of a zone from UTC in microseconds.
std::optional<std::int64_t> ParseZone(std::string_view text) {
  if (text == "Z" || text == "z" || EqualsIgnoringCase(text, "utc")) return 0;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const bool negative = text.front() == '-';
  text.remove_prefix(1);
  const auto hours = TakeDigits(&text, 2, 2);
  if (!hours || *hours > 18) return std::nullopt;
  std::int64_t minutes = 0;
  if (!text.empty()) {
    Take(&text, ':');
    const auto part = TakeDigits(&text, 2, 2);
    if (!part || *part > 59 || !text.empty()) return std::nullopt;
    minutes = *part;
  }
  const std::int64_t offset = (*hours * 60 + minutes) * 60'000'000;
  return negative ? -offset : offset;
}

template <typename T>
std::optional<T> ParseFloating(std::string_view text) {
  if (EqualsIgnoringCase(text, "nan")) return std::numeric_limits<T>::quiet_NaN();
  if (EqualsIgnoringCase(text, "infinity")) return std::numeric_limits<T>::infinity();
  if (EqualsIgnoringCase(text, "-infinity")) return -std::numeric_limits<T>::infinity();
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  // from_chars knows inf and nan by more names.
  if (text.find_first_not_of("0123456789+-.eE") != std::string_view::npos) return std::nullopt;
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || text.empty()) return std::nullopt;
  if (error == std::errc()) return value;
  // Out of range: too small is the nearest value, zero; too large has none. libstdc++ does not say
  // which it was.
  if (error != std::errc::result_out_of_range) return std::nullopt;
  const bool negative = text.starts_with('-');
  const std::size_t exponent = text.find_first_of("eE");
  const std::string_view mantissa = text.substr(negative, exponent - (negative ? 1 : 0));
  const std::size_t first = mantissa.find_first_of("123456789");
  if (first == std::string_view::npos) return negative ? -T{} : T{};
  std::int64_t power = 0;
  if (exponent != std::string_view::npos) {
    const auto parsed = ParseInteger(text.substr(exponent + 1));
    if (!parsed) {
      return text[exponent + 1] == '-' ? std::optional<T>(negative ? -T{} : T{}) : std::nullopt;
    }
    power = *parsed;
  }
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  const auto magnitude = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);
  if (power > 1'000'000 || power + magnitude > 0) return std::nullopt;
  return negative ? -T{} : T{};
}

}  // namespace

std::optional<std::int64_t> ParseInteger(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<float> ParseFloat(std::string_view text) { return ParseFloating<float>(text); }
std::optional<double> ParseDouble(std::string_view text) { return ParseFloating<double>(text); }

std::optional<__int128> ParseDecimal(std::string_view text, std::int32_t precision,
                                     std::int32_t scale) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  std::int64_t exponent = 0;
  if (const std::size_t e = text.find_first_of("eE"); e != std::string_view::npos) {
    const auto parsed = ParseInteger(text.substr(e + 1));
    if (!parsed || *parsed > 1'000'000 || *parsed < -1'000'000) return std::nullopt;
    exponent = *parsed;
    text = text.substr(0, e);
  }
  const std::size_t point = std::min(text.find('.'), text.size());
  std::string digits(text.substr(0, point));
  if (point < text.size()) {
    digits.append(text.substr(point + 1));
    exponent -= static_cast<std::int64_t>(text.size() - point - 1);
  }
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), IsDigit)) return std::nullopt;
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  // The value is digits * 10^exponent; it is wanted as an integer times 10^-scale.
  std::int64_t shift = exponent + scale;
  while (!digits.empty() && digits.back() == '0' && shift < 0) {
    digits.pop_back();
    ++shift;
  }
  if (digits.empty()) return 0;
  if (shift < 0 || static_cast<std::int64_t>(digits.size()) + shift > precision) {
    return std::nullopt;
  }
  digits.append(static_cast<std::size_t>(shift), '0');
  __int128 value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return negative ? -value : value;
}

std::optional<std::int32_t> ParseDate(std::string_view text) {
  const auto days = TakeDate(&text);
  if (!days || !text.empty() || *days < std::numeric_limits<std::int32_t>::min() ||
      *days > std::numeric_limits<std::int32_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::int32_t>(*days);
}

std::optional<ParsedTimestamp> ParseTimestamp(std::string_view text) {
  const auto days = TakeDate(&text);
  if (!days) return std::nullopt;
  std::int64_t of_day = 0;
  if (!text.empty() && (text.front() == 'T' || text.front() == ' ') && text.size() > 1 &&
      IsDigit(text[1])) {
    text.remove_prefix(1);
    const auto time = TakeTimeOfDay(&text);
    if (!time) return std::nullopt;
    of_day = *time;
  }
  ParsedTimestamp parsed;
  if (!text.empty()) {
    if (text.front() == ' ') text.remove_prefix(1);
    const auto offset = ParseZone(text);
    if (!offset) return std::nullopt;
    of_day -= *offset;
    parsed.has_zone = true;
  }
  constexpr std::int64_t kMicrosPerDay = 86'400'000'000;
  if (__builtin_mul_overflow(*days, kMicrosPerDay, &parsed.micros) ||
      __builtin_add_overflow(parsed.micros, of_day, &parsed.micros)) {
    return std::nullopt;
  }
  return parsed;
}

std::optional<std::string> ParseHex(std::string_view text) {
  const auto digit = [](char c) -> int {
    if (IsDigit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

}  // namespace spillway::data
