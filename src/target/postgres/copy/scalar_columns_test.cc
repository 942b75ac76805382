#include "target/postgres/copy/scalar_columns.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "data/builder.h"

namespace spillway::target::postgres {
namespace {

using data::TypeKind;

data::Batch Build(const data::Type& type, const std::vector<std::string>& texts) {
  data::Schema schema{{{.name = "c", .type = type}}};
  data::BatchBuilder builder(std::make_shared<const data::Schema>(std::move(schema)));
  for (const std::string& text : texts) {
    EXPECT_TRUE(builder.AppendText(0, text).ok()) << text;
    EXPECT_TRUE(builder.FinishRow().ok());
  }
  auto batch = builder.Finish();
  EXPECT_TRUE(batch.ok());
  return *std::move(batch);
}

TEST(ScalarColumns, OnlyScalars) {
  const PostgresType text{.kind = PostgresKind::kText};
  EXPECT_EQ(MakeScalarColumn(data::ScalarType(TypeKind::kString), text), nullptr);
  EXPECT_EQ(MakeScalarColumn(data::ScalarType(TypeKind::kInt), text), nullptr);
  EXPECT_EQ(MakeScalarColumn(data::DecimalType(9, 2), {.kind = PostgresKind::kBigint}), nullptr);
}

TEST(ScalarColumns, RowsOfTheirOwnWidthAreNotCopied) {
  const data::Batch batch = Build(data::ScalarType(TypeKind::kLong), {"1", "2", "3"});
  const data::ColumnView column = batch.column(0);
  const auto encoder = MakeScalarColumn(column.type(), {.kind = PostgresKind::kBigint});
  WireField field;
  ASSERT_EQ(encoder->Prepare(column, 1, 2, &field), 2);
  EXPECT_EQ(field.kind, WireKind::kEight);
  EXPECT_EQ(field.values, column.values<std::int64_t>() + 1);
  EXPECT_EQ(field.payload_bound, 16);
}

TEST(ScalarColumns, ABadRowIsFoundAndNamed) {
  const data::Batch batch = Build(data::ScalarType(TypeKind::kLong), {"1", "99999", "3"});
  const data::ColumnView column = batch.column(0);
  const auto encoder = MakeScalarColumn(column.type(), {.kind = PostgresKind::kSmallint});
  WireField field;
  EXPECT_EQ(encoder->Prepare(column, 0, 3, &field), ColumnEncoder::kBad);
  EXPECT_EQ(encoder->Prepare(column, 2, 1, &field), 1);
  EXPECT_EQ(encoder->Check(column, 0), std::nullopt);
  ASSERT_TRUE(encoder->Check(column, 1));
  EXPECT_EQ(encoder->Check(column, 1)->reason, "99999 is outside the range of smallint");
}

TEST(ScalarColumns, ADecimalBeyondItsOwnTypeIsBad) {
  const data::Type wide = data::DecimalType(38, 2);
  const data::Batch batch = Build(wide, {"999.99", "1000.00", "123456789012345678901234567890.00"});
  const data::ColumnView column = batch.column(0);
  // The file's type says five digits; its values say more.
  const auto encoder = MakeScalarColumn(
      data::DecimalType(5, 2), {.kind = PostgresKind::kNumeric, .precision = 5, .scale = 2});
  EXPECT_EQ(encoder->Check(column, 0), std::nullopt);
  EXPECT_TRUE(encoder->Check(column, 1));
  EXPECT_TRUE(encoder->Check(column, 2));
  WireField field;
  ASSERT_EQ(encoder->Prepare(column, 0, 3, &field), 3);
  char out[64 + kWireSlack];
  for (std::int64_t row = 0; row < 3; ++row) {
    bool bad = false;
    WriteField(field, row, out, &bad);
    EXPECT_EQ(bad, row > 0);
  }
}

}  // namespace
}  // namespace spillway::target::postgres
