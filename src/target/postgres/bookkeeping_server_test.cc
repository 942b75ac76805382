#include <set>
#include <thread>

#include "target/postgres/bookkeeping.h"
#include "target/postgres/load_fixture_test.h"

namespace spillway::target::postgres {
namespace {

class BookkeepingTest : public ServerTest {};

TEST_P(BookkeepingTest, ConcurrentFencesAreAllDifferent) {
  constexpr std::size_t kThreads = 4;
  constexpr int kEach = 5;
  std::vector<std::vector<std::int64_t>> taken(kThreads);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        auto target = OpenTarget(conninfo_);
        for (int n = 0; n < kEach; ++n) {
          auto fenced = target->TakeFence(Soon(), kId, {"public", "t"}, "run-" + std::to_string(i));
          ASSERT_TRUE(fenced.ok()) << fenced.status().ToString();
          taken[i].push_back(fenced->first.number);
        }
      });
    }
  }
  std::set<std::int64_t> all;
  for (const auto& some : taken) {
    EXPECT_TRUE(std::is_sorted(some.begin(), some.end()));
    all.insert(some.begin(), some.end());
  }
  EXPECT_EQ(all.size(), kThreads * kEach);
  EXPECT_EQ(*all.rbegin(), static_cast<std::int64_t>(kThreads * kEach));
}

TEST_P(BookkeepingTest, IdsAreUuids) {
  auto target = OpenTarget(conninfo_);
  for (const char* id : {"", "1", "11111111-2222-4333-8444-55555555555g", "' OR true --",
                         "11111111222243338444555555555555"}) {
    EXPECT_CLASS(target->TakeFence(Soon(), id, {"public", "t"}, "run").status(), kInvalidArgument);
  }
  EXPECT_EQ(plain_->Value("SELECT to_regnamespace('spillway')"), "∅");
}

TEST_P(BookkeepingTest, AFenceWaitsForAPublishNotForEver) {
  auto target =
      OpenPostgresTarget({.url = conninfo_, .lock_timeout = std::chrono::milliseconds(100)});
  ASSERT_TRUE(target.ok());
  ASSERT_TRUE((*target)->TakeFence(Soon(), kId, {"public", "t"}, "run").ok());
  ASSERT_EQ(plain_->Execute("BEGIN; SELECT * FROM spillway.position FOR UPDATE"), "");
  const auto refused = (*target)->TakeFence(Soon(), kId, {"public", "t"}, "run");
  EXPECT_CLASS(refused.status(), kLockTimeout);
  EXPECT_NE(refused.status().detail("blockers").find(std::to_string(plain_->pid())),
            std::string::npos)
      << refused.status().detail("blockers");
  ASSERT_EQ(plain_->Execute("COMMIT"), "");
  EXPECT_TRUE((*target)->TakeFence(Soon(), kId, {"public", "t"}, "run").ok());
}

SPILLWAY_ON_EACH_SERVER(BookkeepingTest);

}  // namespace
}  // namespace spillway::target::postgres
