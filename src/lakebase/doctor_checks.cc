#include "lakebase/doctor_checks.h"

#include <locale.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/shell_word.h"
#include "lakebase/branch_folder.h"
#include "lakebase/cluster.h"
#include "lakebase/os_user.h"
#include "lakebase/passage.h"
#include "lakebase/port.h"
#include "lakebase/postmaster.h"
#include "lakebase/process.h"
#include "lakebase/server_programs.h"
#include "lakebase/server_settings.h"
#include "state/durable_file.h"

namespace spillway::lakebase {
namespace {

using base::Context;
using base::ErrorClass;
using base::Status;

constexpr std::int64_t kGiB = std::int64_t{1} << 30;
constexpr std::int64_t kLeastDisk = 1 * kGiB;

// The nearest folder on the way to `path` that exists.
std::string Existing(const std::string& path) {
  std::filesystem::path here = path;
  std::error_code ignored;
  while (!std::filesystem::exists(here, ignored) && here.has_relative_path()) {
    here = here.parent_path();
  }
  return here.string();
}

std::string Gibibytes(std::int64_t bytes) {
  const std::int64_t tenths = bytes * 10 / kGiB;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GiB";
}

DoctorCheck CheckPrograms(const Context& context, const state::Environment& environment,
                          std::vector<ServerPrograms>* installed) {
  DoctorCheck check{"PostgreSQL programs", Status(), ""};
  *installed = InstalledPrograms(context, environment);
  for (const auto& programs : *installed) {
    if (!check.note.empty()) check.note += ", ";
    check.note += programs.version + " in " + programs.folder;
  }
  check.outcome = FindPrograms(context, environment, 0).status();
  return check;
}

// The folder of a release's extensions, which pg_config knows; programs without it are asked by
// their place.
std::string ExtensionFolder(const Context& context, const ServerPrograms& programs) {
  Command command;
  command.arguments = {programs.program("pg_config"), "--sharedir"};
  command.environment = {"LC_ALL=C"};
  command.folder = "/";
  const auto result = RunProgram(context.Within(std::chrono::seconds(10)), command);
  if (result.ok() && result->exit_code == 0) {
    std::string folder = result->output;
    while (folder.ends_with('\n')) folder.pop_back();
    return folder + "/extension";
  }
  const std::string debian =
      "/usr/share/postgresql/" + std::to_string(programs.major) + "/extension";
  std::error_code ignored;
  if (programs.folder.starts_with("/usr/lib/postgresql/") &&
      std::filesystem::exists(debian, ignored)) {
    return debian;
  }
  return std::filesystem::path(programs.folder).parent_path().string() +
         "/share/postgresql/extension";
}

DoctorCheck CheckVector(const Context& context, const std::vector<ServerPrograms>& installed) {
  DoctorCheck check{"pgvector", Status(), ""};
  if (installed.empty()) {
    check.note = "not looked for without PostgreSQL";
    return check;
  }
  const ServerPrograms& newest = installed.front();
  const std::string control = ExtensionFolder(context, newest) + "/vector.control";
  if (access(control.c_str(), R_OK) == 0) {
    check.note = "installed for PostgreSQL " + newest.version;
    return check;
  }
  // Only vector and halfvec columns need it, so its absence is a note.
  check.note = "not installed for PostgreSQL " + newest.version +
               "; columns of type vector(n) or halfvec(n) need it (apt-get install postgresql-" +
               std::to_string(newest.major) + "-pgvector)";
  return check;
}

DoctorCheck CheckUser() {
  DoctorCheck check{"PostgreSQL user", Status(), ""};
  const auto user = ServerUser();
  if (user.ok()) {
    check.note = "runs as " + user->name;
  } else {
    check.outcome = user.status();
  }
  return check;
}

DoctorCheck CheckLocale() {
  DoctorCheck check{"locale", Status(), "C.UTF-8"};
  const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (locale == nullptr) {
    check.note =
        "C.UTF-8 is not known here: a new cluster will know upper and lower case of ASCII letters "
        "only";
  } else {
    freelocale(locale);
  }
  return check;
}

// Whether the home can be, or become, a folder of this user.
DoctorCheck CheckHome(const state::Home& home) {
  DoctorCheck check{"home", Status(), home.path()};
  const std::string existing = Existing(home.path());
  struct stat found{};
  if (stat(existing.c_str(), &found) == 0 && !S_ISDIR(found.st_mode)) {
    check.outcome = state::FileError(ENOTDIR, "use the home", existing);
    return check;
  }
  // access() promises root what a file system may refuse all the same.
  std::string probe = existing + "/.spillway-doctor-XXXXXX";
  if (mkdtemp(probe.data()) != nullptr) {
    rmdir(probe.c_str());
  } else {
    check.outcome =
        Status(ErrorClass::kFileUnusable, "the home cannot be written: " + existing + ": " +
                                              std::generic_category().message(errno))
            .With("path", existing)
            .Mend("Give yourself the right to write " + existing + ", or choose another --home.");
    return check;
  }
  if (existing != home.path()) check.note += " (not made yet)";
  return check;
}

// A line for the home, or one for each thing that is wrong with it. Whether state and locks can be
// used is the service's to say.
void AddHome(const state::Home& home, std::vector<DoctorCheck>* checks) {
  const DoctorCheck itself = CheckHome(home);
  const std::size_t before = checks->size();
  const auto add = [&](const std::string& message, const std::string& path,
                       const std::string& mend) {
    Status outcome = Status(ErrorClass::kFileUnusable, message).With("path", path).Mend(mend);
    checks->push_back({itself.name, std::move(outcome), itself.note});
  };
  if (!itself.outcome.ok()) checks->push_back(itself);
  struct stat found{};
  for (const auto& file : {home.state_file(), home.secrets_file()}) {
    if (stat(file.c_str(), &found) != 0 || (found.st_mode & 077) == 0) continue;
    add("others may read " + file, file, "chmod 600 " + base::ShellWord(file));
  }
  for (const auto& path : {home.secrets_file(), home.logs(), home.lakebase()}) {
    if (stat(path.c_str(), &found) != 0) continue;
    const int wanted = R_OK | W_OK | (S_ISDIR(found.st_mode) ? X_OK : 0);
    if (eaccess(path.c_str(), wanted) == 0) continue;
    add("not readable and writable for this user: " + path, path,
        "Give it back to the user who runs Spillway: chown, chmod u+rwX " + base::ShellWord(path));
  }
  if (checks->size() == before) checks->push_back(itself);
}

DoctorCheck CheckPassage(const state::Home& home) {
  DoctorCheck check{"way to the home", Status(), ""};
  const auto user = ServerUser();
  if (!user.ok()) {
    check.note = "not looked at without a user to run as";
    return check;
  }
  const std::string existing = Existing(home.path());
  std::error_code error;
  if (!std::filesystem::is_directory(existing, error)) {
    check.note = "not looked at: " + existing + " is no folder";
  } else if (CanEnter(*user, existing)) {
    check.note = user->name + " can pass";
  } else {
    check.note = user->name + " cannot enter " + existing +
                 " yet; the first start gives it the right to pass through";
  }
  return check;
}

DoctorCheck CheckDisk(const state::Home& home) {
  DoctorCheck check{"disk space", Status(), ""};
  const Machine machine = MeasureMachine(Existing(home.path()));
  check.note = Gibibytes(machine.free_disk_bytes) + " free at " + Existing(home.path());
  if (machine.free_disk_bytes < kLeastDisk) {
    check.outcome = Status(ErrorClass::kStoreNoSpace,
                           "less than " + Gibibytes(kLeastDisk) + " is free at " + home.path())
                        .Mend("Free space, or choose a --home on another disk.");
  }
  return check;
}

// Folders beside the cluster's own that nothing refers to: reported, never removed.
std::string UnknownFolders(const state::Home& home, const std::string& uid) {
  std::string unknown;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(BranchFolder::ProjectFolder(home), error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with("br-") && name != uid) unknown += "; unknown folder " + name;
  }
  return unknown;
}

DoctorCheck CheckCluster(const Context& context, const state::Home& home,
                         const state::Environment& environment) {
  DoctorCheck check{"local PostgreSQL", Status(), ""};
  const auto status = Cluster(home, environment).GetStatus(context);
  if (!status.ok()) {
    check.outcome = status.status();
    return check;
  }
  check.note = Name(status->state);
  if (status->state == ClusterState::kAbsent) {
    check.note += "; the first spillway pg start or sync makes it";
    return check;
  }
  check.note += ", " + status->server_version + ", user " + status->os_user;
  if (status->pid != 0) check.note += ", process " + std::to_string(status->pid);
  if (status->endpoint) {
    check.note += ", port " + std::to_string(status->endpoint->port);
    if (status->state == ClusterState::kStopped && !IsPortFree(status->endpoint->port)) {
      check.outcome = PortTaken(status->endpoint->port);
    }
  }
  check.note += UnknownFolders(home, status->uid);
  return check;
}

}  // namespace

std::vector<DoctorCheck> CheckLocalPostgres(const Context& context, const state::Home& home,
                                            const state::Environment& environment) {
  std::vector<ServerPrograms> installed;
  std::vector<DoctorCheck> checks;
  AddHome(home, &checks);
  checks.push_back(CheckDisk(home));
  checks.push_back(CheckPrograms(context, environment, &installed));
  checks.push_back(CheckUser());
  checks.push_back(CheckPassage(home));
  checks.push_back(CheckLocale());
  checks.push_back(CheckVector(context, installed));
  checks.push_back(CheckCluster(context, home, environment));
  return checks;
}

}  // namespace spillway::lakebase
