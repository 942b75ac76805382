#include "data/error_json.h"

#include <nlohmann/json.hpp>

namespace spillway::data {
namespace {

using base::ErrorClass;
using base::Status;

std::string Text(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Status ParseErrorJson(std::string_view json) {
  const auto object = nlohmann::json::parse(json, nullptr, false);
  if (!object.is_object()) {
    return Status(ErrorClass::kInternal, "an error came without its class: " + std::string(json));
  }
  const std::string name = Text(object, "class");
  const auto error_class = base::ErrorClassByName(name);
  std::string message = Text(object, "message");
  if (!error_class) message = "class " + name + ": " + message;
  Status error(error_class.value_or(ErrorClass::kInternal), std::move(message));
  const std::string concerned = Text(object, "object");
  if (!concerned.empty()) error = std::move(error).With("object", concerned);
  if (const auto details = object.find("details");
      details != object.end() && details->is_object()) {
    for (const auto& [key, value] : details->items()) {
      if (key == "object" && !concerned.empty()) continue;
      error =
          std::move(error).With(key, value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  return error;
}

std::string FormatErrorJson(const Status& error) {
  nlohmann::json details = nlohmann::json::object();
  for (const auto& [key, value] : error.details()) details[key] = value;
  const nlohmann::json object = {
      {"code", static_cast<int>(error.code())},
      {"retryable",
       error.code() == base::Code::kUnavailable || error.code() == base::Code::kThrottled ? 1 : 0},
      {"class", base::Describe(error.error_class()).name},
      {"message", error.message()},
      {"object", error.detail("object")},
      {"details", details},
  };
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace spillway::data
