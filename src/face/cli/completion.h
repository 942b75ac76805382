#ifndef SPILLWAY_FACE_CLI_COMPLETION_H_
#define SPILLWAY_FACE_CLI_COMPLETION_H_

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace spillway::face::cli {

enum class Shell { kBash, kZsh, kFish };

/// The hidden command that lists names for the scripts.
inline constexpr std::string_view kKnownNamesCommand = "known-names";

/// A completion script for `shell`, made from the command table itself: commands, flags, values
/// that are one of some words, and names, for which the script asks the program.
std::string CompletionScript(CLI::App* app, Shell shell);

}  // namespace spillway::face::cli

#endif  // SPILLWAY_FACE_CLI_COMPLETION_H_
