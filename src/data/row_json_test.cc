#include "data/row_json.h"

#include <gtest/gtest.h>

#include "data/builder.h"

namespace spillway::data {
namespace {

Type Scalar(TypeKind kind) { return {kind, 0, 0, 0, {}}; }

TEST(RowJsonTest, KeepsWhatNoTargetCouldStore) {
  Type map = Scalar(TypeKind::kMap);
  map.children = {{"key", Scalar(TypeKind::kString), false, {}, ""},
                  {"value", Scalar(TypeKind::kDouble), true, {}, ""}};
  Schema fields;
  fields.fields = {{"id", Scalar(TypeKind::kLong), true, {}, ""},
                   {"na\"me", Scalar(TypeKind::kString), true, {}, ""},
                   {"m", map, true, {}, ""}};
  const auto schema = std::make_shared<const Schema>(std::move(fields));
  BatchBuilder builder(schema);
  ASSERT_TRUE(builder.AppendText(0, "7").ok());
  ASSERT_TRUE(builder.AppendText(1, std::string("a\0b", 3)).ok());
  ASSERT_TRUE(builder.AppendJson(2, R"([["k","NaN"],["k",1]])").ok());
  ASSERT_TRUE(builder.FinishRow().ok());
  ASSERT_TRUE(builder.AppendNull(0).ok());
  ASSERT_TRUE(builder.AppendText(1, "\xff\xfe").ok());
  ASSERT_TRUE(builder.AppendNull(2).ok());
  ASSERT_TRUE(builder.FinishRow().ok());
  auto batch = builder.Finish();
  ASSERT_TRUE(batch.ok()) << batch.status().ToString();

  auto rows = RowJson::Make(*schema);
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(*rows->Write(*batch, 0), R"({"id":7,"na\"me":"a\u0000b","m":{"k":"NaN","k":1}})");
  EXPECT_EQ(*rows->Write(*batch, 1), R"({"id":null,"na\"me":{"base64":"//4="},"m":null})");
  EXPECT_EQ(*rows->Write(*batch, 1, {2, 0}), R"({"m":null,"id":null})");
}

}  // namespace
}  // namespace spillway::data
