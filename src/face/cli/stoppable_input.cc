#include "face/cli/stoppable_input.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

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

// Reads up to `size` bytes when there are some; 0 at the end of input.
Result<std::size_t> Read(int input, const std::stop_token& stop, const StopEvent& stopped,
                         char* bytes, std::size_t size) {
  while (true) {
    std::array<pollfd, 2> ready = {{{input, POLLIN, 0}, {stopped.file(), POLLIN, 0}}};
    const int count = poll(ready.data(), ready.size(), -1);
    if (stop.stop_requested()) {
      return Status(ErrorClass::kCancelled, "interrupted while waiting for input")
          .Mend("Nothing was done; give the command again.");
    }
    if (count > 0 && ready[0].revents == 0) continue;
    const ssize_t taken = count < 0 ? -1 : read(input, bytes, size);
    if (taken >= 0) return static_cast<std::size_t>(taken);
    if (errno == EINTR) continue;
    return Status(ErrorClass::kFileUnusable,
                  std::string("cannot read standard input: ") + std::strerror(errno))
        .With("object", "standard input");
  }
}

}  // namespace

Result<std::optional<std::string>> ReadLine(int input, const std::stop_token& stop) {
  const StopEvent stopped(stop);
  std::string line;
  // One byte at a time: what follows the line is another reader's.
  for (char byte = 0;; line.push_back(byte)) {
    SPILLWAY_ASSIGN(const std::size_t taken, Read(input, stop, stopped, &byte, 1));
    if (taken == 0 && line.empty()) return std::optional<std::string>();
    if (taken == 0 || byte == '\n') return std::optional<std::string>(std::move(line));
  }
}

Result<std::string> ReadAll(int input, const std::stop_token& stop) {
  const StopEvent stopped(stop);
  std::string text;
  std::array<char, 65536> bytes{};
  while (true) {
    SPILLWAY_ASSIGN(const std::size_t taken,
                    Read(input, stop, stopped, bytes.data(), bytes.size()));
    if (taken == 0) return text;
    text.append(bytes.data(), taken);
  }
}

}  // namespace spillway::face::cli
