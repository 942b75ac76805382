#ifndef SPILLWAY_BASE_RESULT_H_
#define SPILLWAY_BASE_RESULT_H_

#include <optional>
#include <utility>

#include "base/check.h"
#include "base/status.h"

namespace spillway::base {

/// A value or the error that kept it from being made.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor): return value;
  Result(Status error)
      : error_(std::move(error)) {  // NOLINT(google-explicit-constructor): return error;
    SPILLWAY_CHECK(!error_.ok());
  }

  bool ok() const { return value_.has_value(); }
  /// The error; ok() when there is a value.
  const Status& status() const& { return error_; }
  Status&& status() && { return std::move(error_); }

  /// The value; only when ok().
  T& operator*() & { return Value(); }
  const T& operator*() const& { return const_cast<Result*>(this)->Value(); }
  T&& operator*() && { return std::move(Value()); }
  T* operator->() { return &Value(); }
  const T* operator->() const { return &const_cast<Result*>(this)->Value(); }

 private:
  T& Value() {
    SPILLWAY_CHECK(value_.has_value());
    return *value_;
  }
  std::optional<T> value_;
  Status error_;
};

}  // namespace spillway::base

#define SPILLWAY_CONCAT_INNER(a, b) a##b
#define SPILLWAY_CONCAT(a, b) SPILLWAY_CONCAT_INNER(a, b)

/// Returns the error of `expression` (a Status) from the enclosing function.
#define SPILLWAY_TRY(expression)                                                        \
  do {                                                                                  \
    if (::spillway::base::Status spillway_status = (expression); !spillway_status.ok()) \
      return spillway_status;                                                           \
  } while (false)

/// SPILLWAY_ASSIGN(auto x, F()): declares or assigns the value of a Result, or returns its error.
#define SPILLWAY_ASSIGN(target, expression) \
  SPILLWAY_ASSIGN_INNER(SPILLWAY_CONCAT(spillway_result_, __LINE__), target, expression)
#define SPILLWAY_ASSIGN_INNER(result, target, expression) \
  auto result = (expression);                             \
  if (!result.ok()) return std::move(result).status();    \
  target = *std::move(result)

#endif  // SPILLWAY_BASE_RESULT_H_
