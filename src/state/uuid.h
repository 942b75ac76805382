#ifndef SPILLWAY_STATE_UUID_H_
#define SPILLWAY_STATE_UUID_H_

#include <string>

namespace spillway::state {

/// A random UUID (RFC 9562, version 4) in lower-case text form, from the operating system's random
/// source. Thread-safe.
std::string NewUuid();

}  // namespace spillway::state

#endif  // SPILLWAY_STATE_UUID_H_
