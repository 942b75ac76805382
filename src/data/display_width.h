#ifndef SPILLWAY_DATA_DISPLAY_WIDTH_H_
#define SPILLWAY_DATA_DISPLAY_WIDTH_H_

#include <string>
#include <string_view>

/// How much room a text takes on a terminal. Any thread.
namespace spillway::data {

/// Terminal columns of one code point: 0 for combining marks and other invisible ones, 2 for East
/// Asian wide and full-width ones and emoji (Unicode 15, EastAsianWidth), else 1.
int CodePointWidth(char32_t code_point);

/// Terminal columns of `text`; each byte that is not part of valid UTF-8 counts as one.
int DisplayWidth(std::string_view text);

/// `text` on one line: control characters as escapes (\n, \t, \x1b), invalid bytes as U+FFFD, and
/// cut to `width` columns with … at the end when it is longer. REQUIRES: width >= 1.
std::string FitToWidth(std::string_view text, int width);

}  // namespace spillway::data

#endif  // SPILLWAY_DATA_DISPLAY_WIDTH_H_
