#include "data/column_text.h"

#include <gtest/gtest.h>

#include "data/testing/rows.h"

namespace spillway::data {
namespace {

std::string TextOf(const Type& type, const std::string& value) {
  const auto schema = testing::MakeSchema({{.name = "c", .type = type}});
  const Batch batch = testing::MakeBatch(schema, {{value}});
  auto column = ColumnText::Make(schema->fields[0]);
  EXPECT_TRUE(column.ok());
  column->Bind(batch.column(0));
  EXPECT_FALSE(column->IsNull(0));
  std::string out = "=";
  EXPECT_TRUE(column->Append(0, &out).ok());
  return out;
}

TEST(ColumnText, HasNoQuotes) {
  EXPECT_EQ(TextOf(ScalarType(TypeKind::kString), R"("a\"b")"), "=a\"b");
  EXPECT_EQ(TextOf(ScalarType(TypeKind::kShort), "-5"), "=-5");
  EXPECT_EQ(TextOf(ScalarType(TypeKind::kDate), "\"2024-01-01\""), "=2024-01-01");
  EXPECT_EQ(TextOf(ScalarType(TypeKind::kBinary), "\"ff00\""), "=/wA=");
  EXPECT_EQ(TextOf(ScalarType(TypeKind::kYearMonthInterval), "5"), "=P5M");
  EXPECT_EQ(TextOf(ScalarType(TypeKind::kDayTimeInterval), "5000000"), "=PT5S");
  EXPECT_EQ(TextOf(ArrayType(ScalarType(TypeKind::kDouble)), "[\"NaN\"]"), "=[\"NaN\"]");
}

TEST(ColumnText, KnowsNumbers) {
  EXPECT_TRUE(ColumnText::Make({.name = "c", .type = DecimalType(5, 2)})->is_number());
  EXPECT_FALSE(ColumnText::Make({.name = "c", .type = StringType(0)})->is_number());
}

TEST(ColumnText, RefusesGeometry) {
  const auto refused = ColumnText::Make({.name = "g", .type = ScalarType(TypeKind::kGeometry)});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().error_class(), base::ErrorClass::kUnsupportedColumnType);
  EXPECT_EQ(refused.status().detail("column"), "g");
}

}  // namespace
}  // namespace spillway::data
