#include "face/cli/question.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace spillway::face::cli {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

// A file that becomes readable when a stop is requested.
class StopEvent {
 public:
  explicit StopEvent(const std::stop_token& stop) : on_stop_(stop, Raise{event_.file}) {}
  int file() const { return event_.file; }

 private:
  struct Event {
    const int file = eventfd(0, EFD_CLOEXEC);
    Event() = default;
    ~Event() { close(file); }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
  };
  struct Raise {
    int file;
    void operator()() const { eventfd_write(file, 1); }
  };
  Event event_;
  std::stop_callback<Raise> on_stop_;  // ends before the file is closed
};

}  // namespace

Result<std::optional<std::string>> ReadAnswer(int input, const std::stop_token& stop) {
  const StopEvent stopped(stop);
  std::string answer;
  while (true) {
    std::array<pollfd, 2> ready = {{{input, POLLIN, 0}, {stopped.file(), POLLIN, 0}}};
    const int count = poll(ready.data(), ready.size(), -1);
    if (stop.stop_requested()) {
      return Status(ErrorClass::kCancelled, "interrupted at a question")
          .Mend("Nothing was done; give the command again.");
    }
    if (count < 0 && errno != EINTR) return std::optional<std::string>();
    if (count <= 0 || ready[0].revents == 0) continue;
    char byte = 0;
    if (read(input, &byte, 1) != 1) {
      return answer.empty() ? std::nullopt : std::optional<std::string>(std::move(answer));
    }
    if (byte == '\n') return std::optional<std::string>(std::move(answer));
    answer.push_back(byte);
  }
}

bool CanAsk(const Session& session) {
  return session.console->err_is_terminal() && isatty(STDIN_FILENO) == 1;
}

Result<std::optional<std::string>> Ask(const Session& session, const std::string& question) {
  session.console->Err(Shown(question) + " ");
  Result<std::optional<std::string>> answer = ReadAnswer(STDIN_FILENO, session.context.stop);
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
