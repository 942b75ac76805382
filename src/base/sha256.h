#ifndef SPILLWAY_BASE_SHA256_H_
#define SPILLWAY_BASE_SHA256_H_

#include <string>
#include <string_view>

namespace spillway::base {

/// SHA-256 (FIPS 180-4) of `bytes` as 64 lower-case hexadecimal digits.
std::string Sha256Hex(std::string_view bytes);

}  // namespace spillway::base

#endif  // SPILLWAY_BASE_SHA256_H_
