#include "lakebase/cluster_creation.h"

#include <locale.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "lakebase/folder_sync.h"
#include "lakebase/process.h"
#include "state/durable_file.h"

namespace spillway::lakebase {
namespace {

using base::Context;
using base::ErrorClass;
using base::Secret;
using base::Status;

constexpr std::string_view kMaking = "making-";
constexpr int kRemovals = 10;
constexpr std::chrono::milliseconds kBetweenRemovals{20};

// Order by bytes, which is fast and the same everywhere; letters and case of all languages where
// the system knows them.
constexpr const char* kLetters = "C.UTF-8";
constexpr std::array<std::string_view, 6> kInitdbOptions = {
    "--locale=C", "--encoding=UTF8", "--auth=scram-sha-256", "--data-checksums",
    "--no-instructions",
    // The thousand small files are made durable below, in a fraction of the time.
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

// What a program of the server's said when it failed.
Status Failed(std::string_view what, const ProgramResult& result, const std::string& making) {
  const bool full = result.output.find("No space left on device") != std::string::npos;
  return Status(full ? ErrorClass::kStoreNoSpace : ErrorClass::kLocalPostgres,
                std::string(what) + " failed with exit code " + std::to_string(result.exit_code) +
                    ": " + LastLines(result.output))
      .With("path", making);
}

Command ServerCommand(const ServerPrograms& programs, const OsUser& user,
                      const std::string& making) {
  Command command;
  command.environment = {"PATH=" + programs.folder + ":/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"};
  command.folder = making;
  command.user = user;
  return command;
}

Status RunInitdb(const Context& context, const ServerPrograms& programs, const OsUser& user,
                 const std::string& making) {
  Command command = ServerCommand(programs, user, making);
  command.arguments = {programs.program("initdb")};
  for (const std::string_view option : kInitdbOptions) command.arguments.emplace_back(option);
  const auto set = [&](std::string_view option, std::string_view value) {
    command.arguments.push_back(std::string(option).append(value));
  };
  set("--pgdata=", making + "/data");
  set("--username=", kServerUser);
  set("--pwfile=", making + "/password");
  if (KnowsLocale(kLetters)) set("--lc-ctype=", kLetters);
  SPILLWAY_ASSIGN(const ProgramResult result, RunProgram(context, command));
  return result.exit_code == 0 ? Status() : Failed("initdb", result, making);
}

// In single-user mode, so that a data folder in place always has its database.
Status MakeDatabase(const Context& context, const ServerPrograms& programs, const OsUser& user,
                    const std::string& making) {
  Command command = ServerCommand(programs, user, making);
  command.arguments = {programs.program("postgres"), "--single", "-F"};
  for (const char* argument : {"-c", "exit_on_error=true", "-D"}) {
    command.arguments.emplace_back(argument);
  }
  command.arguments.push_back(making + "/data");
  command.arguments.emplace_back("postgres");
  command.input_file = making + "/statements";
  SPILLWAY_TRY(state::ReplaceFile(command.input_file,
                                  std::string("CREATE DATABASE ") + kDatabase + "\n", 0600));
  SPILLWAY_ASSIGN(const ProgramResult result, RunProgram(context, command));
  return result.exit_code == 0 ? Status() : Failed("making the database", result, making);
}

Status Fill(const Context& context, const std::string& making, const ServerPrograms& programs,
            const OsUser& user, const Secret& password) {
  SPILLWAY_TRY(GiveTo(user, making));
  const std::string password_file = making + "/password";
  SPILLWAY_TRY(state::ReplaceFile(password_file, password.Reveal() + "\n", 0600));
  SPILLWAY_TRY(GiveTo(user, password_file));
  SPILLWAY_TRY(RunInitdb(context, programs, user, making));
  SPILLWAY_TRY(MakeDatabase(context, programs, user, making));
  SPILLWAY_TRY(Configure(making + "/data", user));
  return SyncTree(context, making + "/data");
}

}  // namespace

void RemoveUnfinishedData(const BranchFolder& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> unfinished;
  for (std::filesystem::directory_iterator entry(folder.path(), error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename().string().starts_with(kMaking)) unfinished.push_back(entry->path());
  }
  for (const auto& path : unfinished) {
    // What a killed initdb had started may write for another moment.
    for (int attempt = 1; attempt <= kRemovals; ++attempt) {
      std::filesystem::remove_all(path, error);
      if (!error) break;
      std::this_thread::sleep_for(kBetweenRemovals);
    }
  }
}

Status CreateData(const Context& context, const BranchFolder& folder,
                  const ServerPrograms& programs, const OsUser& user, const Secret& password) {
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
