#ifndef SPILLWAY_TARGET_POSTGRES_DATABASE_PLACE_H_
#define SPILLWAY_TARGET_POSTGRES_DATABASE_PLACE_H_

#include <string>

#include "base/result.h"

namespace spillway::target::postgres {

/// Which database a URL or conninfo string leads to: "host:port/database", or the service that
/// knows. Two that differ in user, options or spelling only give equal texts; names of one host are
/// not looked up, but for those of this machine. What the string leaves to the environment is read
/// there, as libpq would. Does not connect. INVALID_ARGUMENT when the string cannot be read.
base::Result<std::string> DatabasePlace(const std::string& url);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_DATABASE_PLACE_H_
