#ifndef SPILLWAY_SOURCE_CONNECTION_STRING_H_
#define SPILLWAY_SOURCE_CONNECTION_STRING_H_

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace spillway::source {

/// A connection string parted from its password.
struct ConnectionString {
  std::string url;                      ///< the same without the password
  std::optional<std::string> password;  ///< decoded
};

/// Takes the password out of a PostgreSQL connection URI (userinfo or query parameter `password`)
/// or a keyword/value string. Other parts stay byte for byte. INVALID_ARGUMENT (without the text)
/// when it cannot be parsed, may hold part of the password elsewhere, or holds another secret
/// (`sslpassword`, `oauth_client_secret`), for which a registration has no place.
base::Result<ConnectionString> TakePassword(std::string_view connection_string);

}  // namespace spillway::source

#endif  // SPILLWAY_SOURCE_CONNECTION_STRING_H_
