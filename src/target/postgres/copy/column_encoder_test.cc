#include "target/postgres/copy/column_encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace spillway::target::postgres {
namespace {

using data::TypeKind;

/// A source type of each kind that has values.
std::vector<data::Type> SourceTypes() {
  std::vector<data::Type> types = {data::DecimalType(9, 0)};
  for (const TypeKind kind :
       {TypeKind::kBoolean, TypeKind::kByte, TypeKind::kShort, TypeKind::kInt, TypeKind::kLong,
        TypeKind::kFloat, TypeKind::kDouble, TypeKind::kString, TypeKind::kBinary, TypeKind::kDate,
        TypeKind::kTimestamp, TypeKind::kTimestampNtz, TypeKind::kVariant,
        TypeKind::kYearMonthInterval, TypeKind::kDayTimeInterval}) {
    types.push_back(data::ScalarType(kind));
  }
  types.push_back(data::ArrayType(data::ScalarType(TypeKind::kFloat)));
  types.push_back(
      data::MapType(data::ScalarType(TypeKind::kString), data::ScalarType(TypeKind::kInt)));
  types.push_back(data::StructType({{.name = "a", .type = data::ScalarType(TypeKind::kInt)}}));
  return types;
}

// The type table decides: what it maps has an encoder, what it does not map has none.
TEST(ColumnEncoder, EveryMappingOfTheTableHasOne) {
  for (const data::Type& source : SourceTypes()) {
    for (const PostgresTypeInfo& info : PostgresTypes()) {
      const PostgresType target{.kind = info.kind};
      const bool mapped = FindRule(source.kind, info.kind) != nullptr;
      const auto encoder = MakeColumnEncoder(source, target, "c", {});
      EXPECT_EQ(encoder.ok(), mapped) << source.ToString() << " " << target.ToString();
      if (!mapped) {
        EXPECT_EQ(encoder.status().error_class(), base::ErrorClass::kInvalidDefinition);
      }
    }
  }
}

TEST(ColumnEncoder, ArraysOfEveryMappingHaveOne) {
  for (const data::Type& element : SourceTypes()) {
    for (const PostgresTypeInfo& info : PostgresTypes()) {
      if (!info.extension.empty()) continue;
      const PostgresType target{.kind = info.kind, .array = true};
      EXPECT_EQ(MakeColumnEncoder(data::ArrayType(element), target, "c", {}).ok(),
                FindRule(element.kind, info.kind) != nullptr)
          << element.ToString() << " " << target.ToString();
      EXPECT_FALSE(MakeColumnEncoder(data::ScalarType(TypeKind::kInt), target, "c", {}).ok());
    }
  }
}

}  // namespace
}  // namespace spillway::target::postgres
