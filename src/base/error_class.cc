#include "base/error_class.h"

#include <algorithm>
#include <array>

namespace spillway::base {
namespace {

constexpr std::array kErrorClasses = {
#define SPILLWAY_ERROR_CLASS(name, wire, code, actor, meaning, mend) \
  ErrorClassInfo{ErrorClass::k##name, #wire, Code::k##code, Actor::k##actor, meaning, mend},
#include "base/error_class.def"
#undef SPILLWAY_ERROR_CLASS
};

}  // namespace

std::span<const ErrorClassInfo> ErrorClasses() { return kErrorClasses; }

const ErrorClassInfo& Describe(ErrorClass error_class) {
  return kErrorClasses[static_cast<std::size_t>(error_class)];
}

std::optional<ErrorClass> ErrorClassByName(std::string_view name) {
  const auto* found = std::ranges::find(kErrorClasses, name, &ErrorClassInfo::name);
  if (found == kErrorClasses.end()) return std::nullopt;
  return found->error_class;
}

std::string_view Name(Code code) {
  switch (code) {
    case Code::kOk:
      return "Ok";
    case Code::kInvalid:
      return "Invalid";
    case Code::kNotFound:
      return "NotFound";
    case Code::kAlreadyExists:
      return "AlreadyExists";
    case Code::kConflict:
      return "Conflict";
    case Code::kUnavailable:
      return "Unavailable";
    case Code::kThrottled:
      return "Throttled";
    case Code::kUnauthorized:
      return "Unauthorized";
    case Code::kUnsupported:
      return "Unsupported";
    case Code::kBadRow:
      return "BadRow";
    case Code::kDataLoss:
      return "DataLoss";
    case Code::kCancelled:
      return "Cancelled";
    case Code::kDeadlineExceeded:
      return "DeadlineExceeded";
    case Code::kInternal:
      return "Internal";
  }
  return "Internal";
}

std::string_view Name(Actor actor) {
  switch (actor) {
    case Actor::kCaller:
      return "caller";
    case Actor::kSourceOwner:
      return "source owner";
    case Actor::kTargetOwner:
      return "target owner";
    case Actor::kOperator:
      return "operator";
    case Actor::kSpillway:
      return "Spillway";
  }
  return "Spillway";
}

}  // namespace spillway::base
