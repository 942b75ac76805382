#ifndef SPILLWAY_FACE_CLI_COMPLETION_H_
#define SPILLWAY_FACE_CLI_COMPLETION_H_

#include <string>
#include <string_view>

#include "base/result.h"

namespace CLI {
class App;
}

namespace spillway::face::cli {

/// A completion script for `shell` (bash, zsh or fish), made from the command table itself. Errors:
/// INVALID_ARGUMENT.
base::Result<std::string> CompletionScript(const CLI::App& app, std::string_view shell);

}  // namespace spillway::face::cli

#endif  // SPILLWAY_FACE_CLI_COMPLETION_H_
