#ifndef SPILLWAY_BASE_SECRET_H_
#define SPILLWAY_BASE_SECRET_H_

#include <string>
#include <utility>

namespace spillway::base {

/// A password or token. It has no formatter and no operator<<, so that it cannot reach a log or
/// message by accident.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  bool empty() const { return value_.empty(); }
  /// The text itself, for the one place that sends it.
  const std::string& Reveal() const { return value_; }

 private:
  std::string value_;
};

}  // namespace spillway::base

#endif  // SPILLWAY_BASE_SECRET_H_
