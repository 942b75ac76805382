#include "target/postgres/copy/uuid_text.h"

#include <cstdint>

namespace spillway::target::postgres {
namespace {

/// Value of a hexadecimal digit, or -1.
constexpr std::array<std::int8_t, 256> MakeDigits() {
  std::array<std::int8_t, 256> digits{};
  for (auto& digit : digits) digit = -1;
  for (int i = 0; i < 10; ++i)
    digits[static_cast<std::size_t>('0' + i)] = static_cast<std::int8_t>(i);
  for (int i = 0; i < 6; ++i) {
    digits[static_cast<std::size_t>('a' + i)] = static_cast<std::int8_t>(10 + i);
    digits[static_cast<std::size_t>('A' + i)] = static_cast<std::int8_t>(10 + i);
  }
  return digits;
}
constexpr std::array<std::int8_t, 256> kDigits = MakeDigits();

}  // namespace

std::optional<std::array<char, 16>> ParseUuid(std::string_view text) {
  const bool braces = text.starts_with('{');
  if (braces) {
    if (!text.ends_with('}')) return std::nullopt;
    text = text.substr(1, text.size() - 2);
  }
  std::array<char, 16> uuid{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (at + 2 > text.size()) return std::nullopt;
    const int high = kDigits[static_cast<unsigned char>(text[at])];
    const int low = kDigits[static_cast<unsigned char>(text[at + 1])];
    if (high < 0 || low < 0) return std::nullopt;
    uuid[i] = static_cast<char>(high << 4 | low);
    at += 2;
    if (i % 2 == 1 && i + 1 < uuid.size() && at < text.size() && text[at] == '-') ++at;
  }
  if (at != text.size()) return std::nullopt;
  return uuid;
}

}  // namespace spillway::target::postgres
