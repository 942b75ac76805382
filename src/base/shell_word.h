#ifndef SPILLWAY_BASE_SHELL_WORD_H_
#define SPILLWAY_BASE_SHELL_WORD_H_

#include <string>
#include <string_view>

namespace spillway::base {

/// `text` as one word of a POSIX shell, for commands that people are told to type: as it is where
/// that reads back, else in single quotes.
std::string ShellWord(std::string_view text);

}  // namespace spillway::base

#endif  // SPILLWAY_BASE_SHELL_WORD_H_
