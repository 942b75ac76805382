#include "data/builder.h"

#include <gtest/gtest.h>

namespace spillway::data {
namespace {

using base::ErrorClass;

std::shared_ptr<const Schema> One(Type type) {
  return std::make_shared<const Schema>(Schema{{{.name = "c", .type = std::move(type)}}});
}

bool TakesText(const Type& type, std::string_view text) {
  BatchBuilder builder(One(type));
  const auto status = builder.AppendText(0, text);
  EXPECT_TRUE(status.ok() || status.error_class() == ErrorClass::kInvalidArgument);
  return status.ok();
}

bool TakesJson(const Type& type, std::string_view json) {
  BatchBuilder builder(One(type));
  const auto status = builder.AppendJson(0, json);
  EXPECT_TRUE(status.ok() || status.error_class() == ErrorClass::kInvalidArgument);
  return status.ok();
}

TEST(BatchBuilder, TakesCanonicalTextOnly) {
  EXPECT_TRUE(TakesText(ScalarType(TypeKind::kByte), "-128"));
  EXPECT_FALSE(TakesText(ScalarType(TypeKind::kByte), "128"));
  EXPECT_FALSE(TakesText(ScalarType(TypeKind::kInt), "2147483648"));
  EXPECT_TRUE(TakesText(DecimalType(5, 2), "-123.45"));
  EXPECT_FALSE(TakesText(DecimalType(5, 2), "123.4"));
  EXPECT_FALSE(TakesText(DecimalType(5, 2), "1234.56"));
  EXPECT_TRUE(TakesText(ScalarType(TypeKind::kDate), "0001-01-01"));
  EXPECT_FALSE(TakesText(ScalarType(TypeKind::kDate), "2023-02-29"));
  EXPECT_FALSE(TakesText(ScalarType(TypeKind::kBoolean), "1"));
  EXPECT_FALSE(TakesText(ScalarType(TypeKind::kVariant), "{"));
  EXPECT_FALSE(TakesText(ArrayType(ScalarType(TypeKind::kInt)), "[]"));
}

TEST(BatchBuilder, TakesNestedJson) {
  const Type map = MapType(ScalarType(TypeKind::kBinary), ScalarType(TypeKind::kDouble));
  EXPECT_TRUE(TakesJson(map, R"([["00ff","NaN"],["",1e3]])"));
  EXPECT_FALSE(TakesJson(map, R"({"00":1})"));
  EXPECT_FALSE(TakesJson(map, R"([["0",1]])"));
  const Type record = StructType({{.name = "a", .type = ScalarType(TypeKind::kString)}});
  EXPECT_TRUE(TakesJson(record, R"({"a":"1"})"));
  EXPECT_FALSE(TakesJson(record, R"({"a":1})"));
  EXPECT_FALSE(TakesJson(record, R"({})"));
  EXPECT_FALSE(TakesJson(record, R"({"b":"1"})"));
  EXPECT_FALSE(TakesJson(record, "{"));
}

TEST(BatchBuilder, KeepsDigitsThatADoubleWouldLose) {
  BatchBuilder builder(One(DecimalType(38, 1)));
  ASSERT_TRUE(builder.AppendJson(0, "1234567890123456789012345678901234567.8").ok());
  ASSERT_TRUE(builder.FinishRow().ok());
  const auto batch = builder.Finish();
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(static_cast<std::int64_t>(batch->column(0).decimal(0) % 1'000'000'000), 12'345'678);
}

TEST(BatchBuilder, WantsOneValueAColumnAndRow) {
  BatchBuilder twice(One(ScalarType(TypeKind::kInt)));
  ASSERT_TRUE(twice.AppendNull(0).ok());
  EXPECT_FALSE(twice.AppendNull(0).ok());
  EXPECT_FALSE(twice.FinishRow().ok()) << "a broken row stays broken";
  EXPECT_FALSE(twice.Finish().ok());
  BatchBuilder none(One(ScalarType(TypeKind::kInt)));
  EXPECT_FALSE(none.FinishRow().ok());
  BatchBuilder unfinished(One(ScalarType(TypeKind::kInt)));
  ASSERT_TRUE(unfinished.AppendNull(0).ok());
  EXPECT_FALSE(unfinished.Finish().ok());
  BatchBuilder beyond(One(ScalarType(TypeKind::kInt)));
  EXPECT_FALSE(beyond.AppendNull(1).ok());
}

TEST(BatchBuilder, StartsAnewAfterFinish) {
  BatchBuilder builder(One(ScalarType(TypeKind::kInt)));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(builder.AppendText(0, std::to_string(i)).ok());
    ASSERT_TRUE(builder.FinishRow().ok());
    EXPECT_EQ(builder.rows(), 1);
    const auto batch = builder.Finish();
    ASSERT_TRUE(batch.ok());
    EXPECT_EQ(batch->column(0).values<std::int32_t>()[0], i);
    EXPECT_EQ(builder.rows(), 0);
  }
}

}  // namespace
}  // namespace spillway::data
