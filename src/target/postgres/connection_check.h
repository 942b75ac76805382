#ifndef SPILLWAY_TARGET_POSTGRES_CONNECTION_CHECK_H_
#define SPILLWAY_TARGET_POSTGRES_CONNECTION_CHECK_H_

#include <string>

#include "base/status.h"

namespace spillway::target::postgres {

/// Whether libpq understands `connection_string`, a URL or keywords with values. Connects to
/// nothing. Errors: INVALID_ARGUMENT, without the text, in which a secret may stand: empty, an
/// unknown option with the nearest known ones, a port that is none.
base::Status CheckConnectionString(const std::string& connection_string);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_CONNECTION_CHECK_H_
