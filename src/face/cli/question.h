#ifndef SPILLWAY_FACE_CLI_QUESTION_H_
#define SPILLWAY_FACE_CLI_QUESTION_H_

#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "face/cli/command.h"

/// Questions on the terminal.
namespace spillway::face::cli {

/// A line of the file descriptor `input` without its break; nullopt at its end. Blocks until the
/// line is there or `stop` is requested. Errors: CANCELLED.
base::Result<std::optional<std::string>> ReadAnswer(int input, const std::stop_token& stop);

/// Whether somebody is there to answer: stdin and stderr are terminals.
bool CanAsk(const Session& session);

/// Asks and returns the answer's line; nullopt at the end of input. REQUIRES: CanAsk. Errors:
/// CANCELLED.
base::Result<std::optional<std::string>> Ask(const Session& session, const std::string& question);

/// Asks for yes or no; anything but "y" and "yes" is no, as it is when nobody can be asked. Where
/// somebody can, --yes answers instead. Errors: CANCELLED.
base::Result<bool> Confirm(const Session& session, const std::string& question);

}  // namespace spillway::face::cli

#endif  // SPILLWAY_FACE_CLI_QUESTION_H_
