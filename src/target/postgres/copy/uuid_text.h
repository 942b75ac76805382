#ifndef SPILLWAY_TARGET_POSTGRES_COPY_UUID_TEXT_H_
#define SPILLWAY_TARGET_POSTGRES_COPY_UUID_TEXT_H_

#include <array>
#include <optional>
#include <string_view>

namespace spillway::target::postgres {

/// The 16 bytes of a UUID in any form that the server reads: 32 hexadecimal digits of either case,
/// a hyphen or none after each four of them, braces around it or none.
std::optional<std::array<char, 16>> ParseUuid(std::string_view text);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_COPY_UUID_TEXT_H_
