#include "target/postgres/session/connect_attempts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spillway::target::postgres {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::IsSupersetOf;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

ConnectAttempts Attempts(std::string url) {
  ConnectOptions options;
  options.url = std::move(url);
  auto attempts = PlanAttempts(options);
  EXPECT_TRUE(attempts.ok()) << attempts.status().ToString();
  return attempts.ok() ? *attempts : ConnectAttempts{};
}

TEST(ConnectAttempts, TriesEachOfSeveralHostsByItself) {
  const ConnectAttempts attempts = Attempts("postgresql://a:1,b:2/shop");
  ASSERT_THAT(attempts.keywords, SizeIs(2));
  EXPECT_THAT(attempts.keywords[0], IsSupersetOf({Pair("host", "a"), Pair("port", "1")}));
  EXPECT_THAT(attempts.keywords[1], IsSupersetOf({Pair("host", "b"), Pair("port", "2")}));
  EXPECT_THAT(attempts.keywords, Each(Contains(Pair("target_session_attrs", "primary"))));
}

TEST(ConnectAttempts, OnePortServesAllHosts) {
  const ConnectAttempts attempts = Attempts("host=a,b port=7");
  EXPECT_THAT(attempts.keywords, SizeIs(2));
  EXPECT_THAT(attempts.keywords, Each(Contains(Pair("port", "7"))));
}

TEST(ConnectAttempts, LeavesTheChoiceToLibpqWhenItMustSeeEveryHost) {
  EXPECT_THAT(Attempts("host=a,b target_session_attrs=prefer-standby").keywords, SizeIs(1));
}

TEST(ConnectAttempts, TheStringsOwnOptionsGoFirst) {
  const ConnectAttempts attempts = Attempts("host=a keepalives_idle=5 connect_timeout=3");
  ASSERT_THAT(attempts.keywords, SizeIs(1));
  EXPECT_EQ(attempts.timeout, std::chrono::seconds(3));
  EXPECT_THAT(attempts.keywords[0], Not(Contains(Key("keepalives_idle"))));
  EXPECT_THAT(attempts.keywords[0], Contains(Pair("keepalives_count", "3")));
  EXPECT_EQ(Attempts("host=a").timeout, ConnectOptions().connect_timeout);
}

TEST(ConnectAttempts, APasswordGivenApartIsPassedOn) {
  ConnectOptions options;
  options.url = "host=a";
  options.password = base::Secret("hush");
  const auto attempts = PlanAttempts(options);
  ASSERT_TRUE(attempts.ok());
  EXPECT_THAT(attempts->keywords.front(), Contains(Pair("password", "hush")));
}

TEST(ConnectAttempts, AnUnreadableStringIsRefusedWithoutItsText) {
  ConnectOptions options;
  options.url = "host=db hush";
  const auto attempts = PlanAttempts(options);
  ASSERT_FALSE(attempts.ok());
  EXPECT_EQ(attempts.status().error_class(), base::ErrorClass::kInvalidArgument);
  EXPECT_EQ(attempts.status().ToString().find("hush"), std::string::npos);
}

}  // namespace
}  // namespace spillway::target::postgres
