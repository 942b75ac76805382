#ifndef SPILLWAY_FACE_CLI_COMMAND_H_
#define SPILLWAY_FACE_CLI_COMMAND_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "face/cli/console.h"
#include "face/cli/progress.h"
#include "service/world.h"

namespace CLI {
class App;
}

namespace spillway::face::cli {

/// What every command has at hand. Lives as long as the program.
struct Session {
  Console* console = nullptr;
  base::Context context;
  state::Environment environment;
  std::string working_folder;
  std::string home;  ///< --home
  bool yes = false;
  bool syncs = false;    ///< the command has begun to sync: what is interrupted is a sync
  bool dry_run = false;  ///< of a command with AddDryRun; World::rehearses() then
  /// What followed `pg psql`: psql's own arguments, which are not ours to understand.
  std::vector<std::string> psql_arguments;
  ProgressStyle progress = ProgressStyle::kAuto;
  /// What the chosen command does; set while the command line is parsed. Returns the exit code.
  std::function<base::Result<int>(service::World& world)> action;
  /// The same of a command that makes do with a home that cannot be used; instead of `action`.
  std::function<base::Result<int>()> homeless_action;
  /// The world of `action` needs no state: nothing is made in the home.
  bool stateless = false;
};

// Each adds its commands to `app`; options' storage lives in the closures that become
// Session::action.
void AddSyncedTableCommands(CLI::App* app, Session* session);
void AddSyncCommands(CLI::App* app, Session* session);
void AddApplyCommands(CLI::App* app, Session* session);
void AddExportCommands(CLI::App* app, CLI::App* synced_table, Session* session);
void AddSqlCommand(CLI::App* app, Session* session);
void AddRejectedCommands(CLI::App* app, Session* session);
void AddLakeCommands(CLI::App* app, Session* session);
void AddSourceCommands(CLI::App* app, Session* session);
void AddTargetCommands(CLI::App* app, Session* session);
void AddPostgresCommands(CLI::App* app, Session* session);
void AddDoctorCommand(CLI::App* app, Session* session);

/// Adds --dry-run to a command that changes something.
void AddDryRun(CLI::App* command, Session* session);

/// Parses `K=V` texts. Errors: INVALID_ARGUMENT naming `flag`.
base::Result<std::map<std::string, std::string>> ParseAssignments(
    const std::vector<std::string>& texts, std::string_view flag);

}  // namespace spillway::face::cli

#endif  // SPILLWAY_FACE_CLI_COMMAND_H_
