#ifndef SPILLWAY_STATE_SQLITE_LAYOUT_H_
#define SPILLWAY_STATE_SQLITE_LAYOUT_H_

#include <memory>
#include <span>
#include <string>

#include "base/context.h"
#include "base/result.h"
#include "state/sqlite_connection.h"

/// The layout of the state file, how one is made, and how an older one is brought up to date
/// (docs/formats/state.md). Internal to `state`.
namespace spillway::state {

/// The statements that lead from layout N (the index) to N + 1.
using Migration = std::span<const char* const>;

/// This release's migrations; their number is its layout.
std::span<const Migration> Migrations();

/// Makes a new file at `path` with all of `migrations` applied, unless another process was first.
/// The file appears whole or not at all.
base::Status MakeStateFile(const base::Context& context, const std::string& path,
                           std::span<const Migration> migrations);

/// Checks that the open file is a state file and brings it to the layout of `migrations` in one
/// transaction. STATE_CORRUPT, NOT_YET_SUPPORTED (a newer layout).
base::Status CheckLayout(SqliteConnection* connection, const std::string& path,
                         std::span<const Migration> migrations);

/// Reads the whole file and checks its structure. STATE_CORRUPT.
base::Status CheckStructure(SqliteConnection* connection, const std::string& path);

/// The error of a state file that cannot be what it should.
base::Status Corrupt(const std::string& path, std::string_view reason);

}  // namespace spillway::state

#endif  // SPILLWAY_STATE_SQLITE_LAYOUT_H_
