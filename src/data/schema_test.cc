#include "data/schema.h"

#include <gtest/gtest.h>

#include "data/testing/every_type.h"

namespace spillway::data {
namespace {

TEST(Schema, FindsExactNames) {
  const Schema schema = testing::EveryType();
  EXPECT_EQ(schema.Find("tinyint"), 1U);
  EXPECT_EQ(schema.Find("TINYINT"), std::nullopt);
}

TEST(Type, IsComparedByStructure) {
  EXPECT_EQ(DecimalType(5, 2), DecimalType(5, 2));
  EXPECT_FALSE(DecimalType(5, 2) == DecimalType(5, 3));
  EXPECT_FALSE(StringType(5) == StringType(0));
  EXPECT_FALSE(ArrayType(StringType(0), true) == ArrayType(StringType(0), false));
}

TEST(Type, IsSpelledAsSparkDoes) {
  EXPECT_EQ(StructType({{.name = "a", .type = ArrayType(ScalarType(TypeKind::kByte))},
                        {.name = "b c", .type = MapType(StringType(3), DecimalType(5, 2))}})
                .ToString(),
            "struct<a:array<tinyint>,`b c`:map<varchar(3),decimal(5,2)>>");
}

}  // namespace
}  // namespace spillway::data
