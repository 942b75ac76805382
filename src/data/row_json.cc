#include "data/row_json.h"

#include <numeric>
#include <utility>

namespace spillway::data {

using base::Result;

RowJson::RowJson(std::vector<Column> columns)
    : columns_(std::move(columns)), all_(columns_.size()) {
  std::iota(all_.begin(), all_.end(), std::size_t{0});
}

Result<RowJson> RowJson::Make(const Schema& schema) {
  std::vector<Column> columns;
  for (const Field& field : schema.fields) {
    JsonOptions options;
    options.non_finite = JsonOptions::NonFinite::kString;
    options.nul = JsonOptions::Nul::kEscape;
    options.damaged = JsonOptions::Damaged::kMark;
    options.column = field.name;
    SPILLWAY_ASSIGN(JsonWriter writer, JsonWriter::Make(field.type, std::move(options)));
    std::string label;
    AppendJsonString(field.name, &label);
    label.push_back(':');
    columns.push_back({std::move(label), std::move(writer)});
  }
  return RowJson(std::move(columns));
}

Result<std::string> RowJson::Write(const Batch& batch, std::int64_t row,
                                   const std::vector<std::size_t>& columns) {
  std::string json = "{";
  for (const std::size_t index : columns) {
    if (json.size() > 1) json.push_back(',');
    json.append(columns_[index].label);
    SPILLWAY_TRY(columns_[index].writer.Append(batch.column(index), row, &json));
  }
  json.push_back('}');
  return json;
}

Result<std::string> RowJson::Write(const Batch& batch, std::int64_t row) {
  return Write(batch, row, all_);
}

}  // namespace spillway::data
