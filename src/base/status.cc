#include "base/status.h"

#include "base/check.h"

namespace spillway::base {

Status::Status(ErrorClass error_class, std::string message)
    : error_(std::make_unique<Error>(Error{error_class, std::move(message), {}, {}})) {}

Status::Status(const Status& other)
    : error_(other.error_ == nullptr ? nullptr : std::make_unique<Error>(*other.error_)) {}

Status& Status::operator=(const Status& other) {
  if (this != &other) *this = Status(other);
  return *this;
}

Code Status::code() const { return ok() ? Code::kOk : Describe(error_->error_class).code; }

ErrorClass Status::error_class() const {
  SPILLWAY_CHECK(!ok());
  return error_->error_class;
}

std::string_view Status::message() const {
  return ok() ? std::string_view() : std::string_view(error_->message);
}

std::string_view Status::mend() const {
  if (ok()) return {};
  return error_->mend.empty() ? Describe(error_->error_class).mend : std::string_view(error_->mend);
}

const Status::Details& Status::details() const {
  static const Details kNone;
  return ok() ? kNone : error_->details;
}

std::string_view Status::detail(std::string_view key) const {
  for (const auto& [name, value] : details()) {
    if (name == key) return value;
  }
  return {};
}

Status&& Status::With(std::string_view key, std::string_view value) && {
  if (!ok()) error_->details.emplace_back(key, value);
  return std::move(*this);
}

Status&& Status::Mend(std::string mend) && {
  if (!ok()) error_->mend = std::move(mend);
  return std::move(*this);
}

Status&& Status::While(std::string_view action) && {
  if (!ok()) error_->message = std::string(action) + ": " + error_->message;
  return std::move(*this);
}

Status&& Status::Restate(std::string message) && {
  if (!ok()) error_->message = std::move(message);
  return std::move(*this);
}

Status&& Status::Restate(ErrorClass error_class, std::string message) && {
  if (!ok()) {
    error_->error_class = error_class;
    error_->mend.clear();
  }
  return std::move(*this).Restate(std::move(message));
}

std::string Status::ToString() const {
  if (ok()) return "ok";
  return std::string(Describe(error_->error_class).name) + ": " + error_->message;
}

}  // namespace spillway::base
