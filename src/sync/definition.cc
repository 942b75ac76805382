#include "sync/definition.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "base/sha256.h"

namespace spillway::sync {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using Json = nlohmann::ordered_json;

// What "definition_hash" means; grows when RowHash covers something else, so that old positions are
// re-examined.
constexpr int kHashVersion = 1;

struct Unit {
  std::string_view suffix;
  std::int64_t milliseconds;
};
constexpr std::array kUnits = {Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000},
                               Unit{"h", 3'600'000}, Unit{"d", 86'400'000}};

Status Wrong(std::string_view member, std::string_view what) {
  return Status(ErrorClass::kInvalidDefinition, std::string(member) + ": " + std::string(what))
      .With("field", member);
}

Json ToOrderedJson(const Definition& d) {
  const Definition defaults;
  Json json;
  json["id"] = d.id;
  json["target"] = d.target;
  json["schema"] = d.table.schema;
  json["table"] = d.table.table;
  json["source"] = d.source;
  json["mode"] = Name(d.mode);
  if (!d.primary_key.empty()) json["primary_key"] = d.primary_key;
  if (d.columns) json["columns"] = *d.columns;
  if (!d.where.empty()) json["where"] = d.where;
  if (!d.type_overrides.empty()) json["type_overrides"] = d.type_overrides;
  if (!d.indexes.empty()) json["indexes"] = d.indexes;
  if (d.on_bad_row != defaults.on_bad_row) json["on_bad_row"] = Name(d.on_bad_row);
  if (d.batch_rows != defaults.batch_rows) json["batch_rows"] = d.batch_rows;
  if (d.connections != defaults.connections) json["connections"] = d.connections;
  if (d.timeout != defaults.timeout) json["timeout"] = FormatDuration(d.timeout);
  if (d.retries != defaults.retries) json["retries"] = d.retries;
  if (d.lock_timeout != defaults.lock_timeout) {
    json["lock_timeout"] = FormatDuration(d.lock_timeout);
  }
  return json;
}

// Reads the members of a definition one by one and remembers which were asked for, so that the rest
// can be refused.
class MemberReader {
 public:
  explicit MemberReader(const Json& json) : json_(json) {}

  template <typename T>
  Status Read(std::string_view name, T* out, bool required) {
    known_.emplace(name);
    const auto found = json_.find(std::string(name));
    if (found == json_.end()) {
      return required ? Wrong(name, "is missing") : Status();
    }
    try {
      *out = found->get<T>();
    } catch (const nlohmann::json::exception&) {
      return Wrong(name, "has the wrong type");
    }
    return Status();
  }

  template <typename T, typename Parse>
  Status ReadParsed(std::string_view name, T* out, Parse parse) {
    std::string text;
    SPILLWAY_TRY(Read(name, &text, false));
    if (text.empty()) return Status();
    SPILLWAY_ASSIGN(*out, parse(text));
    return Status();
  }

  Status NoOthers() const {
    for (const auto& [name, value] : json_.items()) {
      if (!known_.contains(name)) return Wrong(name, "is no field of a definition");
    }
    return Status();
  }

 private:
  const Json& json_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace

std::string Definition::name() const { return target + "." + table.ToString(); }

Status Validate(const Definition& d) {
  if (d.target.empty() || d.table.schema.empty() || d.table.table.empty()) {
    return Wrong("name", "must be TARGET.schema.table");
  }
  if (d.source.empty()) return Wrong("source", "is missing; give it with --from");
  if (d.mode != Mode::kFull) {
    return Status(ErrorClass::kNotYetSupported,
                  "mode '" + std::string(Name(d.mode)) + "' is coming; this release has: full")
        .With("field", "mode")
        .Mend("Use --mode full.");
  }
  if (d.on_bad_row != OnBadRow::kFail) {
    return Status(ErrorClass::kNotYetSupported, "on_bad_row '" + std::string(Name(d.on_bad_row)) +
                                                    "' is coming; this release has: fail")
        .With("field", "on_bad_row")
        .Mend("Use --on-bad-row fail.");
  }
  for (const auto& [list, member] : {std::pair(&d.primary_key, "primary_key"),
                                     std::pair(d.columns ? &*d.columns : nullptr, "columns")}) {
    if (list == nullptr) continue;
    std::set<std::string_view> seen;
    for (const std::string& column : *list) {
      if (column.empty()) return Wrong(member, "holds an empty name");
      if (!seen.insert(column).second) return Wrong(member, "names '" + column + "' twice");
    }
  }
  if (d.columns) {
    if (d.columns->empty()) return Wrong("columns", "selects no column");
    const auto selected = [&](const std::string& column) {
      return std::ranges::find(*d.columns, column) != d.columns->end();
    };
    for (const std::string& column : d.primary_key) {
      if (!selected(column)) {
        return Wrong("primary_key", "column '" + column + "' is not among the selected columns");
      }
    }
    for (const auto& [column, type] : d.type_overrides) {
      if (!selected(column)) {
        return Wrong("type_overrides", "column '" + column + "' is not among the selected columns");
      }
    }
  }
  if (d.batch_rows < 1 || d.batch_rows > 1'000'000) {
    return Wrong("batch_rows", "must be between 1 and 1000000");
  }
  if (d.connections < 0 || d.connections > 16) {
    return Wrong("connections", "must be between 1 and 16");
  }
  if (d.retries < 0 || d.retries > 100) return Wrong("retries", "must be between 0 and 100");
  if (d.lock_timeout.count() < 1) return Wrong("lock_timeout", "must be positive");
  if (d.timeout.count() < 0) return Wrong("timeout", "must not be negative");
  return Status();
}

std::string ToJson(const Definition& definition) { return ToOrderedJson(definition).dump(); }

Result<Definition> DefinitionFromJson(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return Wrong("definition", "is not a JSON object");
  Definition d;
  MemberReader reader(json);
  SPILLWAY_TRY(reader.Read("id", &d.id, true));
  SPILLWAY_TRY(reader.Read("target", &d.target, true));
  SPILLWAY_TRY(reader.Read("schema", &d.table.schema, true));
  SPILLWAY_TRY(reader.Read("table", &d.table.table, true));
  SPILLWAY_TRY(reader.Read("source", &d.source, true));
  SPILLWAY_TRY(reader.ReadParsed("mode", &d.mode, ParseMode));
  SPILLWAY_TRY(reader.Read("primary_key", &d.primary_key, false));
  std::vector<std::string> columns;
  SPILLWAY_TRY(reader.Read("columns", &columns, false));
  if (json.contains("columns")) d.columns = std::move(columns);
  SPILLWAY_TRY(reader.Read("where", &d.where, false));
  SPILLWAY_TRY(reader.Read("type_overrides", &d.type_overrides, false));
  SPILLWAY_TRY(reader.Read("indexes", &d.indexes, false));
  SPILLWAY_TRY(reader.ReadParsed("on_bad_row", &d.on_bad_row, ParseOnBadRow));
  SPILLWAY_TRY(reader.Read("batch_rows", &d.batch_rows, false));
  SPILLWAY_TRY(reader.Read("connections", &d.connections, false));
  SPILLWAY_TRY(reader.ReadParsed("timeout", &d.timeout, ParseDuration));
  SPILLWAY_TRY(reader.Read("retries", &d.retries, false));
  SPILLWAY_TRY(reader.ReadParsed("lock_timeout", &d.lock_timeout, ParseDuration));
  SPILLWAY_TRY(reader.NoOthers());
  return d;
}

std::string RowHash(const Definition& d) {
  Json json;
  json["hash_version"] = kHashVersion;
  json["source"] = d.source;
  json["primary_key"] = d.primary_key;
  json["columns"] = d.columns ? Json(*d.columns) : Json();
  json["where"] = d.where;
  json["type_overrides"] = d.type_overrides;
  json["indexes"] = d.indexes;
  json["on_bad_row"] = Name(d.on_bad_row);
  return base::Sha256Hex(json.dump());
}

std::string_view Name(Mode mode) {
  switch (mode) {
    case Mode::kFull:
      return "full";
    case Mode::kIncremental:
      return "incremental";
    case Mode::kContinuous:
      return "continuous";
  }
  return "full";
}

std::string_view Name(OnBadRow on_bad_row) {
  switch (on_bad_row) {
    case OnBadRow::kFail:
      return "fail";
    case OnBadRow::kReject:
      return "reject";
  }
  return "fail";
}

Result<Mode> ParseMode(std::string_view text) {
  for (const Mode mode : {Mode::kFull, Mode::kIncremental, Mode::kContinuous}) {
    if (Name(mode) == text) return mode;
  }
  return Wrong("mode", "'" + std::string(text) + "' is none of full, incremental, continuous");
}

Result<OnBadRow> ParseOnBadRow(std::string_view text) {
  for (const OnBadRow value : {OnBadRow::kFail, OnBadRow::kReject}) {
    if (Name(value) == text) return value;
  }
  return Wrong("on_bad_row", "'" + std::string(text) + "' is none of fail, reject");
}

Result<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const auto* unit = std::ranges::find(kUnits, suffix, &Unit::suffix);
  std::int64_t milliseconds = 0;
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
