#ifndef SPILLWAY_FACE_CLI_COMMAND_LINE_H_
#define SPILLWAY_FACE_CLI_COMMAND_LINE_H_

#include <stop_token>

#include "face/cli/console.h"
#include "state/home.h"

namespace spillway::face::cli {

/// Parses the command line and does what it says; returns the exit code. `stop` ends it early.
int RunCommandLine(int argc, const char* const* argv, const state::Environment& environment,
                   Console* console, std::stop_token stop);

}  // namespace spillway::face::cli

#endif  // SPILLWAY_FACE_CLI_COMMAND_LINE_H_
