#include "data/column_lookup.h"

#include <gtest/gtest.h>

namespace spillway::data {
namespace {

std::vector<Field> Fields(std::initializer_list<const char*> names) {
  std::vector<Field> fields;
  for (const char* name : names) {
    fields.push_back({.name = name, .type = ScalarType(TypeKind::kLong)});
  }
  return fields;
}

TEST(LookUpField, PrefersTheExactName) {
  const auto fields = Fields({"ID", "id", "Name"});
  EXPECT_EQ(*LookUpField(fields, "id", ""), 1U);
  EXPECT_EQ(*LookUpField(fields, "ID", ""), 0U);
  EXPECT_EQ(*LookUpField(fields, "nAME", ""), 2U);
}

TEST(LookUpExactField, TakesTheNameToTheLetter) {
  const Type text = ScalarType(TypeKind::kString);
  const std::vector<Field> fields = {{.name = "ID", .type = text}, {.name = "Name", .type = text}};
  EXPECT_EQ(*LookUpExactField(fields, "Name", ""), 1U);
  EXPECT_EQ(LookUpExactField(fields, "name", "").status().detail("nearest"), "Name");
  EXPECT_TRUE(IsSameName("Name", "nAME"));
  EXPECT_FALSE(IsSameName("Name", "Names"));
}

TEST(LookUpField, NamesTheNearest) {
  const auto fields = Fields({"product_id", "price", "category", "ID", "id"});
  const auto missing = LookUpField(fields, "prize", "st.");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().error_class(), base::ErrorClass::kColumnNotFound);
  EXPECT_EQ(missing.status().detail("column"), "st.prize");
  EXPECT_EQ(missing.status().detail("nearest"), "price");
  EXPECT_EQ(missing.status().mend(), "Did you mean: price?");
  EXPECT_EQ(LookUpField(fields, "product", "").status().detail("nearest"), "product_id");
  EXPECT_EQ(LookUpField(fields, "Id", "").status().detail("nearest"), "ID, id");
  EXPECT_EQ(LookUpField(fields, "zzzzzz", "").status().detail("nearest"), "");
}

}  // namespace
}  // namespace spillway::data
