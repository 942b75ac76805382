#ifndef SPILLWAY_FACE_CLI_VERSION_H_
#define SPILLWAY_FACE_CLI_VERSION_H_

#include <string_view>

namespace spillway::face::cli {

/// What `spillway --version` prints; the number is that of CMakeLists.txt.
inline constexpr std::string_view kVersion = "spillway " SPILLWAY_VERSION;

}  // namespace spillway::face::cli

#endif  // SPILLWAY_FACE_CLI_VERSION_H_
