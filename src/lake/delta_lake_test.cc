// What the Delta adapter does beyond the port's contract, on tables that Spark wrote.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "lake/lake.h"

namespace spillway::lake {
namespace {

using base::ErrorClass;

class SparkTables : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "spillway-delta-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    auto lake = OpenDeltaLake();
    ASSERT_TRUE(lake.ok()) << lake.status().ToString();
    lake_ = *std::move(lake);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  Location Unpack(const std::string& name) {
    const std::string command =
        "tar -xzf " SPILLWAY_TEST_DATA "/delta/" + name + ".tar.gz -C " + directory_.string();
    EXPECT_EQ(std::system(command.c_str()), 0);
    return {.url = (directory_ / name).string(), .storage_options = {}};
  }

  std::filesystem::path directory_;
  std::unique_ptr<Lake> lake_;
};

TEST_F(SparkTables, ATableReplacedInItsPlaceIsSaidToBe) {
  const Location location = Unpack("overwrite");
  const auto first = lake_->Open({}, location, Version{0});
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  const auto relation = lake_->Observe({}, location, (*first)->position());
  ASSERT_TRUE(relation.ok()) << relation.status().ToString();
  EXPECT_EQ(*relation, Relation::kReplaced);
  const auto latest = lake_->Open({}, location, {});
  ASSERT_TRUE(latest.ok());
  EXPECT_EQ(*lake_->Observe({}, location, (*latest)->position()), Relation::kSame);
}

TEST_F(SparkTables, ColumnIdsAndCommentsArrive) {
  const auto mapped = lake_->Open({}, Unpack("colmap"), {});
  ASSERT_TRUE(mapped.ok()) << mapped.status().ToString();
  EXPECT_EQ((*mapped)->schema().fields[0].id, 1);
  EXPECT_EQ((*mapped)->schema().fields[1].type, data::DecimalType(9, 3));
  const auto commented = lake_->Open({}, Unpack("identity_default"), {});
  ASSERT_TRUE(commented.ok());
  EXPECT_EQ((*commented)->schema().fields.back().comment, "a 'quoted' comment");
}

TEST_F(SparkTables, BatchesAreAsPlanned) {
  for (const char* name : {"dv", "typewiden", "variant", "colmap_id", "part_types"}) {
    const Location location = Unpack(name);
    const auto table = lake_->Open({}, location, {});
    ASSERT_TRUE(table.ok()) << table.status().ToString();
    const auto scan = (*table)->Plan({}, {.columns = {}, .where = {}, .row_position = true});
    ASSERT_TRUE(scan.ok()) << scan.status().ToString();
    auto splits = (*table)->Splits({}, *scan, 0);
    ASSERT_TRUE(splits.ok()) << splits.status().ToString();
    std::int64_t rows = 0;
    while (true) {
      const auto split = (*splits)->Next({});
      ASSERT_TRUE(split.ok()) << split.status().ToString();
      if (!*split) break;
      auto stream = lake_->Read({}, location, *scan, (**split).bytes, {});
      ASSERT_TRUE(stream.ok()) << stream.status().ToString();
      while (true) {
        const auto batch = (*stream)->Next({});
        ASSERT_TRUE(batch.ok()) << batch.status().ToString();
        if (!*batch) break;
        EXPECT_EQ(&(**batch).schema(), scan->schema.get());
        EXPECT_GT((**batch).byte_size(), 0);
        rows += (**batch).rows();
      }
    }
    EXPECT_GT(rows, 0) << name;
  }
}

}  // namespace
}  // namespace spillway::lake
