#ifndef SPILLWAY_BASE_STATUS_H_
#define SPILLWAY_BASE_STATUS_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error_class.h"

namespace spillway::base {

/// Success, or an error with class, message, mend and details. Cheap to move, one pointer wide;
/// success allocates nothing. A message never holds a secret.
class [[nodiscard]] Status {
 public:
  /// Key-value facts for machines: sqlstate, table, column, key, object, version …
  using Details = std::vector<std::pair<std::string, std::string>>;

  Status() = default;  ///< success
  /// An error. `message` is fixed text first, variables last.
  Status(ErrorClass error_class, std::string message);
  Status(const Status& other);
  Status& operator=(const Status& other);
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;
  ~Status() = default;

  bool ok() const { return error_ == nullptr; }
  Code code() const;
  /// Only of an error.
  ErrorClass error_class() const;
  std::string_view message() const;
  /// The error's own mend, or its class's.
  std::string_view mend() const;
  const Details& details() const;
  /// The value of a detail, or "".
  std::string_view detail(std::string_view key) const;

  /// Adds a detail (no effect on success). For chaining on a fresh error.
  Status&& With(std::string_view key, std::string_view value) &&;
  /// Replaces the class's mend by one that fits the case better.
  Status&& Mend(std::string mend) &&;
  /// Prefixes the message with a present-tense action: "load snapshot: …".
  Status&& While(std::string_view action) &&;

  /// Says it in other words; class, mend and details stay.
  Status&& Restate(std::string message) &&;
  /// Says it as an error of another class, whose mend it has then; details stay.
  Status&& Restate(ErrorClass error_class, std::string message) &&;

  /// "CLASS: message" for logs and test failures; "ok" for success.
  std::string ToString() const;

 private:
  struct Error {
    ErrorClass error_class;
    std::string message;
    std::string mend;
    Details details;
  };
  std::unique_ptr<Error> error_;
};

}  // namespace spillway::base

#endif  // SPILLWAY_BASE_STATUS_H_
