#ifndef SPILLWAY_LAKEBASE_POSTMASTER_H_
#define SPILLWAY_LAKEBASE_POSTMASTER_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/result.h"

/// Server processes on a data folder, found in the folder's postmaster.pid and in /proc.
namespace spillway::lakebase {

/// What postmaster.pid says. A process of that number need not be a server.
struct PostmasterFile {
  pid_t pid = 0;
  std::uint16_t port = 0;
  std::string status;  ///< starting, ready, stopping, standby; empty in the first moments
};

/// nullopt when there is none or it is only half written.
base::Result<std::optional<PostmasterFile>> ReadPostmasterFile(const std::string& data_folder);

/// Whether the process is a live `postgres` whose working folder is `data_folder`, which every
/// process of a server has. A reused pid is told apart by this.
bool IsServerProcess(pid_t pid, const std::string& data_folder);

/// The live postmaster that postmaster.pid names, if it is one.
base::Result<std::optional<PostmasterFile>> FindPostmaster(const std::string& data_folder);

/// All server processes on the folder.
std::vector<pid_t> ServerProcesses(const std::string& data_folder);

/// Ends server processes that have lost their postmaster; they hold the shared memory and would
/// block a start. Returns when they are gone.
/// REQUIRES: the caller holds the cluster's lock and FindPostmaster found none.
base::Status EndOrphans(const base::Context& context, const std::string& data_folder);

/// Removes a postmaster.pid whose process number is in use, but not by a server on the folder:
/// another program's by now, or a dead server's that nobody has buried (in containers whose first
/// process does not). PostgreSQL itself removes one whose number is free, but refuses to start over
/// these.
/// REQUIRES: as EndOrphans, which was called before.
base::Status RemoveStalePostmasterFile(const std::string& data_folder);

}  // namespace spillway::lakebase

#endif  // SPILLWAY_LAKEBASE_POSTMASTER_H_
