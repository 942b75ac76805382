#include "target/postgres/copy/nested_columns.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/builder.h"

namespace spillway::target::postgres {
namespace {

using data::TypeKind;

data::Batch Build(const data::Type& type, const std::vector<std::optional<std::string>>& rows) {
  data::Schema schema{{{.name = "c", .type = type}}};
  data::BatchBuilder builder(std::make_shared<const data::Schema>(std::move(schema)));
  for (const auto& row : rows) {
    EXPECT_TRUE((row ? builder.AppendJson(0, *row) : builder.AppendNull(0)).ok());
    EXPECT_TRUE(builder.FinishRow().ok());
  }
  auto batch = builder.Finish();
  EXPECT_TRUE(batch.ok());
  return *std::move(batch);
}

std::uint32_t Big32(const char* at) {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof(value));
  return __builtin_bswap32(value);
}

/// Lengths of the elements of an array's bytes, -1 for NULL.
std::vector<std::int64_t> ElementLengths(const char* at) {
  std::vector<std::int64_t> lengths;
  if (Big32(at) == 0) return lengths;
  std::uint32_t count = Big32(at + 12);
  for (at += 20; count > 0; --count) {
    const std::uint32_t length = Big32(at);
    lengths.push_back(length == kNullLength ? -1 : static_cast<std::int64_t>(length));
    at += 4 + (length == kNullLength ? 0 : length);
  }
  return lengths;
}

std::unique_ptr<ColumnEncoder> TextArray(const data::Type& type) {
  auto encoder = MakeColumnEncoder(type, {.kind = PostgresKind::kText, .array = true}, "c", {});
  EXPECT_TRUE(encoder.ok());
  return *std::move(encoder);
}

// Elements are prepared a megabyte at a time, whatever array they belong to: arrays begin, end and
// go on in the middle.
TEST(NestedColumns, ArraysAreNotBoundToWhatIsPreparedTogether) {
  const data::Type type = data::ArrayType(data::ScalarType(TypeKind::kString));
  std::vector<std::optional<std::string>> rows;
  std::vector<std::vector<std::int64_t>> expected;
  for (int row = 0; row < 9; ++row) {
    std::string json = "[";
    std::vector<std::int64_t> lengths;
    for (int i = 0; i < 7; ++i) {
      lengths.push_back((row * 7 + i) % 5 == 3 ? -1 : 100000 + i);
      json += i > 0 ? "," : "";
      json += lengths.back() < 0
                  ? "null"
                  : "\"" + std::string(static_cast<std::size_t>(lengths.back()), 'x') + "\"";
    }
    rows.push_back(row == 4 ? "[]" : json + "]");
    expected.push_back(row == 4 ? std::vector<std::int64_t>() : lengths);
  }
  for (const bool with_null : {false, true}) {
    if (with_null) rows[2] = std::nullopt;
    const data::Batch batch = Build(type, rows);
    const data::ColumnView column = batch.column(0);
    const auto encoder = TextArray(type);
    std::int64_t row = 0;
    while (row < column.rows()) {
      WireField field;
      const std::int64_t ready = encoder->Prepare(column, row, column.rows() - row, &field);
      ASSERT_GE(ready, 1);
      EXPECT_LT(ready, 9);
      for (std::int64_t i = 0; i < ready; ++i, ++row) {
        if (column.IsNull(row)) continue;
        const char* const bytes = static_cast<const char*>(field.values) + field.offsets[i];
        EXPECT_EQ(ElementLengths(bytes), expected[static_cast<std::size_t>(row)]) << row;
        EXPECT_EQ(Big32(bytes + 8), 25U);
      }
    }
  }
}

TEST(NestedColumns, DocumentsAreWrittenAMegabyteAtATime) {
  const data::Type type = data::ArrayType(data::ScalarType(TypeKind::kString));
  const std::string json = "[\"" + std::string(400000, 'x') + "\"]";
  const data::Batch batch = Build(type, {json, json, std::nullopt, json, json});
  auto encoder = MakeDocumentColumn(type, {.kind = PostgresKind::kJsonb}, "c", {});
  ASSERT_TRUE(encoder.ok());
  WireField field;
  EXPECT_EQ((*encoder)->Prepare(batch.column(0), 0, 5, &field), 4);
  EXPECT_EQ(field.kind, WireKind::kBytesOrNull);
  EXPECT_EQ(field.payload_bound, 3 * static_cast<std::int64_t>(json.size() + 1));
  EXPECT_EQ((*encoder)->Prepare(batch.column(0), 4, 1, &field), 1);
}

TEST(NestedColumns, AnElementIsNamedByItsPlace) {
  const data::Type type = data::ArrayType(data::ScalarType(TypeKind::kString));
  const data::Batch batch = Build(type, {R"(["a","b"])", R"(["a",null,"\u0000"])"});
  const auto encoder = TextArray(type);
  WireField field;
  EXPECT_EQ(encoder->Prepare(batch.column(0), 0, 2, &field), ColumnEncoder::kBad);
  EXPECT_EQ(encoder->Prepare(batch.column(0), 0, 1, &field), 1);
  EXPECT_EQ(encoder->Check(batch.column(0), 0), std::nullopt);
  EXPECT_EQ(encoder->Check(batch.column(0), 1)->reason, "element 3: a NUL byte at byte 0");
}

}  // namespace
}  // namespace spillway::target::postgres
