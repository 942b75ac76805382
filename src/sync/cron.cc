#include "sync/cron.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

#include "base/check.h"

namespace spillway::sync {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                      "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> kDays = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

struct Part {
  std::string_view name;
  int least;
  int most;
  std::span<const std::string_view> words;  // those of the values from `least` on
};
constexpr std::size_t kDayOfMonth = 3;
constexpr std::size_t kDayOfWeek = 5;
constexpr std::array<Part, 7> kParts = {{{"second", 0, 59, {}},
                                         {"minute", 0, 59, {}},
                                         {"hour", 0, 23, {}},
                                         {"day of the month", 1, 31, {}},
                                         {"month", 1, 12, kMonths},
                                         {"day of the week", 1, 7, kDays},
                                         {"year", 1970, 2099, {}}}};
constexpr int kWeeksOfMonth = 5;

std::optional<int> Number(std::string_view text, int least, int most) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size() && text[0] != '-';
  if (!whole || number < least || number > most) return std::nullopt;
  return number;
}

// Whether `text` is one value of the part, as a number or as a word.
bool IsValue(std::string_view text, const Part& part) {
  const auto is_it = [&](std::string_view word) {
    return std::ranges::equal(text, word, [](unsigned char a, char b) {
      return static_cast<char>(std::toupper(a)) == b;
    });
  };
  return Number(text, part.least, part.most) || std::ranges::any_of(part.words, is_it);
}

// L, LW, L-3, 15W.
bool IsSpecialDayOfMonth(std::string_view text) {
  if (text == "L" || text == "LW") return true;
  if (text.starts_with("L-")) return Number(text.substr(2), 1, 30).has_value();
  return text.ends_with('W') && Number(text.substr(0, text.size() - 1), 1, 31);
}

// L, 6L, FRIL, 6#3, FRI#3.
bool IsSpecialDayOfWeek(std::string_view text) {
  const Part& days = kParts[kDayOfWeek];
  if (text == "L") return true;
  if (text.ends_with('L')) return IsValue(text.substr(0, text.size() - 1), days);
  const std::size_t hash = text.find('#');
  return hash != std::string_view::npos && IsValue(text.substr(0, hash), days) &&
         Number(text.substr(hash + 1), 1, kWeeksOfMonth);
}

// One of the things between commas: *, a value, a range, any of them with a step.
bool IsItem(std::string_view text, std::size_t index) {
  const Part& part = kParts[index];
  if (index == kDayOfMonth && IsSpecialDayOfMonth(text)) return true;
  if (index == kDayOfWeek && IsSpecialDayOfWeek(text)) return true;
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    if (!Number(text.substr(slash + 1), 1, part.most)) return false;
    text = text.substr(0, slash);
    if (text.empty()) return true;  // as if * stood there
  }
  if (text == "*") return true;
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return IsValue(text, part);
  return IsValue(text.substr(0, dash), part) && IsValue(text.substr(dash + 1), part);
}

bool IsPart(std::string_view text, std::size_t index) {
  if (text == "?") return index == kDayOfMonth || index == kDayOfWeek;
  for (;;) {
    const std::size_t comma = text.find(',');
    if (!IsItem(text.substr(0, comma), index)) return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

std::string FindWrongInCron(std::span<const std::string_view> parts) {
  SPILLWAY_CHECK(parts.size() == 6 || parts.size() == 7);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (IsPart(parts[i], i)) continue;
    return "the " + std::string(kParts[i].name) + " '" + std::string(parts[i]) +
           "' is not within " + std::to_string(kParts[i].least) + " to " +
           std::to_string(kParts[i].most);
  }
  if ((parts[kDayOfMonth] == "?") == (parts[kDayOfWeek] == "?")) {
    return "one of day of the month and day of the week must be ?, and only one";
  }
  return {};
}

}  // namespace spillway::sync
