#include <utility>
#include <vector>

#include "data/batch_writer.h"
#include "data/column_text.h"
#include "data/text_buffer.h"

namespace spillway::data {
namespace {

using base::Result;
using base::Status;

/// Puts the cell that starts at `start` of `text` between quotes when it needs them.
void QuoteCell(std::size_t start, std::string* text) {
  const std::string_view cell = std::string_view(*text).substr(start);
  if (!cell.empty() && cell.find_first_of("\",\r\n") == std::string_view::npos) return;
  std::string quoted = "\"";
  for (const char c : cell) quoted.append(c == '"' ? 2 : 1, c);
  quoted.push_back('"');
  text->replace(start, std::string::npos, quoted);
}

class CsvWriter final : public BatchWriter {
 public:
  CsvWriter(std::shared_ptr<const Schema> schema, std::vector<ColumnText> columns, TextSink sink)
      : columns_(std::move(columns)), buffer_(std::move(sink)) {
    std::string& text = *buffer_.text();
    for (std::size_t i = 0; i < schema->fields.size(); ++i) {
      if (i > 0) text.push_back(',');
      const std::size_t start = text.size();
      text.append(schema->fields[i].name);
      QuoteCell(start, &text);
    }
    text.append("\r\n");
  }

  Status Write(const Batch& batch) override {
    std::string& text = *buffer_.text();
    for (std::size_t i = 0; i < columns_.size(); ++i) columns_[i].Bind(batch.column(i));
    for (std::int64_t row = 0; row < batch.rows(); ++row, ++rows_) {
      const std::size_t row_start = text.size();
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (i > 0) text.push_back(',');
        if (columns_[i].IsNull(row)) continue;
        const std::size_t start = text.size();
        if (Status status = columns_[i].Append(row, &text); !status.ok()) {
          text.resize(row_start);
          return std::move(status).With("row", std::to_string(rows_));
        }
        QuoteCell(start, &text);
      }
      text.append("\r\n");
      SPILLWAY_TRY(buffer_.FlushIfLarge());
    }
    return Status();
  }

  Status Finish() override { return buffer_.Flush(); }

 private:
  std::vector<ColumnText> columns_;
  TextBuffer buffer_;
  std::int64_t rows_ = 0;
};

}  // namespace

Result<std::unique_ptr<BatchWriter>> MakeCsvWriter(std::shared_ptr<const Schema> schema,
                                                   TextSink sink) {
  std::vector<ColumnText> columns;
  for (const Field& field : schema->fields) {
    SPILLWAY_ASSIGN(ColumnText column, ColumnText::Make(field));
    columns.push_back(std::move(column));
  }
  return std::unique_ptr<BatchWriter>(
      std::make_unique<CsvWriter>(std::move(schema), std::move(columns), std::move(sink)));
}

}  // namespace spillway::data
