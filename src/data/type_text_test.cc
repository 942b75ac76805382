#include "data/type_text.h"

#include <gtest/gtest.h>

namespace spillway::data {
namespace {

TEST(ParsePrimitiveName, RefusesWhatIsNoType) {
  for (const char* name :
       {"", "int", "bigint", "decimal(", "decimal(1,2,3)", "decimal()", "varchar()", "varchar(0)",
        "varchar(99999999999)", "interval", "interval fortnight"}) {
    EXPECT_EQ(ParsePrimitiveName(name), std::nullopt) << name;
  }
  EXPECT_EQ(ParsePrimitiveName("string collate UNICODE_CI")->kind, TypeKind::kString);
}

TEST(ApplyCharLengths, FindsStringsAtAnyDepth) {
  Type type = StructType({{.name = "a:b", .type = StringType(0)},
                          {.name = "m", .type = MapType(StringType(0), ArrayType(StringType(0)))}});
  ApplyCharLengths("struct<`a:b`:char(2),m:map<varchar(3),array<varchar(4)>>>", &type);
  EXPECT_EQ(type.ToString(), "struct<`a:b`:varchar(2),m:map<varchar(3),array<varchar(4)>>>");
}

TEST(ApplyCharLengths, PassesOverWhatDoesNotFit) {
  for (const char* spelling : {"", "struct<", "struct<a:char(1),b:char(2)>", "map<char(1),char(2)>",
                               "struct<a>", "array<varchar(3)>", "varchar(3)", "struct<a:`>"}) {
    Type type = StructType({{.name = "a", .type = StringType(0)}});
    ApplyCharLengths(spelling, &type);
    EXPECT_EQ(type.ToString(), "struct<a:string>") << spelling;
  }
}

TEST(DeltaName, IsReadBack) {
  EXPECT_EQ(DeltaName(ScalarType(TypeKind::kInt)), "integer");
  EXPECT_EQ(DeltaName(ScalarType(TypeKind::kVoid)), "void");
  EXPECT_EQ(DeltaName(StringType(5)), "string");
  EXPECT_EQ(DeltaName(DecimalType(5, 1)), "decimal(5,1)");
  for (int kind = 0; kind <= static_cast<int>(TypeKind::kGeography); ++kind) {
    const Type type = static_cast<TypeKind>(kind) == TypeKind::kDecimal
                          ? DecimalType(5, 1)
                          : ScalarType(static_cast<TypeKind>(kind));
    if (type.is_nested()) continue;
    EXPECT_EQ(ParsePrimitiveName(DeltaName(type)), type);
  }
}

}  // namespace
}  // namespace spillway::data
