#include "lakebase/process.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <system_error>

#include "state/durable_file.h"

namespace spillway::lakebase {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

constexpr std::size_t kOutputKept = 64 << 10;
constexpr std::chrono::milliseconds kSlice(20);

// An open file, above the standard ones whatever the caller has closed.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {
    if (number < 0 || number > STDERR_FILENO) return;
    number_ = fcntl(number, F_DUPFD_CLOEXEC, 10);
    close(number);
  }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    Close();
    number_ = std::exchange(other.number_, -1);
    return *this;
  }
  ~Descriptor() { Close(); }
  void Close() {
    if (number_ >= 0) close(number_);
    number_ = -1;
  }
  int number() const { return number_; }

 private:
  int number_ = -1;
};

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};

Result<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return state::FileError(errno, "make", "a pipe");
  Pipe made{Descriptor(ends[0]), Descriptor(ends[1])};
  return made;
}

Status SystemFailure(std::string_view action, int error) {
  return Status(ErrorClass::kLocalPostgres,
                "cannot " + std::string(action) + ": " + std::system_category().message(error));
}

// What a child tells its parent before it becomes the program; all zero but `pid` when all is well.
struct Report {
  pid_t pid = 0;
  int step = 0;
  int error = 0;
};
constexpr std::array kSteps = {"",
                               "start a session",
                               "start a process",
                               "become the user",
                               "enter the folder",
                               "set up the program's files",
                               "run the program"};

// Everything that the child needs, made before the fork: between fork and exec only
// async-signal-safe calls are allowed.
struct Prepared {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  const char* folder = nullptr;
  const OsUser* user = nullptr;
  int input = -1;
  int output = -1;
  int report = -1;
  bool dies_with_parent = false;
};

[[noreturn]] void Fail(const Prepared& prepared, int step) {
  Report report;
  report.step = step;
  report.error = errno;
  [[maybe_unused]] const ssize_t written = write(prepared.report, &report, sizeof(report));
  _exit(127);
}

[[noreturn]] void BecomeProgram(const Prepared& prepared) {
  for (int signal_number = 1; signal_number < NSIG; ++signal_number) {
    signal(signal_number, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  umask(077);
  const OsUser& user = *prepared.user;
  if (!user.is_self && (setgroups(user.groups.size(), user.groups.data()) != 0 ||
                        setgid(user.gid) != 0 || setuid(user.uid) != 0)) {
    Fail(prepared, 3);
  }
  // After setuid, which clears it.
  if (prepared.dies_with_parent) prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (chdir(prepared.folder) != 0) Fail(prepared, 4);
  if (dup2(prepared.input, STDIN_FILENO) < 0 || dup2(prepared.output, STDOUT_FILENO) < 0 ||
      dup2(prepared.output, STDERR_FILENO) < 0) {
    Fail(prepared, 5);
  }
  // The report's descriptor closes itself when the program runs; so does what we opened. Others may
  // have been opened by libraries that did not say so.
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  execve(prepared.arguments[0], prepared.arguments.data(), prepared.environment.data());
  Fail(prepared, 6);
}

void Prepare(const Command& command, Prepared* prepared) {
  for (const std::string& argument : command.arguments) {
    prepared->arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  prepared->arguments.push_back(nullptr);
  for (const std::string& variable : command.environment) {
    prepared->environment.push_back(const_cast<char*>(variable.c_str()));
  }
  prepared->environment.push_back(nullptr);
  prepared->folder = command.folder.c_str();
  prepared->user = &command.user;
}

Status Failure(const Command& command, const Report& report) {
  Status status = SystemFailure(kSteps.at(static_cast<std::size_t>(report.step)), report.error);
  return std::move(status)
      .While("run " + command.arguments[0] + " as " + command.user.name + " in " + command.folder)
      .With("program", command.arguments[0])
      .Mend("User " + command.user.name + " must be able to run " + command.arguments[0] +
            " and to enter " + command.folder + ".");
}

// Reads until the pipe's other end is closed; a report that says pid may come before one of
// failure.
Report ReadReports(int descriptor) {
  Report all;
  Report next;
  for (;;) {
    const ssize_t count = read(descriptor, &next, sizeof(next));
    if (count < 0 && errno == EINTR) continue;
    if (count != static_cast<ssize_t>(sizeof(next))) return all;
    if (next.pid != 0) all.pid = next.pid;
    if (next.step != 0) {
      all.step = next.step;
      all.error = next.error;
    }
  }
}

int Reap(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
  return WEXITSTATUS(status);
}

Result<Descriptor> OpenInput(const Command& command) {
  const std::string path = command.input_file.empty() ? "/dev/null" : command.input_file;
  Descriptor input(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (input.number() < 0) return state::FileError(errno, "open", path);
  return input;
}

// Collects what the program writes until it closes its ends.
Status Collect(const Context& context, int descriptor, std::string* output) {
  char buffer[4096];
  for (;;) {
    SPILLWAY_TRY(context.Check());
    pollfd waiting{descriptor, POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>(kSlice.count())) <= 0) continue;
    const ssize_t count = read(descriptor, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Status();
    output->append(buffer, static_cast<std::size_t>(count));
    if (output->size() > 2 * kOutputKept) output->erase(0, output->size() - kOutputKept);
  }
}

}  // namespace

Result<ProgramResult> RunProgram(const Context& context, const Command& command) {
  SPILLWAY_ASSIGN(Pipe reports, MakePipe());
  SPILLWAY_ASSIGN(Pipe output, MakePipe());
  SPILLWAY_ASSIGN(const Descriptor input, OpenInput(command));
  Prepared prepared;
  Prepare(command, &prepared);
  prepared.input = input.number();
  prepared.output = output.write_end.number();
  prepared.report = reports.write_end.number();
  prepared.dies_with_parent = true;
  const pid_t child = fork();
  if (child < 0) return SystemFailure("start a process", errno);
  if (child == 0) {
    // A group of its own, so that what it starts can be ended with it.
    setpgid(0, 0);
    BecomeProgram(prepared);
  }
  reports.write_end.Close();
  output.write_end.Close();
  const Report report = ReadReports(reports.read_end.number());
  if (report.step != 0) {
    Reap(child);
    return Failure(command, report);
  }
  ProgramResult result;
  Status collected = Collect(context, output.read_end.number(), &result.output);
  if (!collected.ok()) kill(-child, SIGKILL);
  result.exit_code = Reap(child);
  SPILLWAY_TRY(std::move(collected));
  return result;
}

Result<pid_t> StartDaemon(const Command& command, const std::string& log_file) {
  SPILLWAY_ASSIGN(Pipe reports, MakePipe());
  SPILLWAY_ASSIGN(const Descriptor input, OpenInput(command));
  const Descriptor log(
      open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (log.number() < 0) return state::FileError(errno, "open the log file", log_file);
  Prepared prepared;
  Prepare(command, &prepared);
  prepared.input = input.number();
  prepared.output = log.number();
  prepared.report = reports.write_end.number();
  // Two forks: the program's parent is then the system's first process, which buries it, whether we
  // live or not.
  const pid_t child = fork();
  if (child < 0) return SystemFailure("start a process", errno);
  if (child == 0) {
    if (setsid() < 0) Fail(prepared, 1);
    const pid_t daemon = fork();
    if (daemon < 0) Fail(prepared, 2);
    if (daemon == 0) BecomeProgram(prepared);
    Report report;
    report.pid = daemon;
    const bool told = write(prepared.report, &report, sizeof(report)) == sizeof(report);
    _exit(told ? 0 : 1);
  }
  reports.write_end.Close();
  const Report report = ReadReports(reports.read_end.number());
  Reap(child);
  if (report.step != 0) return Failure(command, report);
  return report.pid;
}

bool IsAlive(pid_t pid) {
  if (pid <= 0 || (kill(pid, 0) != 0 && errno != EPERM)) return false;
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return false;
  char buffer[512];
  const std::size_t count = std::fread(buffer, 1, sizeof(buffer), file);
  std::fclose(file);
  // "pid (name) state …"; the name may hold anything, parentheses too.
  const std::string_view text(buffer, count);
  const auto after_name = text.rfind(')');
  if (after_name == std::string_view::npos || after_name + 2 >= text.size()) return false;
  const char process_state = text[after_name + 2];
  return process_state != 'Z' && process_state != 'X';
}

Status WaitForExit(const Context& context, pid_t pid) {
  std::chrono::milliseconds pause(1);
  while (IsAlive(pid)) {
    SPILLWAY_TRY(context.Sleep(pause));
    pause = std::min(pause * 2, kSlice);
  }
  return Status();
}

}  // namespace spillway::lakebase
