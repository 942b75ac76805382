#include "lakebase/cluster.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/ids.h"
#include "lakebase/branch_folder.h"
#include "lakebase/cluster_creation.h"
#include "lakebase/control_connection.h"
#include "lakebase/os_user.h"
#include "lakebase/passage.h"
#include "lakebase/port.h"
#include "lakebase/postmaster.h"
#include "lakebase/process.h"
#include "lakebase/server_programs.h"
#include "lakebase/server_settings.h"
#include "state/durable_file.h"
#include "state/file_lock.h"

namespace spillway::lakebase {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

constexpr std::chrono::seconds kLongestStart(120);
constexpr std::chrono::seconds kLongestStop(60);
constexpr std::chrono::milliseconds kReadyPoll(2);
constexpr std::int64_t kLargestLog = std::int64_t{16} << 20;

// A place in a URI's query: everything but unreserved characters percent-encoded (RFC 3986).
std::string Encoded(std::string_view text) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      encoded.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded.push_back('%');
    encoded.push_back(kDigits[byte >> 4]);
    encoded.push_back(kDigits[byte & 15]);
  }
  return encoded;
}

// Without the password, which stopping and showing do not need.
Endpoint EndpointAt(const BranchFolder& folder, std::uint16_t port) {
  Endpoint endpoint;
  endpoint.host = kHost;
  endpoint.port = port;
  endpoint.database = kDatabase;
  endpoint.user = kServerUser;
  endpoint.password_file = folder.password_file();
  endpoint.socket_folder = folder.socket_folder();
  endpoint.url = std::string("postgresql://") + kServerUser + "@" + kHost + ":" +
                 std::to_string(port) + "/" + kDatabase +
                 "?sslmode=disable&passfile=" + Encoded(endpoint.password_file);
  endpoint.steadfast_url = endpoint.url + "&hostaddr=" + kHost +
                           "&gssencmode=disable&channel_binding=prefer&target_session_attrs=any"
                           "&options=";
  return endpoint;
}

Result<Endpoint> MakeEndpoint(const BranchFolder& folder, std::uint16_t port) {
  Endpoint endpoint = EndpointAt(folder, port);
  SPILLWAY_ASSIGN(endpoint.password, ReadPassword(folder));
  return endpoint;
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

// The user who owns the data, or who will.
Result<OsUser> UserOf(const BranchFolder& folder) {
  struct stat data{};
  if (stat(folder.data().c_str(), &data) == 0) return UserByNumber(data.st_uid);
  if (errno != ENOENT) return state::FileError(errno, "look at", folder.data());
  return ServerUser();
}

Result<int> DataMajor(const BranchFolder& folder) {
  const std::string path = folder.data() + "/PG_VERSION";
  SPILLWAY_ASSIGN(const auto text, state::ReadSmallFile(path));
  int major = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), major);
  if (major > 0) return major;
  return Status(ErrorClass::kLocalPostgres, "the local PostgreSQL's data are damaged: " + path)
      .With("path", path)
      .Mend("Restore the folder from a backup, or move it away: tables can be synced again.");
}

// A folder that root keeps and the server's user passes through; for others, their own.
Status MakeKeptFolder(const std::string& path, const OsUser& user) {
  return state::MakeFolders(path, user.is_self ? 0700 : 0711);
}

// The folder of the Unix socket: the server's user's own, wherever it lies.
Status MakeSocketFolder(const BranchFolder& folder, const OsUser& user) {
  const std::string path = folder.socket_folder();
  if (mkdir(path.c_str(), 0700) == 0) {
    if (!user.is_self && lchown(path.c_str(), user.uid, user.gid) != 0) {
      return state::FileError(errno, "give to user " + user.name, path);
    }
    return Status();
  }
  if (errno != EEXIST) return state::FileError(errno, "make the folder", path);
  struct stat found{};
  if (lstat(path.c_str(), &found) != 0) return state::FileError(errno, "look at", path);
  if (S_ISDIR(found.st_mode) && found.st_uid == user.uid && (found.st_mode & 022) == 0) {
    return Status();
  }
  return Status(ErrorClass::kLocalPostgres, "the socket's folder is there already and not user " +
                                                user.name + "'s own: " + path)
      .With("path", path)
      .Mend("Remove it.");
}

// Sockets and their lock files that a dead server left; its number may be another process's now.
void RemoveStaleSockets(const BranchFolder& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> stale;
  for (std::filesystem::directory_iterator entry(folder.socket_folder(), error), end;
       !error && entry != end; entry.increment(error)) {
    if (entry->path().filename().string().starts_with(".s.PGSQL.")) stale.push_back(entry->path());
  }
  for (const auto& path : stale) std::filesystem::remove(path, error);
}

std::int64_t FileSize(const std::string& path) {
  struct stat found{};
  return stat(path.c_str(), &found) == 0 ? std::int64_t{found.st_size} : 0;
}

// Why a server that ended while starting says it did: what it logged, but for what every start
// logs.
std::string LastWords(const std::string& log_file, std::int64_t from) {
  constexpr std::array<std::string_view, 5> kUsual = {
      "starting PostgreSQL", "listening on", "database system", "redo ",
      // The hint of an earlier end during recovery, whatever ended it.
      "This probably means that some data is corrupted"};
  std::ifstream log(log_file);
  log.seekg(from);
  std::string line;
  std::string words;
  while (std::getline(log, line)) {
    if (std::any_of(kUsual.begin(), kUsual.end(), [&](std::string_view usual) {
          return line.find(usual) != std::string::npos;
        })) {
      continue;
    }
    // Without the time and process number that the line begins with.
    const auto at = line.find("] ");
    if (!words.empty()) words += "; ";
    words += line.substr(at == std::string::npos ? 0 : at + 2);
  }
  constexpr std::size_t kShown = 1000;
  return words.size() > kShown ? words.substr(words.size() - kShown) : words;
}

// One start or stop, by the holder of the lock.
class Operation {
 public:
  Operation(const state::Home& home, const state::Environment& environment, BranchRecord record)
      : home_(home),
        environment_(environment),
        record_(std::move(record)),
        folder_(home, record_.uid) {}

  // Makes what is missing of the cluster's files. Returns whether the data were made.
  Result<bool> Prepare(const Context& context, std::vector<std::string>* notes) {
    SPILLWAY_ASSIGN(user_, UserOf(folder_));
    SPILLWAY_TRY(MakeKeptFolder(folder_.path(), user_));
    SPILLWAY_TRY(state::MakeFolders(home_.logs(), 0700));
    SPILLWAY_ASSIGN(*notes, OpenPassage(user_, home_.path(), folder_.path()));
    RemoveUnfinishedData(folder_);
    const bool made = !Exists(folder_.data());
    // Data that are there have the password already.
    SPILLWAY_ASSIGN(const base::Secret password,
                    made ? MakePassword(folder_) : KeepPassword(folder_));
    int major = 0;
    if (!made) {
      SPILLWAY_ASSIGN(major, DataMajor(folder_));
    }
    SPILLWAY_ASSIGN(programs_, FindPrograms(context, environment_, major));
    if (made) SPILLWAY_TRY(CreateData(context, folder_, programs_, user_, password));
    SPILLWAY_TRY(WriteSettings());
    SPILLWAY_TRY(MakeSocketFolder(folder_, user_));
    return made;
  }

  // Starts the server, which does not run, and waits until it accepts writes.
  Result<Endpoint> Launch(const Context& context, const StartOptions& options) {
    SPILLWAY_TRY(EndOrphans(context, folder_.data()));
    SPILLWAY_TRY(RemoveStalePostmasterFile(folder_.data()));
    RemoveStaleSockets(folder_);
    const bool is_kept = options.port || record_.port;
    for (int attempt = 1;; ++attempt) {
      std::uint16_t port = options.port.value_or(record_.port.value_or(0));
      if (!is_kept) {
        SPILLWAY_ASSIGN(port, ChoosePort(record_.uid + std::to_string(attempt)));
      } else if (!IsPortFree(port)) {
        return PortTaken(port);
      }
      Status started = LaunchAt(context, port);
      if (!started.ok()) {
        // Between our look at the port and the server's another program may have taken it.
        const bool is_taken = started.code() != base::Code::kCancelled && !IsPortFree(port) &&
                              !FindRunning(folder_.data());
        if (is_taken && !is_kept && attempt < 5) continue;
        if (is_taken) return PortTaken(port);
        return started;
      }
      return Complete(context, port);
    }
  }

  // Waits for a server that is there.
  Result<Endpoint> Await(const Context& context, pid_t pid) {
    SPILLWAY_TRY(AwaitReady(context, pid, FileSize(folder_.log_file())));
    SPILLWAY_ASSIGN(const auto file, FindPostmaster(folder_.data()));
    if (!file || file->port == 0) return Ended(FileSize(folder_.log_file()));
    return Complete(context, file->port);
  }

  Status Stop(const Context& context, StopMode mode) {
    SPILLWAY_ASSIGN(const auto running, FindPostmaster(folder_.data()));
    if (!running) return EndOrphans(context, folder_.data());
    if (kill(running->pid, mode == StopMode::kFast ? SIGINT : SIGQUIT) != 0 && errno != ESRCH) {
      return state::FileError(errno, "signal the server on", folder_.data());
    }
    const Context bounded = context.Within(kLongestStop);
    Status ended = WaitForExit(bounded, running->pid);
    if (ended.ok()) return EndOrphans(context, folder_.data());
    if (!context.Check().ok()) return ended;
    return Status(ErrorClass::kLocalPostgres,
                  "the local PostgreSQL does not stop, process " + std::to_string(running->pid))
        .With("pid", std::to_string(running->pid))
        .With("log_file", folder_.log_file())
        .Mend(
            "It may be writing a long checkpoint: wait, or spillway pg stop --immediate, after "
            "which the next start recovers.");
  }

  const BranchFolder& folder() const { return folder_; }

 private:
  static bool FindRunning(const std::string& data) {
    const auto running = FindPostmaster(data);
    return running.ok() && running->has_value();
  }

  Status WriteSettings() {
    const std::string wanted = ServerSettings(MeasureMachine(folder_.path()));
    SPILLWAY_ASSIGN(const auto present, state::ReadSmallFile(folder_.settings_file()));
    if (present == wanted) return Status();
    return state::ReplaceFile(folder_.settings_file(), wanted, 0644);
  }

  // A new log when the old one has grown; one old one is kept.
  void TurnLog() {
    const std::string log = folder_.log_file();
    if (FileSize(log) > kLargestLog) static_cast<void>(rename(log.c_str(), (log + ".1").c_str()));
  }

  Status LaunchAt(const Context& context, std::uint16_t port) {
    TurnLog();
    const std::int64_t log_from = FileSize(folder_.log_file());
    Command command;
    const auto set = [&](const std::string& name, const std::string& value) {
      command.arguments.push_back("-c");
      command.arguments.push_back(name + "=" + value);
    };
    command.arguments = {programs_.program("postgres"), "-D", folder_.data()};
    set("cluster_name", record_.uid);
    set("listen_addresses", kHost);
    set("port", std::to_string(port));
    std::string quoted = folder_.socket_folder();
    for (std::size_t at = 0; (at = quoted.find('"', at)) != std::string::npos; at += 2) {
      quoted.insert(at, 1, '"');
    }
    set("unix_socket_directories", "\"" + quoted + "\"");
    command.environment = {"PATH=" + programs_.folder + ":/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"};
    command.folder = folder_.data();
    command.user = user_;
    SPILLWAY_ASSIGN(const pid_t pid, StartDaemon(command, folder_.log_file()));
    return AwaitReady(context, pid, log_from);
  }

  Status AwaitReady(const Context& context, pid_t pid, std::int64_t log_from) {
    for (;;) {
      SPILLWAY_ASSIGN(const auto file, ReadPostmasterFile(folder_.data()));
      if (file && file->pid == pid && file->status == "ready") return Status();
      if (!IsAlive(pid)) return Ended(log_from);
      if (Status left = context.Sleep(kReadyPoll); !left.ok()) {
        if (left.code() != base::Code::kDeadlineExceeded) return left;
        return Status(ErrorClass::kDeadlineExceeded,
                      "the local PostgreSQL is still starting, process " + std::to_string(pid))
            .With("log_file", folder_.log_file())
            .Mend(
                "It may be recovering after a crash: look with spillway pg status, then start "
                "again.");
      }
    }
  }

  Status Ended(std::int64_t log_from) const {
    const std::string words = LastWords(folder_.log_file(), log_from);
    const bool full = words.find("No space left on device") != std::string::npos;
    return Status(full ? ErrorClass::kStoreNoSpace : ErrorClass::kLocalPostgres,
                  "the local PostgreSQL ended while starting: " +
                      (words.empty() ? "it left no word" : words))
        .With("log_file", folder_.log_file())
        .Mend(full ? "Free space where " + folder_.data() + " is, then repeat."
                   : "See " + folder_.log_file() + "; spillway doctor checks what it needs.");
  }

  // The server is up: sees that it accepts writes, and keeps its port.
  Result<Endpoint> Complete(const Context& context, std::uint16_t port) {
    SPILLWAY_ASSIGN(Endpoint endpoint, MakeEndpoint(folder_, port));
    SPILLWAY_TRY(AwaitWritable(context, endpoint));
    if (record_.port != port) {
      record_.port = port;
      SPILLWAY_TRY(WriteBranchRecord(home_, record_));
    }
    return endpoint;
  }

  const state::Home& home_;
  const state::Environment& environment_;
  BranchRecord record_;
  const BranchFolder folder_;
  OsUser user_;
  ServerPrograms programs_;
};

// The running server's endpoint when there is nothing to be done for it.
Result<std::optional<Endpoint>> FindReady(const state::Home& home) {
  SPILLWAY_ASSIGN(const auto record, ReadBranchRecord(home));
  if (!record || !record->port) return std::optional<Endpoint>();
  const BranchFolder folder(home, record->uid);
  SPILLWAY_ASSIGN(const auto running, FindPostmaster(folder.data()));
  if (!running || running->status != "ready" || running->port != *record->port) {
    return std::optional<Endpoint>();
  }
  SPILLWAY_ASSIGN(Endpoint endpoint, MakeEndpoint(folder, *record->port));
  return std::optional<Endpoint>(std::move(endpoint));
}

Result<std::unique_ptr<state::FileLock>> Lock(const Context& context, const state::Home& home,
                                              std::string_view purpose) {
  auto lock = state::FileLock::Acquire(context, BranchFolder::LockFile(home), purpose);
  if (lock.ok() || lock.status().error_class() != ErrorClass::kStateBusy) return lock;
  return Status(ErrorClass::kDeadlineExceeded,
                "another process is starting or stopping the local "
                "PostgreSQL: process " +
                    std::string(lock.status().detail("pid")));
}

Status PortInUseAlready(std::uint16_t port) {
  return Status(ErrorClass::kLocalPostgres,
                "the local PostgreSQL runs on port " + std::to_string(port))
      .Mend("Stop it before giving it another port: spillway pg stop.");
}

std::string NewUid() {
  std::string uid = base::NewUuid();
  uid.erase(std::remove(uid.begin(), uid.end(), '-'), uid.end());
  return "br-" + uid.substr(0, 16);
}

}  // namespace

std::string_view Name(ClusterState state) {
  switch (state) {
    case ClusterState::kAbsent:
      return "absent";
    case ClusterState::kStopped:
      return "stopped";
    case ClusterState::kStarting:
      return "starting";
    case ClusterState::kRunning:
      return "running";
  }
  return {};
}

Cluster::Cluster(state::Home home, state::Environment environment)
    : home_(std::move(home)), environment_(std::move(environment)) {}

Result<Started> Cluster::Start(const Context& unbounded, const StartOptions& options) {
  const Context context = unbounded.Within(kLongestStart);
  SPILLWAY_TRY(context.Check());
  Started started;
  SPILLWAY_ASSIGN(auto ready, FindReady(home_));
  if (ready) {
    if (options.port && *options.port != ready->port) return PortInUseAlready(ready->port);
    started.endpoint = *std::move(ready);
    started.already = true;
    return started;
  }
  SPILLWAY_TRY(home_.Prepare());
  SPILLWAY_TRY(state::MakeFolders(BranchFolder::ProjectFolder(home_), 0711));
  SPILLWAY_ASSIGN(const auto lock, Lock(context, home_, "start the local PostgreSQL"));
  SPILLWAY_ASSIGN(auto record, ReadBranchRecord(home_));
  if (!record) {
    record = BranchRecord{NewUid(), std::nullopt};
    SPILLWAY_TRY(WriteBranchRecord(home_, *record));
  }
  const BranchFolder folder(home_, record->uid);
  Operation operation(home_, environment_, *std::move(record));
  for (;;) {
    SPILLWAY_ASSIGN(const auto running, FindPostmaster(folder.data()));
    if (!running) break;
    if (running->status == "stopping") {
      SPILLWAY_TRY(WaitForExit(context, running->pid));
      continue;
    }
    if (options.port && *options.port != running->port) return PortInUseAlready(running->port);
    SPILLWAY_ASSIGN(started.endpoint, operation.Await(context, running->pid));
    started.already = true;
    return started;
  }
  SPILLWAY_ASSIGN(started.created, operation.Prepare(context, &started.notes));
  SPILLWAY_ASSIGN(started.endpoint, operation.Launch(context, options));
  return started;
}

Status Cluster::Stop(const Context& context, StopMode mode) {
  SPILLWAY_TRY(context.Check());
  SPILLWAY_ASSIGN(auto record, ReadBranchRecord(home_));
  if (!record) return Status();
  SPILLWAY_ASSIGN(const auto lock,
                  Lock(context.Within(kLongestStart), home_, "stop the local PostgreSQL"));
  SPILLWAY_TRY(UserOf(BranchFolder(home_, record->uid)).status());
  return Operation(home_, environment_, *std::move(record)).Stop(context, mode);
}

Result<ClusterStatus> Cluster::GetStatus(const Context& context) const {
  ClusterStatus status;
  SPILLWAY_ASSIGN(const auto record, ReadBranchRecord(home_));
  if (!record) return status;
  const BranchFolder folder(home_, record->uid);
  if (!Exists(folder.data())) return status;
  status.state = ClusterState::kStopped;
  status.uid = record->uid;
  status.data_folder = folder.data();
  status.log_file = folder.log_file();
  struct stat data{};
  if (stat(folder.data().c_str(), &data) == 0) {
    const auto user = UserByNumber(data.st_uid);
    status.os_user = user.ok() ? user->name : std::to_string(data.st_uid);
  }
  SPILLWAY_ASSIGN(const int major, DataMajor(folder));
  const auto programs = FindPrograms(context, environment_, major);
  status.server_version = programs.ok() ? programs->version : std::to_string(major);
  SPILLWAY_ASSIGN(const auto running, FindPostmaster(folder.data()));
  if (running) {
    status.state = running->status == "ready" ? ClusterState::kRunning : ClusterState::kStarting;
    status.pid = running->pid;
  }
  if (record->port) status.endpoint = EndpointAt(folder, *record->port);
  return status;
}

Result<PsqlCommand> Cluster::MakePsqlCommand(const Context& context,
                                             const std::vector<std::string>& arguments) const {
  SPILLWAY_ASSIGN(const auto record, ReadBranchRecord(home_));
  if (!record || !record->port) {
    return Status(ErrorClass::kLocalPostgres, "there is no local PostgreSQL yet")
        .Mend("Make and start it: spillway pg start.");
  }
  const BranchFolder folder(home_, record->uid);
  SPILLWAY_ASSIGN(const Endpoint endpoint, MakeEndpoint(folder, *record->port));
  SPILLWAY_ASSIGN(const int major, DataMajor(folder));
  SPILLWAY_ASSIGN(const ServerPrograms programs, FindPrograms(context, environment_, major));
  std::string psql = programs.program("psql");
  if (!Exists(psql)) psql = "psql";
  PsqlCommand command{.arguments = {std::move(psql)},
                      .environment = {{"PGHOST", endpoint.host},
                                      {"PGPORT", std::to_string(endpoint.port)},
                                      {"PGUSER", endpoint.user},
                                      {"PGDATABASE", endpoint.database},
                                      {"PGPASSFILE", endpoint.password_file},
                                      // This server has no TLS; another one may.
                                      {"PGSSLMODE", "prefer"}},
                      .unset = {"PGHOSTADDR", "PGPASSWORD", "PGSERVICE"}};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  return command;
}

}  // namespace spillway::lakebase
