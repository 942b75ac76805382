#include "sync/definition.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/name_list.h"
#include "base/sha256.h"
#include "sync/definition_fields.h"

namespace spillway::sync {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using Json = nlohmann::ordered_json;

// What "definition_hash" means; grows when RowHash means something else, so that old positions are
// re-examined.
constexpr int kHashVersion = 2;

struct Unit {
  std::string_view suffix;
  std::int64_t milliseconds;
};
constexpr std::array kUnits = {Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000},
                               Unit{"h", 3'600'000}, Unit{"d", 86'400'000}};

// The members that no field has: what the definition is called.
struct Naming {
  std::string_view member;
  std::string& (*of)(Definition& definition);
};
constexpr std::array kNaming = {
    Naming{"id", [](Definition& d) -> std::string& { return d.id; }},
    Naming{"target", [](Definition& d) -> std::string& { return d.target; }},
    Naming{"schema", [](Definition& d) -> std::string& { return d.table.schema; }},
    Naming{"table", [](Definition& d) -> std::string& { return d.table.table; }},
};

Json ValueToJson(const Field& field, const FieldValue& value) {
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) return *texts;
  if (const auto* pairs = std::get_if<Pairs>(&value)) {
    Json object = Json::object();
    for (const auto& [name, text] : *pairs) object[name] = text;
    return object;
  }
  const std::string& text = std::get<std::string>(value);
  return field.kind == FieldKind::kInteger ? Json::parse(text) : Json(text);
}

Result<FieldValue> ValueFromJson(const Field& field, const Json& json) {
  const auto wrong = [&] { return WrongField(field.key, "has the wrong type"); };
  const auto text_of = [](const Json& item) { return item.get<std::string>(); };
  if (json.is_array()) {
    std::vector<std::string> texts;
    for (const Json& item : json) {
      if (!item.is_string()) return wrong();
      texts.push_back(text_of(item));
    }
    return FieldValue(std::move(texts));
  }
  if (json.is_object()) {
    Pairs pairs;
    for (const auto& [name, item] : json.items()) {
      if (!item.is_string()) return wrong();
      pairs.emplace_back(name, text_of(item));
    }
    return FieldValue(std::move(pairs));
  }
  const bool is_number = field.kind == FieldKind::kInteger;
  if (is_number ? !json.is_number_integer() : !json.is_string()) return wrong();
  return FieldValue(is_number ? json.dump() : text_of(json));
}

}  // namespace

std::string Definition::name() const {
  return base::JoinNames(std::array{target, table.schema, table.table}, '.');
}

std::string ToJson(const Definition& definition) {
  Json json;
  Definition copy = definition;
  for (const Naming& naming : kNaming) json[std::string(naming.member)] = naming.of(copy);
  for (const Field& field : Fields()) {
    const std::optional<FieldValue> value = field.get(definition);
    if (value) json[std::string(field.key)] = ValueToJson(field, *value);
  }
  return json.dump();
}

Result<Definition> DefinitionFromJson(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return WrongField("definition", "is not a JSON object");
  Definition definition;
  for (const Naming& naming : kNaming) {
    const auto found = json.find(std::string(naming.member));
    if (found == json.end()) return WrongField(naming.member, "is missing");
    if (!found->is_string()) return WrongField(naming.member, "has the wrong type");
    naming.of(definition) = found->get<std::string>();
  }
  if (!json.contains("source")) return WrongField("source", "is missing");
  for (const auto& [member, value] : json.items()) {
    if (std::ranges::find(kNaming, member, &Naming::member) != kNaming.end()) continue;
    const Field* field = FindField(member);
    if (field == nullptr) return WrongField(member, "is no field of a definition");
    SPILLWAY_ASSIGN(const FieldValue read, ValueFromJson(*field, value));
    SPILLWAY_TRY(Set(*field, read, &definition));
  }
  return definition;
}

std::string RowHash(const Definition& definition) {
  Json json;
  json["hash_version"] = kHashVersion;
  for (const Field& field : Fields()) {
    if (!field.determines_rows) continue;
    const std::optional<FieldValue> value = field.get(definition);
    if (value) json[std::string(field.key)] = ValueToJson(field, *value);
  }
  return base::Sha256Hex(json.dump());
}

Result<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const auto* unit = std::ranges::find(kUnits, suffix, &Unit::suffix);
  std::int64_t milliseconds = 0;
  if (error == std::errc() && count >= 0 && suffix.empty()) {
    return Status(ErrorClass::kInvalidArgument,
                  "not a duration: '" + std::string(text) + "' has no unit")
        .Mend("Write " + std::string(text) + "s for seconds; the units are ms, s, m, h, d.");
  }
  if (error != std::errc() || count < 0 || unit == kUnits.end() ||
      __builtin_mul_overflow(count, unit->milliseconds, &milliseconds)) {
    return Status(ErrorClass::kInvalidArgument, "not a duration: '" + std::string(text) + "'")
        .Mend("Write a whole number and a unit: 500ms, 30s, 15m, 2h, 90d.");
  }
  return std::chrono::milliseconds(milliseconds);
}

std::string FormatDuration(std::chrono::milliseconds duration) {
  const Unit* best = kUnits.begin();
  for (const Unit& unit : kUnits) {
    if (duration.count() != 0 && duration.count() % unit.milliseconds == 0) best = &unit;
  }
  return std::to_string(duration.count() / best->milliseconds) + std::string(best->suffix);
}

}  // namespace spillway::sync
