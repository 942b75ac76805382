#include <algorithm>
#include <utility>
#include <vector>

#include "data/batch_writer.h"
#include "data/column_text.h"
#include "data/display_width.h"
#include "data/text_buffer.h"

namespace spillway::data {
namespace {

using base::Result;
using base::Status;

class TableWriter final : public BatchWriter {
 public:
  TableWriter(const Schema& schema, std::vector<ColumnText> columns, const TableOptions& options,
              TextSink sink)
      : columns_(std::move(columns)), options_(options), buffer_(std::move(sink)) {
    options_.max_column_width = std::max(1, options_.max_column_width);
    for (const Field& field : schema.fields) {
      header_.push_back(FitToWidth(field.name, options_.max_column_width));
    }
  }

  Status Write(const Batch& batch) override {
    for (std::size_t i = 0; i < columns_.size(); ++i) columns_[i].Bind(batch.column(i));
    for (std::int64_t row = 0; row < batch.rows(); ++row, ++rows_) {
      std::vector<std::string> cells;
      for (ColumnText& column : columns_) {
        std::string text;
        if (column.IsNull(row)) {
          text = "NULL";
        } else if (Status status = column.Append(row, &text); !status.ok()) {
          return std::move(status).With("row", std::to_string(rows_));
        }
        cells.push_back(FitToWidth(text, options_.max_column_width));
      }
      if (widths_.empty()) {
        waiting_.push_back(std::move(cells));
        if (waiting_.size() >= static_cast<std::size_t>(std::max(1, options_.rows_for_widths))) {
          WriteWaiting();
        }
      } else {
        WriteLine(cells);
      }
      SPILLWAY_TRY(buffer_.FlushIfLarge());
    }
    return Status();
  }

  Status Finish() override {
    if (widths_.empty() && !header_.empty()) WriteWaiting();
    return buffer_.Flush();
  }

 private:
  void WriteWaiting() {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      int width = std::max(1, DisplayWidth(header_[i]));
      for (const auto& cells : waiting_) width = std::max(width, DisplayWidth(cells[i]));
      widths_.push_back(width);
    }
    WriteLine(header_);
    std::string& text = *buffer_.text();
    for (std::size_t i = 0; i < widths_.size(); ++i) {
      if (i > 0) text.append("  ");
      for (int j = 0; j < widths_[i]; ++j) text.append("─");
    }
    text.push_back('\n');
    for (const auto& cells : waiting_) WriteLine(cells);
    waiting_.clear();
    waiting_.shrink_to_fit();
  }

  void WriteLine(const std::vector<std::string>& cells) {
    std::string& text = *buffer_.text();
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) text.append("  ");
      const std::string cell = FitToWidth(cells[i], widths_[i]);
      const auto padding = static_cast<std::size_t>(widths_[i] - DisplayWidth(cell));
      if (columns_[i].is_number()) text.append(padding, ' ');
      text.append(cell);
      if (!columns_[i].is_number() && i + 1 < cells.size()) text.append(padding, ' ');
    }
    text.push_back('\n');
  }

  std::vector<ColumnText> columns_;
  TableOptions options_;
  TextBuffer buffer_;
  std::vector<std::string> header_;
  std::vector<int> widths_;                        ///< empty until they are fixed
  std::vector<std::vector<std::string>> waiting_;  ///< rows seen before
  std::int64_t rows_ = 0;
};

}  // namespace

Result<std::unique_ptr<BatchWriter>> MakeTableWriter(std::shared_ptr<const Schema> schema,
                                                     const TableOptions& options, TextSink sink) {
  std::vector<ColumnText> columns;
  for (const Field& field : schema->fields) {
    SPILLWAY_ASSIGN(ColumnText column, ColumnText::Make(field));
    columns.push_back(std::move(column));
  }
  return std::unique_ptr<BatchWriter>(
      std::make_unique<TableWriter>(*schema, std::move(columns), options, std::move(sink)));
}

}  // namespace spillway::data
