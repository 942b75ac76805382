#include "face/cli/definition_files.h"

#include <unistd.h>

#include <filesystem>
#include <set>

#include "base/absolute_path.h"
#include "base/shell_word.h"
#include "face/cli/definition_flags.h"
#include "face/cli/stoppable_input.h"
#include "face/sql/statement.h"
#include "face/yaml/document.h"
#include "state/durable_file.h"

namespace spillway::face::cli {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

std::string TargetCommand(const service::TargetDeclaration& target) {
  std::string command =
      "spillway target add " + base::ShellWord(target.name) + " " + base::ShellWord(target.url);
  if (!target.password.empty()) command += " --password " + base::ShellWord(target.password);
  return command;
}

std::string SourceCommand(const service::SourceDeclaration& source) {
  std::string command =
      "spillway source add " + base::ShellWord(source.name) + " " + base::ShellWord(source.url);
  for (const auto& [option, value] : source.storage_options) {
    command += " --storage-option " + base::ShellWord(option + "=" + value);
  }
  return command;
}

}  // namespace

Result<TextFile> ReadTextFile(const std::string& path, const std::string& working_folder,
                              const std::stop_token& stop) {
  TextFile file{path, working_folder, ""};
  if (path == "-") {
    file.name = "standard input";
    SPILLWAY_ASSIGN(file.text, ReadAll(STDIN_FILENO, stop));
    return file;
  }
  const std::filesystem::path absolute = base::AbsolutePath(working_folder, path);
  file.folder = absolute.parent_path().string();
  std::error_code ignored;
  if (std::filesystem::is_directory(absolute, ignored)) {
    return Status(ErrorClass::kInvalidArgument, "this is a folder, not a file: " + path);
  }
  SPILLWAY_ASSIGN(auto text, state::ReadSmallFile(absolute.string()));
  if (!text) return Status(ErrorClass::kInvalidArgument, "there is no file " + path);
  file.text = *std::move(text);
  return file;
}

Result<service::Configuration> ReadDefinitionFiles(const std::vector<std::string>& paths,
                                                   const std::string& working_folder,
                                                   const state::Environment& environment,
                                                   const std::stop_token& stop) {
  service::Configuration all;
  std::set<std::filesystem::path> seen;
  for (const std::string& path : paths) {
    if (!seen.insert(base::AbsolutePath(working_folder, path)).second) {
      return Status(ErrorClass::kInvalidArgument, "the file is given twice: " + path);
    }
    SPILLWAY_ASSIGN(const TextFile file, ReadTextFile(path, working_folder, stop));
    SPILLWAY_ASSIGN(service::Configuration one,
                    yaml::ReadDocument(file.text, {file.name, file.folder}, environment));
    SPILLWAY_TRY(service::Merge(std::move(one), &all));
  }
  return all;
}

std::string WriteConfiguration(const service::Configuration& configuration, DefinitionForm form) {
  if (form == DefinitionForm::kYaml) return yaml::WriteDocument(configuration);
  const bool is_sql = form == DefinitionForm::kSql;
  std::string text;
  for (const service::TargetDeclaration& target : configuration.targets) {
    text += is_sql ? sql::CreateStatement(target) : TargetCommand(target) + "\n";
  }
  for (const service::SourceDeclaration& source : configuration.sources) {
    text += is_sql ? sql::CreateStatement(source) : SourceCommand(source) + "\n";
  }
  for (const service::TableDeclaration& table : configuration.tables) {
    text +=
        is_sql ? sql::CreateStatement(table.definition) : CreateCommand(table.definition) + "\n";
  }
  return text;
}

}  // namespace spillway::face::cli
