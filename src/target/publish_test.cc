#include "target/publish.h"

#include <gtest/gtest.h>

namespace spillway::target {
namespace {

TEST(PublishWayTest, HasNames) {
  EXPECT_EQ(Name(PublishWay::kSwap), "swap");
  EXPECT_EQ(Name(PublishWay::kApply), "apply in place");
}

TEST(DeletesTooManyTest, ComparesTheShareExactly) {
  EXPECT_FALSE(DeletesTooMany(5, 10, 50));
  EXPECT_TRUE(DeletesTooMany(6, 10, 50));
  EXPECT_TRUE(DeletesTooMany(1, 10, 0));
  EXPECT_FALSE(DeletesTooMany(0, 10, 0));
  EXPECT_FALSE(DeletesTooMany(-3, 10, 0));  // the table grows
  EXPECT_FALSE(DeletesTooMany(0, 0, 50));
  EXPECT_FALSE(DeletesTooMany(10, 10, 100));
}

}  // namespace
}  // namespace spillway::target
