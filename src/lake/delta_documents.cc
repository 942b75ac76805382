#include "lake/delta_documents.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "data/error_json.h"

namespace spillway::lake {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using Json = nlohmann::json;

constexpr int kPositionFormat = 1;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json LocationJson(const Location& location) {
  return {{"url", location.url}, {"storage_options", location.storage_options}};
}

/// Runs `read` on the parsed text; a member that is missing or of another type makes the answer
/// INTERNAL.
template <typename T>
Result<T> Answer(std::string_view what, std::string_view json,
                 const std::function<Result<T>(const Json&)>& read) {
  try {
    return read(Json::parse(json));
  } catch (const Json::exception& error) {
    return Status(ErrorClass::kInternal,
                  "lakeio's answer cannot be read: " + std::string(what) + ": " + error.what());
  }
}

Timestamp Micros(const Json& json) {
  return Timestamp(std::chrono::microseconds(json.get<std::int64_t>()));
}

/// A text member that may be absent or null.
std::string Text(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// A member as JSON text; absent or null is an empty object.
std::string ObjectText(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_object() ? Dump(*found) : "{}";
}

Result<Json> ScanJson(std::string_view scan) {
  Json json = Json::parse(scan, nullptr, false);
  if (!json.is_object() || !json.contains("columns") || !json.contains("row_position")) {
    return Status(ErrorClass::kInvalidArgument, "the document is no scan");
  }
  return json;
}

}  // namespace

std::string FormatLocation(const Location& location) { return Dump(LocationJson(location)); }

std::string FormatOpen(const Location& location, const VersionSpec& version) {
  Json json = LocationJson(location);
  if (const auto* number = std::get_if<Version>(&version)) json["version"] = *number;
  if (const auto* time = std::get_if<Timestamp>(&version)) {
    json["timestamp_us"] = time->time_since_epoch().count();
  }
  return Dump(json);
}

std::string FormatObserve(const Location& location, const DeltaPosition& position) {
  Json json = LocationJson(location);
  json["version"] = position.version;
  json["commit_fingerprint"] = position.commit_fingerprint;
  return Dump(json);
}

std::string FormatHistory(const Location& location, std::int64_t limit) {
  Json json = LocationJson(location);
  json["limit"] = limit;
  return Dump(json);
}

std::string FormatReadSpec(const ReadSpec& spec) {
  Json json = {{"row_position", spec.row_position}, {"partition_zone", spec.partition_zone}};
  if (spec.columns) json["columns"] = *spec.columns;
  if (spec.where) json["predicate"] = Json::parse(spec.where->lakeio_json());
  return Dump(json);
}

Result<std::string> PlacesDocument(std::string_view scan) {
  SPILLWAY_ASSIGN(Json json, ScanJson(scan));
  json["columns"] = Json::array();
  json["row_position"] = true;
  return Dump(json);
}

std::string FormatReadOptions(const Location& location, const ReadOptions& options) {
  return Dump({{"batch_rows", options.batch_rows},
               {"batch_bytes", options.batch_bytes},
               {"memory_bytes", options.memory_bytes},
               {"check_text", options.check_text},
               {"location", LocationJson(location)}});
}

std::string FormatCreate(const Location& location, const CreateSpec& spec) {
  Json json = LocationJson(location);
  json["schema"] = Json::parse(data::FormatDeltaSchema(spec.schema));
  json["partition_columns"] = spec.partition_columns;
  json["properties"] = spec.properties;
  if (!spec.name.empty()) json["name"] = spec.name;
  return Dump(json);
}

std::string FormatAppend(const Location& location, const std::optional<Transaction>& transaction) {
  Json json = LocationJson(location);
  json["operation"] = "WRITE";
  if (transaction) {
    json["transaction"] = {{"app_id", transaction->application}, {"version", transaction->version}};
  }
  return Dump(json);
}

std::string FormatParquetWrite(const Location& file) { return FormatLocation(file); }

Result<DeltaDescription> ParseDescription(std::string_view text) {
  return Answer<DeltaDescription>("describe", text, [](const Json& json) {
    const Json& schema_json = json.at("schema");
    auto schema = data::ParseDeltaSchema(schema_json.is_string() ? schema_json.get<std::string>()
                                                                 : Dump(schema_json));
    if (!schema.ok()) return Result<DeltaDescription>(std::move(schema).status());
    DeltaDescription parsed;
    parsed.schema = *std::move(schema);
    parsed.commit_fingerprint = Text(json, "commit_fingerprint");
    Description& description = parsed.description;
    description.url = json.at("url").get<std::string>();
    description.version = json.at("version").get<Version>();
    description.table_id = json.at("table_id").get<std::string>();
    description.committed_at = Micros(json.at("timestamp_us"));
    description.name = Text(json, "name");
    description.description = Text(json, "description");
    json.at("partition_columns").get_to(description.partition_columns);
    json.at("clustering_columns").get_to(description.clustering_columns);
    json.at("primary_key").get_to(description.primary_key);
    json.at("properties").get_to(description.properties);
    json.at("reader_version").get_to(description.reader_version);
    json.at("writer_version").get_to(description.writer_version);
    json.at("features").get_to(description.features);
    json.at("warnings").get_to(description.warnings);
    return Result<DeltaDescription>(std::move(parsed));
  });
}

Result<Totals> ParseTotals(std::string_view text) {
  return Answer<Totals>("totals", text, [](const Json& json) {
    Totals totals;
    json.at("files").get_to(totals.files);
    json.at("bytes").get_to(totals.byte_size);
    json.at("deletion_vectors").get_to(totals.deletion_vectors);
    if (const Json& rows = json.at("rows"); !rows.is_null()) totals.rows = rows.get<std::int64_t>();
    return Result<Totals>(totals);
  });
}

Result<ObservedState> ParseObserved(std::string_view text) {
  return Answer<ObservedState>("observe", text, [](const Json& json) -> Result<ObservedState> {
    const auto state = json.at("state").get<std::string>();
    if (state == "same") return ObservedState::kSame;
    if (state == "follows") return ObservedState::kFollows;
    if (state == "other") return ObservedState::kOther;
    return Status(ErrorClass::kInternal, "lakeio's answer cannot be read: observe: state " + state);
  });
}

Result<std::vector<Commit>> ParseHistory(std::string_view text) {
  return Answer<std::vector<Commit>>("history", text, [](const Json& json) {
    std::vector<Commit> commits;
    for (const Json& item : json) {
      Commit commit;
      item.at("version").get_to(commit.version);
      commit.committed_at = Micros(item.at("timestamp_us"));
      commit.operation = Text(item, "operation");
      commit.parameters = ObjectText(item, "parameters");
      commit.metrics = ObjectText(item, "metrics");
      commit.engine = Text(item, "engine");
      commit.user = Text(item, "user");
      commits.push_back(std::move(commit));
    }
    return Result<std::vector<Commit>>(std::move(commits));
  });
}

Result<Appended> ParseAppended(std::string_view text) {
  return Answer<Appended>("append", text, [](const Json& json) {
    Appended appended;
    json.at("version").get_to(appended.version);
    json.at("rows").get_to(appended.rows);
    appended.already = json.at("outcome").get<std::string>() == "already";
    return Result<Appended>(appended);
  });
}

Result<std::int64_t> ParseRows(std::string_view text) {
  return Answer<std::int64_t>("rows", text, [](const Json& json) {
    return Result<std::int64_t>(json.at("rows").get<std::int64_t>());
  });
}

Result<Probe> ParseProbe(std::string_view text) {
  return Answer<Probe>("probe", text, [](const Json& json) {
    Probe probe;
    probe.store = Text(json, "store");
    probe.credential = Text(json, "credential");
    if (const auto error = json.find("error"); error != json.end() && error->is_object()) {
      probe.outcome = data::ParseErrorJson(Dump(*error));
    } else if (!json.at("reachable").get<bool>()) {
      probe.outcome = Status(ErrorClass::kStoreUnreachable, "the store does not answer");
    } else if (!json.at("listable").get<bool>()) {
      probe.outcome = Status(ErrorClass::kStoreAuthentication, "the location cannot be listed");
    }
    return Result<Probe>(std::move(probe));
  });
}

std::string FormatPosition(const DeltaPosition& position) {
  // nlohmann's object is ordered by key, so equal positions are equal bytes.
  return Dump({{"adapter", "delta"},
               {"format", kPositionFormat},
               {"log_root", position.log_root},
               {"table_id", position.table_id},
               {"version", position.version},
               {"commit_fingerprint", position.commit_fingerprint}});
}

Result<DeltaPosition> ParsePosition(std::string_view document) {
  const auto foreign = [] {
    return Status(ErrorClass::kTargetChanged,
                  "the recorded position is none that this release wrote for a Delta table");
  };
  try {
    const Json json = Json::parse(document);
    if (json.at("adapter").get<std::string>() != "delta" ||
        json.at("format").get<int>() != kPositionFormat) {
      return foreign();
    }
    return DeltaPosition{.log_root = json.at("log_root").get<std::string>(),
                         .table_id = json.at("table_id").get<std::string>(),
                         .version = json.at("version").get<Version>(),
                         .commit_fingerprint = json.at("commit_fingerprint").get<std::string>()};
  } catch (const Json::exception&) {
    return foreign();
  }
}

}  // namespace spillway::lake
