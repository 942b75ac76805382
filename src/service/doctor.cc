#include "service/doctor.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <set>
#include <system_error>

#include "base/shell_word.h"
#include "lakebase/doctor_checks.h"
#include "service/registry.h"
#include "service/world.h"
#include "state/durable_file.h"

namespace spillway::service {
namespace {

using base::Result;
using base::Status;

// A probe of something that may be down must not make the doctor wait for long.
constexpr std::chrono::seconds kProbeTime{5};

// Whether state and locks, which are there, can be written.
Status Writable(const state::Home& home) {
  for (const std::string& path : {home.state_file(), home.locks()}) {
    const int wanted = path == home.state_file() ? R_OK | W_OK : R_OK | W_OK | X_OK;
    if (eaccess(path.c_str(), wanted) == 0 || errno == ENOENT) continue;
    return state::FileError(errno, "write", path)
        .Mend("Give it back to the user who runs Spillway: chown, chmod u+rwX " +
              base::ShellWord(path));
  }
  return Status();
}

// The checks of a target: one line when all is well, else one for each problem.
void CheckTargets(const base::Context& context, World& world, std::vector<DoctorLine>* lines) {
  const auto targets = world.store().ListTargets(context);
  if (!targets.ok()) {
    lines->push_back({"targets", targets.status(), ""});
    return;
  }
  for (const state::Target& registered : *targets) {
    const base::Context brief = context.Within(kProbeTime);
    const DoctorLine line{"target " + registered.name, Status(), registered.url};
    const auto checks = TestTarget(brief, world, registered.name);
    if (!checks.ok()) {
      lines->push_back({line.name, checks.status(), line.note});
      continue;
    }
    const std::size_t before = lines->size();
    for (const target::Check& check : *checks) {
      if (!check.outcome.ok()) {
        lines->push_back({line.name, Status(check.outcome).While(check.name), line.note});
      }
    }
    if (lines->size() == before) {
      lines->push_back({line.name, Status(), line.note + "; can be written"});
    }
  }
}

// The mend of a source's problem for whoever has asked the doctor already.
Status ForSource(Status outcome, const std::string& source) {
  if (outcome.ok()) return outcome;
  switch (outcome.error_class()) {
    case base::ErrorClass::kStoreAuthentication:
      return std::move(outcome).Mend("Check the credential that the note names, its permissions.");
    case base::ErrorClass::kSourceNotFound:
      return std::move(outcome).Mend("Check the URL, and whether the table was moved or deleted.");
    case base::ErrorClass::kInvalidArgument:
      return std::move(outcome).Mend(
          "Correct its options; look at them with: spillway source show " +
          base::ShellWord(source));
    default:
      return outcome;
  }
}

DoctorLine CheckSource(const base::Context& context, World& world, const std::string& source,
                       const std::string& url) {
  const base::Context brief = context.Within(kProbeTime);
  DoctorLine line{"source " + source, Status(), url};
  const auto resolved = world.sources().Resolve(brief, source);
  const auto lake = world.Lake();
  if (!resolved.ok()) {
    line.outcome = resolved.status();
  } else if (!lake.ok()) {
    line.outcome = lake.status();
  } else if (auto probe = (*lake)->Check(brief, resolved->location); !probe.ok()) {
    line.outcome = probe.status();
  } else {
    line.outcome = ForSource(std::move(probe->outcome), source);
    const std::string credential =
        "credential: " + (probe->credential.empty() ? "none" : probe->credential);
    line.note += (line.note.empty() ? "" : "; ") + credential;
  }
  return line;
}

void CheckSources(const base::Context& context, World& world, std::vector<DoctorLine>* lines) {
  const auto sources = world.store().ListSources(context);
  if (!sources.ok()) {
    lines->push_back({"sources", sources.status(), ""});
    return;
  }
  std::set<std::string> seen;
  for (const state::Source& registered : *sources) {
    seen.insert(registered.name);
    lines->push_back(CheckSource(context, world, registered.name, registered.url));
  }
  const auto tables = world.store().ListSyncedTables(context);
  if (!tables.ok()) {
    lines->push_back({"synced tables", tables.status(), ""});
    return;
  }
  for (const state::SyncedTable& table : *tables) {
    if (!seen.insert(table.source).second) continue;
    lines->push_back(CheckSource(context, world, table.source, ""));
  }
}

}  // namespace

std::vector<DoctorLine> Doctor(const base::Context& context, std::string_view home,
                               const state::Environment& environment,
                               const std::string& working_folder) {
  std::vector<DoctorLine> lines;
  const Result<state::Home> resolved = state::Home::Resolve(home, environment);
  if (!resolved.ok()) {
    lines.push_back({"home", resolved.status(), ""});
    return lines;
  }
  for (const lakebase::DoctorCheck& check :
       lakebase::CheckLocalPostgres(context, *resolved, environment)) {
    lines.push_back({check.name, check.outcome, check.note});
  }
  // Before there is a state file nothing is registered; a home that is no folder is told above.
  std::error_code ignored;
  if (!std::filesystem::exists(resolved->state_file(), ignored)) return lines;
  const auto world =
      World::Open(context, home, environment, working_folder, state::WriteMode::kRehearse);
  lines.push_back(
      {"state", world.ok() ? Writable(*resolved) : world.status(), resolved->state_file()});
  if (!world.ok()) return lines;
  CheckTargets(context, **world, &lines);
  CheckSources(context, **world, &lines);
  return lines;
}

}  // namespace spillway::service
