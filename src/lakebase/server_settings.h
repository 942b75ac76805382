#ifndef SPILLWAY_LAKEBASE_SERVER_SETTINGS_H_
#define SPILLWAY_LAKEBASE_SERVER_SETTINGS_H_

#include <cstdint>
#include <string>

namespace spillway::lakebase {

/// What a server can use.
struct Machine {
  std::int64_t memory_bytes = 0;     ///< of the machine or the control group
  std::int64_t free_disk_bytes = 0;  ///< where the data lies
  int cores = 1;
  bool syncfs_reports_errors = false;  ///< Linux 5.8 and later
};

/// This machine; the disk is that of `folder`.
Machine MeasureMachine(const std::string& folder);

/// The include file of a local server's configuration: sized to the machine, safe (fsync,
/// full_page_writes and synchronous_commit are on).
std::string ServerSettings(const Machine& machine);

}  // namespace spillway::lakebase

#endif  // SPILLWAY_LAKEBASE_SERVER_SETTINGS_H_
