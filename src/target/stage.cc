#include "target/stage.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace spillway::target {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using Json = nlohmann::json;

// docs/formats/stage.md describes the format.
constexpr std::string_view kFormat = "spillway.stage";
constexpr int kVersion = 1;

Status Broken(std::string_view what) {
  return Status(ErrorClass::kInvalidArgument, "this is not a stage handle: " + std::string(what))
      .Mend("Use the coordinator's and the worker's Spillway in the same release.")
      .With("object", "stage");
}

Json TableJson(const TableName& table) {
  return {{"schema", table.schema}, {"table", table.table}};
}

TableName TableFrom(const Json& json) {
  return {json.at("schema").get<std::string>(), json.at("table").get<std::string>()};
}

}  // namespace

std::string Stage::Serialize() const {
  // Types travel in the lake's own schema document, which every reader of this handle can parse.
  data::Schema schema;
  Json targets = Json::array();
  for (const Column& column : columns) {
    data::Field field;
    field.name = column.name;
    field.type = column.source_type;
    field.nullable = !column.not_null;
    schema.fields.push_back(std::move(field));
    targets.push_back({{"type", column.target_type}, {"comment", column.comment}});
  }
  const Json document = {
      {"format", kFormat},
      {"version", kVersion},
      {"table", TableJson(table)},
      {"target", TableJson(target)},
      {"fence",
       {{"synced_table_id", fence.synced_table_id},
        {"number", fence.number},
        {"run_id", fence.run_id}}},
      {"schema", data::FormatDeltaSchema(schema)},
      {"columns", targets},
  };
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Stage> Stage::Parse(std::string_view bytes) {
  Stage stage;
  std::string schema_document;
  std::vector<std::pair<std::string, std::string>> types_and_comments;
  try {
    const Json document = Json::parse(bytes);
    if (document.at("format").get<std::string>() != kFormat) return Broken("another format");
    if (const int version = document.at("version").get<int>(); version != kVersion) {
      return Broken("version " + std::to_string(version) + ", not " + std::to_string(kVersion));
    }
    stage.table = TableFrom(document.at("table"));
    stage.target = TableFrom(document.at("target"));
    const Json& fence = document.at("fence");
    stage.fence.synced_table_id = fence.at("synced_table_id").get<std::string>();
    stage.fence.number = fence.at("number").get<std::int64_t>();
    stage.fence.run_id = fence.at("run_id").get<std::string>();
    schema_document = document.at("schema").get<std::string>();
    for (const Json& column : document.at("columns")) {
      types_and_comments.emplace_back(column.at("type").get<std::string>(),
                                      column.at("comment").get<std::string>());
    }
  } catch (const Json::exception& error) {
    return Broken(error.what());
  }
  auto schema = data::ParseDeltaSchema(schema_document);
  if (!schema.ok()) return Broken(schema.status().message());
  if (schema->fields.size() != types_and_comments.size()) return Broken("columns and types differ");
  for (std::size_t i = 0; i < types_and_comments.size(); ++i) {
    data::Field& field = schema->fields[i];
    stage.columns.push_back(Column{std::move(field.name), std::move(field.type),
                                   std::move(types_and_comments[i].first), !field.nullable,
                                   std::move(types_and_comments[i].second)});
  }
  return stage;
}

}  // namespace spillway::target
