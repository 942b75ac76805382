// Tables that Spark wrote, through the adapter.

#include <gtest/gtest.h>

#include "lake/testing/spark_tables.h"

namespace spillway::lake {
namespace {

using DeltaTable = testing::SparkTables;

TEST_F(DeltaTable, ColumnIdsAndCommentsArrive) {
  const auto mapped = lake_->Open({}, Unpack("colmap"), {});
  ASSERT_TRUE(mapped.ok()) << mapped.status().ToString();
  EXPECT_EQ((*mapped)->schema().fields[0].id, 1);
  EXPECT_EQ((*mapped)->schema().fields[1].type, data::DecimalType(9, 3));
  const auto commented = lake_->Open({}, Unpack("identity_default"), {});
  ASSERT_TRUE(commented.ok());
  EXPECT_EQ((*commented)->schema().fields.back().comment, "a 'quoted' comment");
}

TEST_F(DeltaTable, BatchesAreAsPlanned) {
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
