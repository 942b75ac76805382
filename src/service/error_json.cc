#include "service/error_json.h"

#include <nlohmann/json.hpp>

namespace spillway::service {

std::string ErrorJson(const base::Status& error) {
  if (error.ok()) return "null";
  const base::ErrorClassInfo& info = base::Describe(error.error_class());
  nlohmann::ordered_json json;
  json["code"] = base::Name(info.code);
  json["class"] = info.name;
  json["actor"] = base::Name(info.actor);
  std::string_view object = error.detail("object");
  if (object.empty()) object = error.detail("table");
  json["object"] = object;
  json["message"] = error.message();
  json["mend"] = error.mend();
  json["details"] = nlohmann::ordered_json::object();
  for (const auto& [key, value] : error.details()) json["details"][key] = value;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace spillway::service
