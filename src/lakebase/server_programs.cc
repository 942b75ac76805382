#include "lakebase/server_programs.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "lakebase/process.h"

namespace spillway::lakebase {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

// "postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)" and "… 18beta1".
std::optional<ServerPrograms> ParseVersion(std::string_view output, std::string folder) {
  constexpr std::string_view kBefore = "(PostgreSQL) ";
  const auto at = output.find(kBefore);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view version = output.substr(at + kBefore.size());
  version = version.substr(0, version.find_first_of(" \n"));
  ServerPrograms programs;
  programs.folder = std::move(folder);
  programs.version = version;
  const auto parsed =
      std::from_chars(version.data(), version.data() + version.size(), programs.major);
  if (parsed.ec != std::errc()) return std::nullopt;
  return programs;
}

std::optional<ServerPrograms> Examine(const Context& context, const std::string& folder) {
  for (const char* name : {"initdb", "postgres"}) {
    if (access((folder + "/" + name).c_str(), X_OK) != 0) return std::nullopt;
  }
  Command command;
  command.arguments = {folder + "/postgres", "--version"};
  command.environment = {"LC_ALL=C"};
  command.folder = "/";
  const auto result = RunProgram(context.Within(std::chrono::seconds(10)), command);
  if (!result.ok() || result->exit_code != 0) return std::nullopt;
  return ParseVersion(result->output, folder);
}

std::vector<std::string> CandidateFolders(const state::Environment& environment) {
  if (const auto chosen = environment("SPILLWAY_PG_BIN"); chosen && !chosen->empty()) {
    std::error_code ignored;
    return {std::filesystem::absolute(*chosen, ignored).string()};
  }
  std::vector<std::string> folders;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/usr/lib/postgresql", error), end;
       !error && entry != end; entry.increment(error)) {
    folders.push_back(entry->path().string() + "/bin");
  }
  const std::string path = environment("PATH").value_or("");
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find(':', begin), path.size());
    std::string folder = path.substr(begin, end - begin);
    begin = end + 1;
    if (folder.starts_with('/')) folders.push_back(std::move(folder));
  }
  return folders;
}

std::string Listed(const std::vector<ServerPrograms>& all) {
  std::string text;
  for (const auto& programs : all) {
    if (!text.empty()) text += ", ";
    text += programs.version + " in " + programs.folder;
  }
  return text.empty() ? "none" : text;
}

}  // namespace

std::vector<ServerPrograms> InstalledPrograms(const Context& context,
                                              const state::Environment& environment) {
  std::vector<ServerPrograms> all;
  for (const std::string& folder : CandidateFolders(environment)) {
    std::error_code ignored;
    const auto same = [&](const ServerPrograms& other) {
      return std::filesystem::equivalent(other.program("postgres"), folder + "/postgres", ignored);
    };
    if (std::any_of(all.begin(), all.end(), same)) continue;
    if (auto programs = Examine(context, folder)) all.push_back(*std::move(programs));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.major != b.major ? a.major > b.major : a.folder < b.folder;
  });
  return all;
}

Result<ServerPrograms> FindPrograms(const Context& context, const state::Environment& environment,
                                    int major) {
  SPILLWAY_TRY(context.Check());
  std::vector<ServerPrograms> all = InstalledPrograms(context, environment);
  SPILLWAY_TRY(context.Check());
  for (auto& programs : all) {
    if (major == 0 ? programs.major >= kOldestMajor : programs.major == major) {
      return std::move(programs);
    }
  }
  const auto chosen = environment("SPILLWAY_PG_BIN");
  const std::string where = chosen ? " (SPILLWAY_PG_BIN is " + *chosen + ")" : "";
  if (major != 0) {
    return Status(ErrorClass::kLocalPostgres,
                  "the local PostgreSQL was made by release " + std::to_string(major) +
                      ", whose programs are not installed; found: " + Listed(all) + where)
        .With("major", std::to_string(major))
        .Mend("Install postgresql-" + std::to_string(major) +
              ", or name its folder with SPILLWAY_PG_BIN.");
  }
  return Status(ErrorClass::kLocalPostgres, "no PostgreSQL " + std::to_string(kOldestMajor) +
                                                " or newer is installed; found: " + Listed(all) +
                                                where)
      .Mend(
          "Install it (Debian: apt-get install --no-install-recommends postgresql), or name the "
          "folder of its programs with SPILLWAY_PG_BIN.");
}

}  // namespace spillway::lakebase
