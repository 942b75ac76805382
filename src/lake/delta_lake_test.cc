// What the Delta lake does beyond the contract of the port.

#include <gtest/gtest.h>

#include "lake/testing/spark_tables.h"

namespace spillway::lake {
namespace {

using DeltaLake = testing::SparkTables;

TEST_F(DeltaLake, ATableReplacedInItsPlaceIsSaidToBe) {
  const Location location = Unpack("overwrite");
  const auto first = lake_->Open({}, location, Version{0});
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  const auto relation = lake_->Observe({}, location, (*first)->position());
  ASSERT_TRUE(relation.ok()) << relation.status().ToString();
  EXPECT_EQ(relation->relation, Relation::kReplaced);
  ASSERT_NE(relation->table, nullptr);
  const auto latest = lake_->Open({}, location, {});
  ASSERT_TRUE(latest.ok());
  EXPECT_EQ(relation->table->position(), (*latest)->position());
  const auto same = lake_->Observe({}, location, (*latest)->position());
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(same->relation, Relation::kSame);
}

}  // namespace
}  // namespace spillway::lake
