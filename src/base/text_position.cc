#include "base/text_position.h"

#include <algorithm>

namespace spillway::base {
namespace {

// Code points shown of a long line before and after the mark.
constexpr std::size_t kBefore = 60;
constexpr std::size_t kAfter = 60;

bool BeginsCodePoint(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

std::size_t CodePoints(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, BeginsCodePoint));
}

// The byte `count` code points after `begin`, at most `end`.
std::size_t Forward(std::string_view text, std::size_t begin, std::size_t end, std::size_t count) {
  std::size_t at = begin;
  while (at < end && count > 0) {
    ++at;
    while (at < end && !BeginsCodePoint(text[at])) ++at;
    --count;
  }
  return at;
}

std::size_t LineBegin(std::string_view text, std::size_t byte) {
  const std::size_t before = byte == 0 ? std::string_view::npos : text.rfind('\n', byte - 1);
  return before == std::string_view::npos ? 0 : before + 1;
}

std::size_t LineEnd(std::string_view text, std::size_t byte) {
  std::size_t end = std::min(text.find('\n', byte), text.size());
  if (end > byte && text[end - 1] == '\r') --end;
  return end;
}

}  // namespace

TextPosition PositionOf(std::string_view text, std::size_t byte) {
  byte = std::min(byte, text.size());
  const std::string_view before = text.substr(0, byte);
  const std::size_t begin = LineBegin(text, byte);
  return {static_cast<std::size_t>(std::ranges::count(before, '\n')) + 1,
          CodePoints(before.substr(begin)) + 1};
}

std::size_t ByteOf(std::string_view text, TextPosition position) {
  std::size_t begin = 0;
  for (std::size_t line = 1; line < position.line; ++line) {
    const std::size_t next = text.find('\n', begin);
    if (next == std::string_view::npos) return text.size();
    begin = next + 1;
  }
  return Forward(text, begin, LineEnd(text, begin), position.column - 1);
}

std::string MarkedLine(std::string_view text, std::size_t byte, std::size_t length) {
  byte = std::min(byte, text.size());
  std::size_t begin = LineBegin(text, byte);
  const std::size_t line_end = LineEnd(text, byte);
  const bool cut_before = CodePoints(text.substr(begin, byte - begin)) > kBefore;
  if (cut_before) {
    const std::size_t skipped = CodePoints(text.substr(begin, byte - begin)) - kBefore;
    begin = Forward(text, begin, byte, skipped);
  }
  const std::size_t end = Forward(text, byte, line_end, kAfter);
  std::string shown(text.substr(begin, std::max(end, byte) - begin));
  std::ranges::replace_if(shown, [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  const std::size_t marked_end = std::min(std::max(end, byte), byte + std::min(length, end - byte));
  const std::size_t carets =
      std::max<std::size_t>(1, CodePoints(text.substr(byte, marked_end - byte)));
  const std::string dots = cut_before ? "…" : "";
  return "\n  " + dots + shown + (end < line_end ? "…" : "") + "\n  " +
         std::string(CodePoints(text.substr(begin, byte - begin)) + (cut_before ? 1 : 0), ' ') +
         std::string(carets, '^');
}

}  // namespace spillway::base
