#include "lake/delta_table.h"

#include <utility>

#include "data/column_lookup.h"
#include "lake/delta_documents.h"
#include "lake/lakeio_call.h"
#include "lake/row_stream.h"

namespace spillway::lake {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using data::TypeKind;

/// Splits out of lakeio's stream of them.
class DeltaSplits final : public SplitStream {
 public:
  DeltaSplits(std::shared_ptr<lakeio_table> table, std::unique_ptr<data::BatchStream> rows)
      : table_(std::move(table)), rows_(std::move(rows)) {}

  Result<std::optional<Split>> Next(const base::Context& context) override {
    while (!batch_ || row_ == batch_->rows()) {
      SPILLWAY_ASSIGN(batch_, rows_->Next(context));
      row_ = 0;
      if (!batch_) return std::optional<Split>();
    }
    const data::ColumnView rows = batch_->column(2);
    Split split;
    split.bytes = batch_->column(0).bytes(row_);
    split.path = batch_->column(1).bytes(row_);
    if (!rows.IsNull(row_)) split.rows = rows.values<std::int64_t>()[row_];
    split.byte_size = batch_->column(3).values<std::int64_t>()[row_];
    ++row_;
    return std::optional<Split>(std::move(split));
  }

 private:
  std::shared_ptr<lakeio_table> table_;  // shared: the stream may outlive the table it came from
  std::unique_ptr<data::BatchStream> rows_;
  std::optional<data::Batch> batch_;
  std::int64_t row_ = 0;
};

std::shared_ptr<const data::Schema> SplitSchema() {
  const auto field = [](const char* name, TypeKind kind) {
    return data::Field{.name = name, .type = data::ScalarType(kind)};
  };
  return std::make_shared<const data::Schema>(
      data::Schema{{field("split", TypeKind::kBinary), field("path", TypeKind::kString),
                    field("rows", TypeKind::kLong), field("bytes", TypeKind::kLong)}});
}

/// Takes the fields of type void out of structs at any depth, as lakeio leaves them out of rows.
/// `in_struct`: whether the fields are those of a struct.
void LeaveVoidsOut(std::vector<data::Field>* fields, bool in_struct) {
  if (in_struct) {
    std::erase_if(*fields,
                  [](const data::Field& field) { return field.type.kind == TypeKind::kVoid; });
  }
  for (data::Field& field : *fields) {
    LeaveVoidsOut(&field.type.children, field.type.kind == TypeKind::kStruct);
  }
}

class DeltaTable final : public Table {
 public:
  DeltaTable(std::shared_ptr<Runtime> runtime, LakeioTable table, DeltaDescription described)
      : runtime_(std::move(runtime)),
        table_(table.release(),
               [runtime = runtime_](lakeio_table* freed) { lakeio_table_free(freed); }),
        description_(std::move(described.description)),
        all_columns_(std::move(described.schema)) {
    LeaveVoidsOut(&all_columns_.fields, false);
    for (const data::Field& field : all_columns_.fields) {
      if (field.type.kind != TypeKind::kVoid) schema_.fields.push_back(field);
    }
    position_.version = description_.version;
    position_.document =
        FormatPosition({.log_root = description_.url,
                        .table_id = description_.table_id,
                        .version = description_.version,
                        .commit_fingerprint = std::move(described.commit_fingerprint)});
  }

  const Description& description() const override { return description_; }
  const data::Schema& schema() const override { return schema_; }
  const Position& position() const override { return position_; }

  Result<Totals> Sum(const base::Context& context) const override {
    SPILLWAY_ASSIGN(const std::string answer,
                    LakeioCall(context).RunForText([&](const lakeio_call* call, char** out) {
                      return lakeio_table_totals(table_.get(), call, out);
                    }));
    return ParseTotals(answer);
  }

  Result<Scan> Plan(const base::Context& context, const ReadSpec& spec) const override {
    ReadSpec resolved = spec;
    SPILLWAY_ASSIGN(data::Schema selected, Select(&resolved));
    const std::string request = FormatReadSpec(resolved);
    Scan scan;
    SPILLWAY_ASSIGN(scan.document,
                    LakeioCall(context).RunForText([&](const lakeio_call* call, char** out) {
                      return lakeio_table_scan(table_.get(), call, request.c_str(), out);
                    }));
    scan.schema = std::make_shared<const data::Schema>(std::move(selected));
    return scan;
  }

  Result<std::unique_ptr<SplitStream>> Splits(const base::Context& context, const Scan& scan,
                                              std::int64_t target_bytes) const override {
    SPILLWAY_ASSIGN(auto rows, OpenRowStream(context, runtime_, SplitSchema(),
                                             [&](const lakeio_call* call, ArrowArrayStream* out) {
                                               return lakeio_table_splits(table_.get(), call,
                                                                          scan.document.c_str(),
                                                                          target_bytes, out);
                                             }));
    return std::unique_ptr<SplitStream>(std::make_unique<DeltaSplits>(table_, std::move(rows)));
  }

 private:
  /// The schema of a read. Writes the columns' exact names into `spec`.
  Result<data::Schema> Select(ReadSpec* spec) const {
    data::Schema selected;
    if (spec->columns) {
      for (std::string& name : *spec->columns) {
        SPILLWAY_ASSIGN(const std::size_t index, data::LookUpField(all_columns_.fields, name, ""));
        const data::Field& field = all_columns_.fields[index];
        if (field.type.kind == TypeKind::kVoid) {
          return Status(ErrorClass::kUnsupportedColumnType,
                        "a column of type void has no values to read: " + field.name)
              .With("column", field.name)
              .Mend("Leave the column out.");
        }
        name = field.name;
        selected.fields.push_back(field);
      }
    } else {
      selected = schema_;
    }
    if (spec->row_position) {
      selected.fields.push_back(
          {.name = "_file", .type = data::ScalarType(TypeKind::kString), .nullable = false});
      selected.fields.push_back(
          {.name = "_row", .type = data::ScalarType(TypeKind::kLong), .nullable = false});
    }
    return selected;
  }

  std::shared_ptr<Runtime> runtime_;     // shared: see Runtime
  std::shared_ptr<lakeio_table> table_;  // shared with split streams; keeps the runtime
  Description description_;
  data::Schema all_columns_;
  data::Schema schema_;
  Position position_;
};

}  // namespace

Result<std::unique_ptr<Table>> MakeDeltaTable(const base::Context& context,
                                              std::shared_ptr<Runtime> runtime, LakeioTable table) {
  SPILLWAY_ASSIGN(const std::string answer,
                  LakeioCall(context).RunForText([&](const lakeio_call* call, char** out) {
                    return lakeio_table_describe(table.get(), call, out);
                  }));
  SPILLWAY_ASSIGN(DeltaDescription described, ParseDescription(answer));
  return std::unique_ptr<Table>(
      std::make_unique<DeltaTable>(std::move(runtime), std::move(table), std::move(described)));
}

}  // namespace spillway::lake
