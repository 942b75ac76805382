#ifndef SPILLWAY_TARGET_POSTGRES_SESSION_CONNECTION_STRING_H_
#define SPILLWAY_TARGET_POSTGRES_SESSION_CONNECTION_STRING_H_

#include <map>
#include <string>

#include "base/result.h"

/// Reading a connection string, a URL or keywords with values, with libpq's own parser. Connects to
/// nothing. Any thread.
namespace spillway::target::postgres {

/// The options that `connection_string` itself gives, without the defaults of the environment; none
/// when it is empty. Errors: INVALID_ARGUMENT, without the text, in which a secret may stand: an
/// unknown option with the nearest known ones, what libpq cannot read.
base::Result<std::map<std::string, std::string>> ParseConnectionString(
    const std::string& connection_string);

/// Whether `connection_string` can be used for a target: as ParseConnectionString, and neither
/// empty nor with a port that is none.
base::Status CheckConnectionString(const std::string& connection_string);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_SESSION_CONNECTION_STRING_H_
