#ifndef SPILLWAY_FACE_CLI_QUESTION_H_
#define SPILLWAY_FACE_CLI_QUESTION_H_

#include <optional>
#include <string>

#include "base/result.h"
#include "face/cli/command.h"

/// Questions on the terminal.
namespace spillway::face::cli {

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
