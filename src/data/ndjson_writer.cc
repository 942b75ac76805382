#include <utility>
#include <vector>

#include "data/batch_writer.h"
#include "data/column_text.h"
#include "data/json_writer.h"
#include "data/text_buffer.h"

namespace spillway::data {
namespace {

using base::Result;
using base::Status;

struct Column {
  std::string label;  ///< ,"name":
  JsonWriter writer;
};

class NdjsonWriter final : public BatchWriter {
 public:
  NdjsonWriter(std::vector<Column> columns, TextSink sink)
      : columns_(std::move(columns)), buffer_(std::move(sink)) {}

  Status Write(const Batch& batch) override {
    std::string& text = *buffer_.text();
    for (std::size_t i = 0; i < columns_.size(); ++i) columns_[i].writer.Bind(batch.column(i));
    for (std::int64_t row = 0; row < batch.rows(); ++row, ++rows_) {
      const std::size_t row_start = text.size();
      text.push_back('{');
      for (Column& column : columns_) {
        text.append(column.label);
        if (Status status = column.writer.Append(row, &text); !status.ok()) {
          text.resize(row_start);
          return std::move(status).With("row", std::to_string(rows_));
        }
      }
      text.append("}\n");
      SPILLWAY_TRY(buffer_.FlushIfLarge());
    }
    return Status();
  }

  Status Finish() override { return buffer_.Flush(); }

 private:
  std::vector<Column> columns_;
  TextBuffer buffer_;
  std::int64_t rows_ = 0;
};

}  // namespace

Result<std::unique_ptr<BatchWriter>> MakeNdjsonWriter(std::shared_ptr<const Schema> schema,
                                                      TextSink sink) {
  std::vector<Column> columns;
  for (const Field& field : schema->fields) {
    SPILLWAY_ASSIGN(JsonWriter writer, JsonWriter::Make(field.type, ReadableJson(field.name)));
    std::string label = columns.empty() ? "" : ",";
    AppendJsonString(field.name, &label);
    label.push_back(':');
    columns.push_back({std::move(label), std::move(writer)});
  }
  return std::unique_ptr<BatchWriter>(
      std::make_unique<NdjsonWriter>(std::move(columns), std::move(sink)));
}

}  // namespace spillway::data
