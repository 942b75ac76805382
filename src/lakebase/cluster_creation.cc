#include "lakebase/cluster_creation.h"

#include <fcntl.h>
#include <locale.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "lakebase/process.h"
#include "state/durable_file.h"

namespace spillway::lakebase {
namespace {

using base::Context;
using base::ErrorClass;
using base::Secret;
using base::Status;

constexpr std::string_view kMaking = "making-";

// Order by bytes, which is fast and the same everywhere; letters and case of all languages where
// the system knows them.
constexpr const char* kLetters = "C.UTF-8";
constexpr std::array<std::string_view, 6> kInitdbOptions = {
    "--locale=C", "--encoding=UTF8", "--auth=scram-sha-256", "--data-checksums",
    "--no-instructions",
    // The thousand small files are made durable by one call below, which takes a fifth of the time.
    "--no-sync"};

bool KnowsLocale(const char* name) {
  const locale_t locale = newlocale(LC_CTYPE_MASK, name, nullptr);
  if (locale == nullptr) return false;
  freelocale(locale);
  return true;
}

// A server's host-based authentication: passwords only, from this machine only.
constexpr std::string_view kAccess =
    "# Made by Spillway. The server listens on 127.0.0.1 and on a socket in a closed folder.\n"
    "local all all scram-sha-256\n"
    "host all all 127.0.0.1/32 scram-sha-256\n"
    "local replication all scram-sha-256\n"
    "host replication all 127.0.0.1/32 scram-sha-256\n";

Status GiveTo(const OsUser& user, const std::string& path) {
  if (user.is_self) return Status();
  if (lchown(path.c_str(), user.uid, user.gid) == 0) return Status();
  return state::FileError(errno, "give to user " + user.name, path);
}

// Folders that a death left behind. One that cannot be removed whole (its initdb is still dying)
// waits for the next time.
void RemoveUnfinished(const std::string& branch) {
  std::error_code error;
  std::vector<std::filesystem::path> unfinished;
  for (std::filesystem::directory_iterator entry(branch, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename().string().starts_with(kMaking)) unfinished.push_back(entry->path());
  }
  for (const auto& path : unfinished) std::filesystem::remove_all(path, error);
}

Status Configure(const std::string& data, const OsUser& user) {
  const std::string configuration = data + "/postgresql.conf";
  SPILLWAY_ASSIGN(auto text, state::ReadSmallFile(configuration));
  if (!text) return state::FileError(ENOENT, "configure", configuration);
  // Relative to this file, so that home may be moved.
  *text +=
      "\n# Spillway's settings for this machine; later lines win over them.\n"
      "include '../spillway.conf'\n";
  SPILLWAY_TRY(state::ReplaceFile(configuration, *text, 0600));
  SPILLWAY_TRY(GiveTo(user, configuration));
  const std::string access = data + "/pg_hba.conf";
  SPILLWAY_TRY(state::ReplaceFile(access, kAccess, 0600));
  return GiveTo(user, access);
}

std::string LastLines(const std::string& output) {
  constexpr std::size_t kShown = 600;
  std::string shown = output.size() > kShown ? output.substr(output.size() - kShown) : output;
  while (!shown.empty() && shown.back() == '\n') shown.pop_back();
  return shown;
}

Status RunInitdb(const Context& context, const ServerPrograms& programs, const OsUser& user,
                 const std::string& making) {
  Command command;
  command.arguments = {programs.program("initdb")};
  for (const std::string_view option : kInitdbOptions) command.arguments.emplace_back(option);
  const auto set = [&](std::string_view option, std::string_view value) {
    command.arguments.push_back(std::string(option).append(value));
  };
  set("--pgdata=", making + "/data");
  set("--username=", kServerUser);
  set("--pwfile=", making + "/password");
  if (KnowsLocale(kLetters)) set("--lc-ctype=", kLetters);
  command.environment = {"PATH=" + programs.folder + ":/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"};
  command.folder = making;
  command.user = user;
  SPILLWAY_ASSIGN(const ProgramResult result, RunProgram(context, command));
  if (result.exit_code == 0) return Status();
  const bool full = result.output.find("No space left on device") != std::string::npos;
  return Status(full ? ErrorClass::kStoreNoSpace : ErrorClass::kLocalPostgres,
                "initdb failed with exit code " + std::to_string(result.exit_code) + ": " +
                    LastLines(result.output))
      .With("path", making);
}

Status SyncAll(const std::string& path) {
  const int folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return state::FileError(errno, "open the folder", path);
  const int result = syncfs(folder);
  const int error = errno;
  close(folder);
  return result == 0 ? Status() : state::FileError(error, "sync the disk of", path);
}

Status Fill(const Context& context, const std::string& making, const ServerPrograms& programs,
            const OsUser& user, const Secret& password) {
  SPILLWAY_TRY(GiveTo(user, making));
  const std::string password_file = making + "/password";
  SPILLWAY_TRY(state::ReplaceFile(password_file, password.Reveal() + "\n", 0600));
  SPILLWAY_TRY(GiveTo(user, password_file));
  SPILLWAY_TRY(RunInitdb(context, programs, user, making));
  SPILLWAY_TRY(Configure(making + "/data", user));
  return SyncAll(making);
}

}  // namespace

Status CreateData(const Context& context, const BranchFolder& folder,
                  const ServerPrograms& programs, const OsUser& user, const Secret& password) {
  RemoveUnfinished(folder.path());
  std::string making = folder.path() + "/" + std::string(kMaking) + "XXXXXX";
  if (mkdtemp(making.data()) == nullptr) {
    return state::FileError(errno, "make a folder in", folder.path());
  }
  Status status = Fill(context, making, programs, user, password);
  if (status.ok() && rename((making + "/data").c_str(), folder.data().c_str()) != 0) {
    status = state::FileError(errno, "put in place", folder.data());
  }
  std::error_code ignored;
  std::filesystem::remove_all(making, ignored);
  SPILLWAY_TRY(std::move(status));
  return state::SyncFolder(folder.path());
}

}  // namespace spillway::lakebase
