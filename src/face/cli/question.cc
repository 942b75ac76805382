#include "face/cli/question.h"

#include <unistd.h>

#include "face/cli/stoppable_input.h"

namespace spillway::face::cli {

using base::Result;

bool CanAsk(const Session& session) {
  return session.console->err_is_terminal() && isatty(STDIN_FILENO) == 1;
}

Result<std::optional<std::string>> Ask(const Session& session, const std::string& question) {
  session.console->Err(Shown(question) + " ");
  Result<std::optional<std::string>> answer = ReadLine(STDIN_FILENO, session.context.stop);
  // No line break was typed.
  if (!answer.ok() || !*answer) session.console->Err("\n");
  return answer;
}

Result<bool> Confirm(const Session& session, const std::string& question) {
  if (!CanAsk(session)) return false;
  if (session.yes) return true;
  SPILLWAY_ASSIGN(const std::optional<std::string> answer, Ask(session, question + " [y/N]"));
  const std::string word = answer.value_or("");
  return word == "y" || word == "Y" || word == "yes";
}

}  // namespace spillway::face::cli
