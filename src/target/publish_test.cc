#include "target/publish.h"

#include <gtest/gtest.h>

namespace spillway::target {
namespace {

TEST(PublishWayTest, HasNames) {
  EXPECT_EQ(Name(PublishWay::kSwap), "swap");
  EXPECT_EQ(Name(PublishWay::kApply), "apply in place");
}

}  // namespace
}  // namespace spillway::target
