#ifndef SPILLWAY_LAKEBASE_SERVER_PROGRAMS_H_
#define SPILLWAY_LAKEBASE_SERVER_PROGRAMS_H_

#include <string>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "state/home.h"

namespace spillway::lakebase {

/// The oldest PostgreSQL that Spillway runs.
inline constexpr int kOldestMajor = 15;

/// The programs of one PostgreSQL release.
struct ServerPrograms {
  std::string folder;   ///< holds initdb, postgres, psql
  std::string version;  ///< 15.8
  int major = 0;
  std::string program(const std::string& name) const { return folder + "/" + name; }
};

/// What is installed, newest first: SPILLWAY_PG_BIN alone when it is set, else
/// /usr/lib/postgresql/*/bin, then the folders of PATH. Runs `postgres --version` of each. Releases
/// that are too old are listed too.
std::vector<ServerPrograms> InstalledPrograms(const base::Context& context,
                                              const state::Environment& environment);

/// The programs for a new cluster (`major` 0: the newest), or for data made by release `major`.
/// LOCAL_POSTGRES naming what was found and how to install what is missing.
base::Result<ServerPrograms> FindPrograms(const base::Context& context,
                                          const state::Environment& environment, int major);

}  // namespace spillway::lakebase

#endif  // SPILLWAY_LAKEBASE_SERVER_PROGRAMS_H_
