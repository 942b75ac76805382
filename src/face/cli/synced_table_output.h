#ifndef SPILLWAY_FACE_CLI_SYNCED_TABLE_OUTPUT_H_
#define SPILLWAY_FACE_CLI_SYNCED_TABLE_OUTPUT_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "face/cli/command.h"
#include "service/synced_tables.h"
#include "sync/definition.h"

/// How synced tables are printed and altered, for every command that does: those of `synced-table`
/// and the statements of `sql`. Plans and syncs are sync_output.h's.
namespace spillway::face::cli {

/// Prints definition, state and position of each. REQUIRES: `as_list`, or one view.
void PrintViews(Session* session, const std::vector<service::SyncedTableView>& views, bool as_list);

/// Prints each of the named synced tables as PrintViews does, a list when there are several names.
/// The exit code and errors as ForEachName has them.
base::Result<int> ShowTables(Session* session, service::World& world,
                             const std::vector<std::string>& names);

/// Pauses or resumes each name by `verb` and says that it is `done`, with the verb's note. The exit
/// code and errors as ForEachName has them.
base::Result<int> TellEach(Session* session, service::World& world,
                           const std::vector<std::string>& names, std::string_view done,
                           base::Result<std::string> (*verb)(const base::Context&, service::World&,
                                                             std::string_view));

/// Does `verb` for each name; one that fails never stops another. Of a single name the error is
/// returned; of several each is shown, and the exit code is 1. Errors: CANCELLED.
base::Result<int> ForEachName(Session* session, const std::vector<std::string>& names,
                              const std::function<base::Status(const std::string& name)>& verb);

/// Prints one line for each.
void PrintList(Session* session, const std::vector<service::SyncedTableView>& views);

/// Says what of a definition is kept but not acted on.
void NotePending(Session* session, const sync::Definition& definition);

/// Alters the synced table from `before` to `after` and says what that means. The exit code.
base::Result<int> AlterTo(Session* session, service::World& world, const sync::Definition& before,
                          const sync::Definition& after, bool dry_run);

}  // namespace spillway::face::cli

#endif  // SPILLWAY_FACE_CLI_SYNCED_TABLE_OUTPUT_H_
