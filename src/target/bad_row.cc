#include "target/bad_row.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "data/json_writer.h"

namespace spillway::target {

using base::ErrorClass;
using base::Status;

namespace {

// `file` is the one named last: each is named once.
std::string NameRow(const BadRow& row, std::string_view file) {
  std::string text;
  if (!row.column.empty()) text += "column " + row.column;
  if (!row.key.empty()) text += (text.empty() ? "key " : ", key ") + row.key;
  if (!text.empty()) text += ": ";
  text += row.reason;
  if (row.file.empty()) return text;
  return text + (row.file == file ? " (" : " (file " + row.file + ", ") + "row " +
         std::to_string(row.row) + ")";
}

}  // namespace

const std::shared_ptr<const data::Schema>& RejectedSchema() {
  static const auto& schema = *new std::shared_ptr<const data::Schema>([] {
    const auto field = [](std::string name, data::TypeKind kind, bool nullable) {
      return data::Field{.name = std::move(name),
                         .type = data::ScalarType(kind),
                         .nullable = nullable,
                         .id = {},
                         .comment = {}};
    };
    auto fields = std::make_shared<data::Schema>();
    fields->fields = {field("id", data::TypeKind::kLong, false),
                      field("key", data::TypeKind::kString, true),
                      field("row", data::TypeKind::kString, true),
                      field("column", data::TypeKind::kString, true),
                      field("class", data::TypeKind::kString, false),
                      field("reason", data::TypeKind::kString, false),
                      field("file", data::TypeKind::kString, false),
                      field("row_position", data::TypeKind::kLong, false),
                      field("version", data::TypeKind::kLong, false),
                      field("run_id", data::TypeKind::kString, false),
                      field("rejected_at", data::TypeKind::kTimestamp, false)};
    return fields;
  }());
  return schema;
}

std::string NameBadRows(const std::vector<BadRow>& rows) {
  std::string text;
  std::string_view file;
  for (std::size_t i = 0; i < std::min(rows.size(), kBadRowsNamed); ++i) {
    text += (i == 0 ? "" : ";\n  ") + NameRow(rows[i], file);
    file = rows[i].file;
  }
  return text;
}

Status BadRowsError(const std::string& table, const std::vector<BadRow>& rows) {
  SPILLWAY_CHECK(!rows.empty());
  const BadRow& first = rows.front();
  const std::size_t named = std::min(rows.size(), kBadRowsNamed);
  // The search ends before it has seen every row.
  const std::string message = named == 1 ? "a row cannot be stored in " + table + ": "
                                         : "at least " + std::to_string(named) +
                                               " rows cannot be stored in " + table + ":\n  ";
  // The class's own mend, but for what a field is for.
  const bool non_finite = first.reason.ends_with(data::kNonFiniteInJson);
  const std::string mend =
      non_finite ? "Carry it as a string with --json-nonfinite string, or mend the source rows."
                 : "";
  return Status(first.error_class, message + NameBadRows(rows))
      .Mend(mend)
      .With("table", table)
      .With("column", first.column)
      .With("key", first.key)
      .With("reason", first.reason)
      .With("file", first.file)
      .With("row", std::to_string(first.row))
      .With("bad_rows", std::to_string(named));
}

Status TooManyRejected(const std::string& table, std::int64_t count, std::int64_t most,
                       const std::string& named) {
  return Status(ErrorClass::kTooManyRejected, std::to_string(count) + " rows of " + table +
                                                  " would be rejected, max_rejected is " +
                                                  std::to_string(most) + ": " + named)
      .With("table", table)
      .With("rejected", std::to_string(count))
      .With("max_rejected", std::to_string(most));
}

}  // namespace spillway::target
