#ifndef SPILLWAY_TARGET_POSTGRES_COPY_TEXT_VALIDATION_H_
#define SPILLWAY_TARGET_POSTGRES_COPY_TEXT_VALIDATION_H_

#include <cstddef>

namespace spillway::target::postgres {

/// True when `bytes` are well-formed UTF-8 (Unicode, table 3-7: what the server accepts) and none
/// is NUL. Sixteen bytes at a time, ASCII faster; data::TextPrefix says where the first bad byte
/// is.
bool IsPlainUtf8(const char* bytes, std::size_t size);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_COPY_TEXT_VALIDATION_H_
