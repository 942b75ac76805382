#include "target/postgres/key_images.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/hex.h"
#include "target/postgres/copy/column_encoder.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using data::ColumnView;

bool IsFloating(WireKind kind) {
  return kind == WireKind::kReal || kind == WireKind::kRealOrNull || kind == WireKind::kDouble ||
         kind == WireKind::kDoubleOrNull;
}

class PostgresKeyImages final : public KeyImages {
 public:
  struct Column {
    std::size_t index = 0;  ///< in the batches
    std::unique_ptr<ColumnEncoder> encoder;
  };

  explicit PostgresKeyImages(std::vector<Column> columns) : columns_(std::move(columns)) {}

  Result<std::vector<std::string>> Of(const data::Batch& batch) override {
    const auto rows = static_cast<std::size_t>(batch.rows());
    std::vector<std::string> images(rows);
    bad_.assign(rows, false);
    for (Column& column : columns_) AppendColumn(batch.column(column.index), column, &images);
    for (std::size_t row = 0; row < rows; ++row) {
      if (bad_[row]) images[row].clear();
    }
    return images;
  }

 private:
  void AppendColumn(const ColumnView& view, Column& column, std::vector<std::string>* images) {
    for (std::int64_t first = 0; first < view.rows();) {
      WireField field;
      std::int64_t ready =
          column.encoder->Prepare(view, first, std::min(kBlockRows, view.rows() - first), &field);
      if (ready == ColumnEncoder::kBad) {
        // One by one, so that only the bad ones are left out.
        ready = column.encoder->Prepare(view, first, 1, &field);
        if (ready == ColumnEncoder::kBad) {
          bad_[static_cast<std::size_t>(first)] = true;
          ++first;
          continue;
        }
      }
      AppendBlock(field, first, ready, images);
      first += ready;
    }
  }

  void AppendBlock(const WireField& field, std::int64_t first, std::int64_t count,
                   std::vector<std::string>* images) {
    scratch_.resize(static_cast<std::size_t>(field.payload_bound + 4 * count) + kWireSlack);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto row = static_cast<std::size_t>(first + i);
      bool bad = false;
      const char* const end = WriteField(field, i, scratch_.data(), &bad);
      if (bad) {
        bad_[row] = true;
        continue;
      }
      std::string& image = (*images)[row];
      const std::size_t at = image.size();
      image.append(scratch_.data(), static_cast<std::size_t>(end - scratch_.data()));
      if (IsFloating(field.kind) && image.size() > at + 4 && IsNegativeZero(image, at + 4)) {
        image[at + 4] = '\0';
      }
    }
  }

  static bool IsNegativeZero(const std::string& image, std::size_t at) {
    return image[at] == '\x80' && std::all_of(image.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                                              image.end(), [](char c) { return c == '\0'; });
  }

  static constexpr std::int64_t kBlockRows = 512;
  std::vector<Column> columns_;
  std::vector<bool> bad_;
  std::string scratch_;
};

std::int64_t BigEndian(std::string_view bytes) {
  auto value = static_cast<std::int64_t>(static_cast<signed char>(bytes.front()));
  for (const char c : bytes.substr(1)) value = value * 256 + static_cast<unsigned char>(c);
  return value;
}

std::optional<std::string> ConstantOf(std::string_view bytes, const PostgresType& type) {
  if (type.array) return std::nullopt;
  switch (type.kind) {
    case PostgresKind::kSmallint:
    case PostgresKind::kInteger:
    case PostgresKind::kBigint:
      return std::to_string(BigEndian(bytes));
    case PostgresKind::kDate:
      // A Julian day, which has no range of years of its own.
      return "J" + std::to_string(BigEndian(bytes) + 2451545);
    case PostgresKind::kText:
    case PostgresKind::kVarchar:
      return std::string(bytes);
    case PostgresKind::kUuid:
      return base::HexText(bytes);
    case PostgresKind::kBytea:
      return "\\x" + base::HexText(bytes);
    case PostgresKind::kBoolean:
    case PostgresKind::kReal:
    case PostgresKind::kDouble:
    case PostgresKind::kNumeric:
    case PostgresKind::kChar:
    case PostgresKind::kTimestamptz:
    case PostgresKind::kTimestamp:
    case PostgresKind::kInterval:
    case PostgresKind::kJsonb:
    case PostgresKind::kJson:
    case PostgresKind::kVector:
    case PostgresKind::kHalfvec:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::vector<std::string>> ConstantsOf(std::string_view image,
                                                    const std::vector<PostgresType>& types) {
  std::vector<std::string> constants;
  for (const PostgresType& type : types) {
    if (image.size() < 4) return std::nullopt;
    const std::int64_t length = BigEndian(image.substr(0, 4));
    image.remove_prefix(4);
    if (length < 0 || static_cast<std::size_t>(length) > image.size()) return std::nullopt;
    const bool text = type.kind == PostgresKind::kText || type.kind == PostgresKind::kVarchar ||
                      type.kind == PostgresKind::kBytea;
    if (length == 0 && !text) return std::nullopt;
    auto constant = ConstantOf(image.substr(0, static_cast<std::size_t>(length)), type);
    if (!constant) return std::nullopt;
    constants.push_back(*std::move(constant));
    image.remove_prefix(static_cast<std::size_t>(length));
  }
  return constants;
}

Result<std::unique_ptr<KeyImages>> MakeKeyImages(const Stage& stage, const data::Schema& schema,
                                                 const std::vector<std::string>& columns) {
  std::vector<PostgresKeyImages::Column> made;
  for (const std::string& name : columns) {
    const auto index = schema.Find(name);
    const auto column = std::ranges::find(stage.columns, name, &target::Column::name);
    if (!index || column == stage.columns.end()) {
      return base::Status(ErrorClass::kInternal,
                          "a key column is not among the rows' columns: " + name);
    }
    SPILLWAY_ASSIGN(const PostgresType type, ParsePostgresType(column->target_type));
    SPILLWAY_ASSIGN(auto encoder, MakeColumnEncoder(schema.fields[*index].type, type, name, {}));
    made.push_back({*index, std::move(encoder)});
  }
  return std::unique_ptr<KeyImages>(new PostgresKeyImages(std::move(made)));
}

Result<Sql> ImageExpression(const Context& context, Connection& connection, const Stage& stage,
                            const std::vector<std::string>& columns) {
  Sql query;
  query << "SELECT a.attname, n.nspname, p.proname, t.typname IN ('float4', 'float8')"
        << " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
        << " JOIN pg_proc p ON p.oid = t.typsend JOIN pg_namespace n ON n.oid = p.pronamespace"
        << " WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = to_regclass("
        << Literal("spillway." + stage.table.table) << ")";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, query));
  Sql sql;
  for (const std::string& column : columns) {
    int found = 0;
    while (found < rows.size() && rows.text(found, 0) != column) ++found;
    if (found == rows.size()) {
      return base::Status(ErrorClass::kInternal, "the stage has no column " + column);
    }
    Sql bytes;
    bytes << Identifier(rows.text(found, 1)) << "." << Identifier(rows.text(found, 2)) << "(";
    if (rows.boolean(found, 3)) {
      bytes << "CASE WHEN " << Identifier(column) << " = 0 THEN 0 ELSE " << Identifier(column)
            << " END";
    } else {
      bytes << Identifier(column);
    }
    bytes << ")";
    if (!sql.empty()) sql << " || ";
    sql << "coalesce(int4send(octet_length(" << bytes << ")) || " << bytes
        << ", '\\xffffffff'::bytea)";
  }
  return sql;
}

}  // namespace spillway::target::postgres
