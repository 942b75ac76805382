#ifndef SPILLWAY_FACE_CLI_DEFINITION_FILES_H_
#define SPILLWAY_FACE_CLI_DEFINITION_FILES_H_

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "service/configuration.h"
#include "state/home.h"

namespace spillway::face::cli {

/// A file as read.
struct TextFile {
  std::string name;    ///< as given; "standard input" for -
  std::string folder;  ///< absolute, where it lies; the working folder for -
  std::string text;
};

/// Reads `path` whole, standard input for `-`. Errors: INVALID_ARGUMENT (there is none, a folder),
/// FILE_UNUSABLE; CANCELLED when `stop` is requested while standard input is waited for.
base::Result<TextFile> ReadTextFile(const std::string& path, const std::string& working_folder,
                                    const std::stop_token& stop);

/// What all the definition files declare together. Errors: those of ReadTextFile and of reading
/// YAML, with the place.
base::Result<service::Configuration> ReadDefinitionFiles(const std::vector<std::string>& paths,
                                                         const std::string& working_folder,
                                                         const state::Environment& environment,
                                                         const std::stop_token& stop);

enum class DefinitionForm { kYaml, kSql, kCli };

/// `configuration` in a form: a document, statements, or commands for a POSIX shell.
std::string WriteConfiguration(const service::Configuration& configuration, DefinitionForm form);

}  // namespace spillway::face::cli

#endif  // SPILLWAY_FACE_CLI_DEFINITION_FILES_H_
