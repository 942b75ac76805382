#ifndef SPILLWAY_SERVICE_SELECTION_H_
#define SPILLWAY_SERVICE_SELECTION_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "state/store.h"

/// Which synced tables a command line means: names, patterns or all.
namespace spillway::service {

/// Whether `name`, as state::SyncedTable::name() writes it, fits `pattern`, in which `*` stands for
/// any characters, dots between the parts too, and `?` for one of a part, but where they are in
/// double quotes. The parts are compared as they are, without the quotes of either: `My*` fits the
/// schema "My.Schema"; a dot outside of quotes is one between parts. Case counts.
bool FitsPattern(std::string_view pattern, std::string_view name);

/// Whether a word of a command line is a pattern rather than a name: it holds * or ? outside of
/// double quotes.
bool IsPattern(std::string_view word);

/// The tables of the store that `wanted` names, each once, in the order of `wanted` and, within a
/// pattern, of their names. Errors: SYNCED_TABLE_NOT_FOUND for a name that is not there (details
/// `nearest`) or a pattern that fits none; INVALID_ARGUMENT for what is no name.
base::Result<std::vector<state::SyncedTable>> SelectSyncedTables(
    const base::Context& context, state::Store& store, const std::vector<std::string>& wanted);

}  // namespace spillway::service

#endif  // SPILLWAY_SERVICE_SELECTION_H_
