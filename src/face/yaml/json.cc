#include "face/yaml/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "face/yaml/document.h"

namespace spillway::face::yaml {
namespace {

using Json = nlohmann::ordered_json;

// A key on the line of its value may have 1024 characters (YAML 1.2.2, section 7.4).
constexpr std::size_t kLongestSimpleKey = 1000;
constexpr std::size_t kIndent = 2;

// A number or a truth value. YAML 1.1 takes a number with an exponent and no point for a text.
std::string Bare(const Json& value) {
  std::string text = value.dump();
  if (const std::size_t exponent = text.find('e');
      value.is_number() && exponent != std::string::npos && text.find('.') == std::string::npos) {
    text.insert(exponent, ".0");
  }
  return text;
}

bool IsOneLine(const Json& value) {
  return value.is_primitive() || value.empty() ||
         (value.is_array() &&
          std::ranges::all_of(value, [](const Json& item) { return item.is_primitive(); }));
}

std::string OneLine(const Json& value) {
  if (value.is_null()) return "~";
  if (value.is_string()) return Scalar(value.get<std::string>());
  if (value.is_object()) return "{}";
  if (!value.is_array()) return Bare(value);
  std::string list;
  for (const Json& item : value) list += (list.empty() ? "" : ", ") + OneLine(item);
  return "[" + list + "]";
}

// Writes a map or list whose first line is begun already, its others indented.
void WriteBlock(const Json& value, std::size_t indent, std::string* out) {
  const std::string margin(indent, ' ');
  bool first = true;
  for (const auto& [name, member] : value.items()) {
    if (!first) *out += margin;
    first = false;
    if (value.is_array()) {
      *out += "- ";
    } else {
      const std::string key = Scalar(name);
      *out += key.size() > kLongestSimpleKey ? "? " + key + "\n" + margin + ":" : key + ":";
    }
    if (IsOneLine(member)) {
      *out += (value.is_array() ? "" : " ") + OneLine(member) + "\n";
      continue;
    }
    if (!value.is_array()) *out += "\n" + std::string(indent + kIndent, ' ');
    WriteBlock(member, indent + kIndent, out);
  }
}

}  // namespace

std::string FromJson(std::string_view json) {
  const Json value = Json::parse(json);
  if (IsOneLine(value)) return OneLine(value) + "\n";
  std::string document;
  WriteBlock(value, 0, &document);
  return document;
}

}  // namespace spillway::face::yaml
