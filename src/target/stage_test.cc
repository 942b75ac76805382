#include "target/stage.h"

#include <gtest/gtest.h>

namespace spillway::target {
namespace {

Stage Sample() {
  Stage stage;
  stage.table = {"spillway", "stage_7"};
  stage.target = {"shop", "products \"ü\""};
  stage.fence = {"00000000-0000-4000-8000-000000000001", 12, "run-1"};
  data::Type decimal;
  decimal.kind = data::TypeKind::kDecimal;
  decimal.precision = 18;
  decimal.scale = 4;
  data::Type array;
  array.kind = data::TypeKind::kArray;
  data::Field element;
  element.name = "element";
  element.type = decimal;
  array.children.push_back(element);
  stage.columns = {{"id", {data::TypeKind::kLong, 0, 0, 0, {}}, "bigint", true, "the key"},
                   {"price", decimal, "numeric(18,4)", false, ""},
                   {"prices", array, "jsonb", false, "ö"}};
  return stage;
}

TEST(StageTest, SurvivesItsHandle) {
  const Stage stage = Sample();
  const std::string bytes = stage.Serialize();
  auto parsed = Stage::Parse(bytes);
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_EQ(parsed->table, stage.table);
  EXPECT_EQ(parsed->target, stage.target);
  EXPECT_EQ(parsed->fence.synced_table_id, stage.fence.synced_table_id);
  EXPECT_EQ(parsed->fence.number, stage.fence.number);
  EXPECT_EQ(parsed->fence.run_id, stage.fence.run_id);
  EXPECT_EQ(parsed->columns, stage.columns);
  EXPECT_EQ(parsed->Serialize(), bytes);
}

TEST(StageTest, RefusesEveryTruncation) {
  const std::string bytes = Sample().Serialize();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(Stage::Parse(std::string_view(bytes).substr(0, size)).ok()) << size;
  }
}

TEST(StageTest, SurvivesEveryFlippedBit) {
  const std::string bytes = Sample().Serialize();
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    if (auto parsed = Stage::Parse(flipped); parsed.ok()) {
      // A changed name or number is a stage too; it must say the same again.
      EXPECT_TRUE(Stage::Parse(parsed->Serialize()).ok()) << bit;
    }
  }
}

TEST(StageTest, RefusesAnotherVersion) {
  std::string bytes = Sample().Serialize();
  const auto at = bytes.find("\"version\":1");
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at, 11, "\"version\":2");
  const auto parsed = Stage::Parse(bytes);
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.status().message(), "this is not a stage handle: version 2, not 1");
}

}  // namespace
}  // namespace spillway::target
