#ifndef SPILLWAY_LAKEBASE_PROCESS_H_
#define SPILLWAY_LAKEBASE_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "lakebase/os_user.h"

/// Starting and watching programs. Errors are LOCAL_POSTGRES unless said otherwise.
namespace spillway::lakebase {

/// A program to run. Nothing is inherited but what is named: no descriptors, signals handlers or
/// environment.
struct Command {
  std::vector<std::string> arguments;    ///< [0] is the program's path
  std::vector<std::string> environment;  ///< NAME=value
  std::string folder;                    ///< to run in
  std::string input_file;  ///< what stdin reads, opened with our rights; empty: nothing
  OsUser user;
};

struct ProgramResult {
  int exit_code = 0;   ///< 128 + signal when it was killed
  std::string output;  ///< stdout and stderr together, the last 64 KiB
};

/// Runs a program to its end. When the context ends first, the program is killed, and CANCELLED or
/// DEADLINE_EXCEEDED returned. It is killed too when the calling thread's process dies.
base::Result<ProgramResult> RunProgram(const base::Context& context, const Command& command);

/// Starts a program in a session of its own, as nobody's child, with stdout and stderr appended to
/// `log_file` (0600, opened with our rights). Returns its pid once the program is running.
base::Result<pid_t> StartDaemon(const Command& command, const std::string& log_file);

/// Whether the process exists and is no zombie.
bool IsAlive(pid_t pid);

/// Waits for a process, ours or not, to end. CANCELLED, DEADLINE_EXCEEDED.
base::Status WaitForExit(const base::Context& context, pid_t pid);

}  // namespace spillway::lakebase

#endif  // SPILLWAY_LAKEBASE_PROCESS_H_
