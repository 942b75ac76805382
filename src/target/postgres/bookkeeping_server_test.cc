#include <set>
#include <thread>

#include "target/postgres/bookkeeping.h"
#include "target/postgres/server_fixture_test.h"

namespace spillway::target::postgres {
namespace {

class BookkeepingTest : public ServerTest {};

TEST_P(BookkeepingTest, TheLayoutIsMadeOnceByMany) {
  constexpr std::size_t kThreads = 6;
  std::vector<base::Status> results(kThreads);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        auto connection = Connect(conninfo_);
        results[i] = EnsureLayout(Soon(), *connection);
      });
    }
  }
  for (const base::Status& result : results) EXPECT_TRUE(result.ok()) << result.ToString();
  EXPECT_EQ(plain_->Query("SELECT version FROM spillway.layout"),
            std::vector<std::string>{std::to_string(kLayoutVersion)});
  auto connection = Connect(conninfo_);
  auto version = ReadLayoutVersion(Soon(), *connection);
  ASSERT_TRUE(version.ok());
  EXPECT_EQ(*version, kLayoutVersion);
}

TEST_P(BookkeepingTest, ANewerLayoutIsRefused) {
  auto connection = Connect(conninfo_);
  ASSERT_TRUE(EnsureLayout(Soon(), *connection).ok());
  ASSERT_EQ(plain_->Execute("UPDATE spillway.layout SET version = 99"), "");
  EXPECT_CLASS(EnsureLayout(Soon(), *connection), kTargetUnsuitable);
  auto target = OpenTarget(conninfo_);
  EXPECT_CLASS(target->Describe(Soon(), {"public", "t"}, kId, false).status(), kTargetUnsuitable);
}

TEST_P(BookkeepingTest, ASchemaOfSomebodyElseIsRefused) {
  ASSERT_EQ(plain_->Execute("CREATE SCHEMA spillway; CREATE TABLE spillway.position (mine int)"),
            "");
  auto connection = Connect(conninfo_);
  EXPECT_CLASS(EnsureLayout(Soon(), *connection), kAlreadyExists);
  // An empty one, made by an administrator for a role that may not make schemas, is used.
  const std::string app = As("app_role");
  ASSERT_EQ(plain_->Execute(
                "DROP SCHEMA spillway CASCADE; CREATE SCHEMA spillway AUTHORIZATION app_role"),
            "");
  auto poor = Connect(app);
  EXPECT_TRUE(EnsureLayout(Soon(), *poor).ok());
  poor.reset();
  plain_->Execute("DROP OWNED BY app_role CASCADE; DROP ROLE app_role");
}

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
