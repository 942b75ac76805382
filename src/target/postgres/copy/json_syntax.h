#ifndef SPILLWAY_TARGET_POSTGRES_COPY_JSON_SYNTAX_H_
#define SPILLWAY_TARGET_POSTGRES_COPY_JSON_SYNTAX_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace spillway::target::postgres {

/// Which of PostgreSQL's types is to take the text.
enum class JsonTarget : std::uint8_t {
  kJson,   ///< RFC 8259 and nothing more
  kJsonb,  ///< moreover no \u0000, surrogates only in pairs, numbers within numeric
};

/// Deepest nesting that is let through: what the server takes with the smallest stack that it can
/// be given is more.
inline constexpr int kMaxJsonDepth = 1000;

/// Checks that the server will take `text` as JSON. Returns the reason, with the byte, when not.
/// REQUIRES: valid UTF-8 without NUL. Does not allocate when it is valid.
std::optional<std::string> CheckJson(std::string_view text, JsonTarget target);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_COPY_JSON_SYNTAX_H_
