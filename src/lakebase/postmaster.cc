#include "lakebase/postmaster.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <string_view>

#include "lakebase/process.h"
#include "state/durable_file.h"

namespace spillway::lakebase {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

constexpr std::chrono::seconds kGrace(5);

std::string PidFilePath(const std::string& data_folder) { return data_folder + "/postmaster.pid"; }

template <typename Number>
Number ParseNumber(std::string_view text) {
  Number number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Status EndEach(const base::Context& context, const std::vector<pid_t>& processes) {
  for (const pid_t pid : processes) SPILLWAY_TRY(WaitForExit(context, pid));
  return Status();
}

}  // namespace

Result<std::optional<PostmasterFile>> ReadPostmasterFile(const std::string& data_folder) {
  SPILLWAY_ASSIGN(const auto content, state::ReadSmallFile(PidFilePath(data_folder)));
  if (!content) return std::optional<PostmasterFile>();
  // Lines: pid, data folder, start time, port, socket folder, listen address, shared memory key,
  // status padded with spaces (PostgreSQL's src/include/utils/pidfile.h).
  PostmasterFile file;
  std::string_view rest = *content;
  for (int line = 1; !rest.empty(); ++line) {
    const auto end = rest.find('\n');
    std::string_view text = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (line == 1) file.pid = ParseNumber<pid_t>(text);
    if (line == 4) file.port = ParseNumber<std::uint16_t>(text);
    if (line == 8) file.status = text.substr(0, text.find(' '));
  }
  if (file.pid <= 0) return std::optional<PostmasterFile>();
  return std::optional<PostmasterFile>(std::move(file));
}

bool IsServerProcess(pid_t pid, const std::string& data_folder) {
  const std::string process = "/proc/" + std::to_string(pid);
  struct stat folder{};
  struct stat working{};
  if (stat(data_folder.c_str(), &folder) != 0 || stat((process + "/cwd").c_str(), &working) != 0) {
    return false;
  }
  if (folder.st_dev != working.st_dev || folder.st_ino != working.st_ino) return false;
  std::error_code error;
  std::string program = std::filesystem::read_symlink(process + "/exe", error).string();
  // An upgrade replaces the program under a running server.
  constexpr std::string_view kReplaced = " (deleted)";
  if (program.ends_with(kReplaced)) program.resize(program.size() - kReplaced.size());
  return !error && std::filesystem::path(program).filename() == "postgres" && IsAlive(pid);
}

Result<std::optional<PostmasterFile>> FindPostmaster(const std::string& data_folder) {
  SPILLWAY_ASSIGN(auto file, ReadPostmasterFile(data_folder));
  if (file && !IsServerProcess(file->pid, data_folder)) file.reset();
  return file;
}

std::vector<pid_t> ServerProcesses(const std::string& data_folder) {
  std::vector<pid_t> processes;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    const pid_t pid = ParseNumber<pid_t>(entry->path().filename().string());
    if (pid > 0 && IsServerProcess(pid, data_folder)) processes.push_back(pid);
  }
  return processes;
}

Status EndOrphans(const base::Context& context, const std::string& data_folder) {
  const std::vector<pid_t> orphans = ServerProcesses(data_folder);
  for (const pid_t pid : orphans) kill(pid, SIGQUIT);
  const base::Context graceful = context.Within(kGrace);
  if (EndEach(graceful, orphans).ok()) return Status();
  SPILLWAY_TRY(context.Check());
  for (const pid_t pid : orphans) {
    if (IsServerProcess(pid, data_folder)) kill(pid, SIGKILL);
  }
  if (EndEach(context.Within(kGrace), orphans).ok()) return Status();
  SPILLWAY_TRY(context.Check());
  return Status(ErrorClass::kLocalPostgres,
                "processes of a server whose postmaster died do not end, on " + data_folder)
      .With("path", data_folder)
      .Mend("The disk may hang; look at them with ps, then try again.");
}

Status RemoveStalePostmasterFile(const std::string& data_folder) {
  SPILLWAY_ASSIGN(const auto file, ReadPostmasterFile(data_folder));
  if (!file || IsServerProcess(file->pid, data_folder)) return Status();
  if (kill(file->pid, 0) != 0 && errno == ESRCH) return Status();
  const std::string path = PidFilePath(data_folder);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return state::FileError(errno, "remove the stale", path);
  }
  return Status();
}

}  // namespace spillway::lakebase
