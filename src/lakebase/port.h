#ifndef SPILLWAY_LAKEBASE_PORT_H_
#define SPILLWAY_LAKEBASE_PORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace spillway::lakebase {

/// Ports that clusters choose from: below the range that Linux gives to outgoing connections.
inline constexpr std::uint16_t kFirstPort = 15432;
inline constexpr std::uint16_t kLastPort = 15931;

/// Whether nobody listens on 127.0.0.1:`port`, tried by listening there ourselves.
bool IsPortFree(std::uint16_t port);

/// A free port of the range, beginning at a place that `seed` chooses, so that clusters of several
/// homes rarely meet. LOCAL_POSTGRES when all are taken.
base::Result<std::uint16_t> ChoosePort(std::string_view seed);

/// Who listens on a TCP port of this machine.
struct PortHolder {
  std::int64_t pid = 0;  ///< 0: a process that we may not look at
  std::string program;
};

/// From /proc; nullopt when nobody does.
std::optional<PortHolder> FindPortHolder(std::uint16_t port);

/// The error of a port that is taken, naming its holder.
base::Status PortTaken(std::uint16_t port);

}  // namespace spillway::lakebase

#endif  // SPILLWAY_LAKEBASE_PORT_H_
