#ifndef SPILLWAY_FACE_CLI_DEFINITION_FLAGS_H_
#define SPILLWAY_FACE_CLI_DEFINITION_FLAGS_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sync/definition.h"
#include "sync/definition_fields.h"

namespace CLI {
class App;
}

namespace spillway::face::cli {

/// The fields of a definition as flags of a command: one for each row of sync::Fields(). Lives as
/// long as the command; used by one thread.
class DefinitionFlags {
 public:
  /// Adds the flags to `command`, which must not outlive this.
  void AddTo(CLI::App* command);

  /// Whether the command line has the flag of this field.
  bool Given(std::string_view key) const { return given_.contains(std::string(key)); }
  bool empty() const { return given_.empty(); }

  /// Sets what was given. Errors: INVALID_DEFINITION naming the field.
  base::Status Apply(sync::Definition* definition) const;

 private:
  std::map<std::string, std::vector<std::string>> given_;
};

/// `spillway synced-table create NAME --from …`: the command that makes this definition, quoted for
/// a POSIX shell. What is left at its default is left out.
std::string CreateCommand(const sync::Definition& definition);

}  // namespace spillway::face::cli

#endif  // SPILLWAY_FACE_CLI_DEFINITION_FLAGS_H_
