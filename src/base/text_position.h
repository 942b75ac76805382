#ifndef SPILLWAY_BASE_TEXT_POSITION_H_
#define SPILLWAY_BASE_TEXT_POSITION_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace spillway::base {

/// A place in a text for people: both count from 1, a column is a code point.
struct TextPosition {
  std::size_t line = 1;
  std::size_t column = 1;
  bool operator==(const TextPosition&) const = default;
};

/// The position of a byte; of the end when `byte` is past it.
TextPosition PositionOf(std::string_view text, std::size_t byte);

/// The byte at which `position` is, the end of its line or of the text when it is past it.
std::size_t ByteOf(std::string_view text, TextPosition position);

/// Two lines, each after a line break and indented: the line of `text` that holds `byte`, cut when
/// it is long, control characters as spaces; and carets under `length` bytes from there, at least
/// one, none past the line's end.
std::string MarkedLine(std::string_view text, std::size_t byte, std::size_t length);

}  // namespace spillway::base

#endif  // SPILLWAY_BASE_TEXT_POSITION_H_
