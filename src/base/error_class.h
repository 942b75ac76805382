#ifndef SPILLWAY_BASE_ERROR_CLASS_H_
#define SPILLWAY_BASE_ERROR_CLASS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace spillway::base {

/// What a caller should do about an error. The numbers are those of `lakeio_code`.
enum class Code : std::int32_t {
  kOk = 0,
  kInvalid = 1,
  kNotFound = 2,
  kAlreadyExists = 3,
  kConflict = 4,
  kUnavailable = 5,
  kThrottled = 6,
  kUnauthorized = 7,
  kUnsupported = 8,
  kBadRow = 9,
  kDataLoss = 10,
  kCancelled = 11,
  kDeadlineExceeded = 12,
  kInternal = 13,
};

/// Who can mend an error.
enum class Actor : std::uint8_t { kCaller, kSourceOwner, kTargetOwner, kOperator, kSpillway };

/// The kinds of error that users, logs and clients tell apart: the rows of error_class.def.
enum class ErrorClass : std::uint16_t {
#define SPILLWAY_ERROR_CLASS(name, wire, code, actor, meaning, mend) k##name,
#include "base/error_class.def"
#undef SPILLWAY_ERROR_CLASS
};

/// One row of the table of error classes. All views are static.
struct ErrorClassInfo {
  ErrorClass error_class;
  std::string_view name;  ///< as shown and sent: SOURCE_NOT_FOUND
  Code code;
  Actor actor;
  std::string_view meaning;
  std::string_view mend;  ///< used when the error itself carries none
};

/// The whole table, in the order of error_class.def.
std::span<const ErrorClassInfo> ErrorClasses();

/// The row of `error_class`.
const ErrorClassInfo& Describe(ErrorClass error_class);

/// The class shown as `name`, if there is one.
std::optional<ErrorClass> ErrorClassByName(std::string_view name);

std::string_view Name(Code code);
std::string_view Name(Actor actor);

}  // namespace spillway::base

#endif  // SPILLWAY_BASE_ERROR_CLASS_H_
