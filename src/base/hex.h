#ifndef SPILLWAY_BASE_HEX_H_
#define SPILLWAY_BASE_HEX_H_

#include <string>
#include <string_view>

/// Bytes as hexadecimal digits, two a byte, the high half first. Any thread.
namespace spillway::base {

/// The digits of `bytes`, in lower case.
std::string HexText(std::string_view bytes);

/// The bytes that `digits` stand for, in either case; "" when they are not digits, two a byte.
std::string BytesOfHex(std::string_view digits);

}  // namespace spillway::base

#endif  // SPILLWAY_BASE_HEX_H_
