#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stop_token>
#include <thread>

#include "face/cli/command_line.h"
#include "face/cli/console.h"
#include "state/home.h"

namespace {

// Waits for signals on a thread of its own: the first asks everything to stop, another one after a
// while ends the process. A hangup that the caller has ignored (nohup) stays ignored; others do
// not, since shells without job control ignore interrupts for what they start in the background.
class SignalThread {
 public:
  SignalThread() {
    sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM}) {
      std::signal(signal, SIG_DFL);
      sigaddset(&signals_, signal);
    }
    struct sigaction hangup{};
    sigaction(SIGHUP, nullptr, &hangup);
    if (hangup.sa_handler != SIG_IGN) sigaddset(&signals_, SIGHUP);
    // Threads made later inherit the mask, so that only this one sees the signals.
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    // A write then fails and says so.
    for (const int signal : {SIGPIPE, SIGXFSZ}) std::signal(signal, SIG_IGN);
    std::thread([this] { Wait(); }).detach();
  }
  std::stop_token token() const { return stop_.get_token(); }
  int received() const { return received_; }

 private:
  void Wait() {
    // timeout(1), for one, signals a process and then its group: that is one request, not two.
    constexpr std::chrono::milliseconds kRepeated{500};
    std::chrono::steady_clock::time_point first;
    while (true) {
      int signal = 0;
      if (sigwait(&signals_, &signal) != 0) return;
      const auto now = std::chrono::steady_clock::now();
      if (received_ != 0 && now - first < kRepeated) continue;
      if (received_ != 0) std::_Exit(128 + signal);
      first = now;
      received_ = signal;
      stop_.request_stop();
    }
  }

  sigset_t signals_;
  std::stop_source stop_;
  std::atomic<int> received_{0};
};

// A standard file that the caller has closed must not become the place of one that is opened later,
// the state file for instance. What stands in for it can neither be read nor written, but stderr,
// which is dropped.
void OccupyStandardFiles() {
  for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(file, F_GETFD) >= 0) continue;
    const int stand_in = open("/dev/null", file == STDOUT_FILENO ? O_RDONLY : O_WRONLY);
    if (stand_in >= 0 && stand_in != file) {
      dup2(stand_in, file);
      close(stand_in);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  // Lives until the process ends: its thread is never joined.
  static SignalThread* const signals = new SignalThread();
  OccupyStandardFiles();
  spillway::face::cli::Console console(stdout, stderr);
  int code = 1;
  try {
    code = spillway::face::cli::RunCommandLine(argc, argv, spillway::state::ProcessEnvironment(),
                                               &console, signals->token());
  } catch (const std::exception& error) {
    console.Error(spillway::base::Status(spillway::base::ErrorClass::kInternal, error.what()));
  }
  if (signals->received() != 0 && code != 0) return 128 + signals->received();
  return code;
}
