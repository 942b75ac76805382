#ifndef SPILLWAY_FACE_CLI_STOPPABLE_INPUT_H_
#define SPILLWAY_FACE_CLI_STOPPABLE_INPUT_H_

#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"

/// Reading what somebody types or another program sends, which may never come. `input` is a file
/// descriptor that nobody else reads from. Blocks until the text is there or `stop` is requested.
/// Errors: CANCELLED, FILE_UNUSABLE.
namespace spillway::face::cli {

/// A line without its break; nullopt at the end of input.
base::Result<std::optional<std::string>> ReadLine(int input, const std::stop_token& stop);

/// Everything up to the end of input.
base::Result<std::string> ReadAll(int input, const std::stop_token& stop);

}  // namespace spillway::face::cli

#endif  // SPILLWAY_FACE_CLI_STOPPABLE_INPUT_H_
