#ifndef SPILLWAY_TARGET_POSTGRES_COPY_WIRE_BYTES_H_
#define SPILLWAY_TARGET_POSTGRES_COPY_WIRE_BYTES_H_

#include <bit>
#include <cstdint>
#include <cstring>

/// Numbers as PostgreSQL sends them: big-endian, at any address.
namespace spillway::target::postgres {

static_assert(std::endian::native == std::endian::little);

inline void StoreBig16(char* out, std::uint16_t value) {
  value = __builtin_bswap16(value);
  std::memcpy(out, &value, sizeof(value));
}
inline void StoreBig32(char* out, std::uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(out, &value, sizeof(value));
}
inline void StoreBig64(char* out, std::uint64_t value) {
  value = __builtin_bswap64(value);
  std::memcpy(out, &value, sizeof(value));
}

/// Length word of a field that is NULL.
inline constexpr std::uint32_t kNullLength = 0xFFFFFFFF;
/// The longest field that the server takes: it allocates at most 1 GB for a value and its header.
inline constexpr std::int64_t kMaxFieldBytes = 0x3FFFFFFF - 64;

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_COPY_WIRE_BYTES_H_
