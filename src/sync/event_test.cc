#include "sync/event.h"

#include <gtest/gtest.h>

#include <set>

namespace spillway::sync {
namespace {

TEST(Event, PhasesHaveTheirWords) {
  std::set<std::string_view> names;
  for (const Phase phase : {Phase::kObserve, Phase::kFence, Phase::kPlan, Phase::kLoad,
                            Phase::kIndex, Phase::kPublish}) {
    EXPECT_TRUE(names.insert(Name(phase)).second);
  }
  EXPECT_EQ(Name(Phase::kPublish), "publish");
  EXPECT_EQ(Name(Bottleneck::kNone), "");
  EXPECT_EQ(Name(Bottleneck::kTarget), "the target server");
}

}  // namespace
}  // namespace spillway::sync
