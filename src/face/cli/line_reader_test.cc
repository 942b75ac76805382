#include "face/cli/line_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spillway::face::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(CompletionsOf, FollowsTheCaseOfWhatIsTyped) {
  const std::vector<std::string> words = {"SYNC", "SYNCED", "SHOW", "schedule", "shop.public.T"};
  EXPECT_THAT(CompletionsOf("SYN", words), ElementsAre("SYNC", "SYNCED"));
  EXPECT_THAT(CompletionsOf("syn", words), ElementsAre("sync", "synced"));
  EXPECT_THAT(CompletionsOf("sh", words), ElementsAre("shop.public.T", "show"));
  EXPECT_THAT(CompletionsOf("Sch", words), ElementsAre("schedule"));
  EXPECT_THAT(CompletionsOf("x", words), IsEmpty());
  EXPECT_THAT(CompletionsOf("", words).size(), 5U);
}

}  // namespace
}  // namespace spillway::face::cli
