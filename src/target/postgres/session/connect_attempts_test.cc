#include "target/postgres/session/connect_attempts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spillway::target::postgres {
namespace {

using ::testing::Contains;
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
  ASSERT_THAT(attempts.list, SizeIs(2));
  EXPECT_THAT(attempts.list[0].keywords, IsSupersetOf({Pair("host", "a"), Pair("port", "1")}));
  EXPECT_THAT(attempts.list[1].keywords, IsSupersetOf({Pair("host", "b"), Pair("port", "2")}));
  for (const ConnectAttempt& attempt : attempts.list) {
    EXPECT_THAT(attempt.keywords, Contains(Pair("target_session_attrs", "primary")));
  }
}

TEST(ConnectAttempts, OnePortServesAllHosts) {
  const ConnectAttempts attempts = Attempts("host=a,b port=7");
  EXPECT_THAT(attempts.list, SizeIs(2));
  for (const ConnectAttempt& attempt : attempts.list) {
    EXPECT_THAT(attempt.keywords, Contains(Pair("port", "7")));
  }
}

TEST(ConnectAttempts, LeavesTheChoiceToLibpqWhenItMustSeeEveryHost) {
  EXPECT_THAT(Attempts("host=a,b target_session_attrs=prefer-standby").list, SizeIs(1));
}

TEST(ConnectAttempts, TheStringsOwnOptionsGoFirst) {
  const ConnectAttempts attempts = Attempts("host=a keepalives_idle=5 connect_timeout=3");
  ASSERT_THAT(attempts.list, SizeIs(1));
  EXPECT_EQ(attempts.timeout, std::chrono::seconds(3));
  EXPECT_THAT(attempts.list[0].keywords, Not(Contains(Key("keepalives_idle"))));
  EXPECT_THAT(attempts.list[0].keywords, Contains(Pair("keepalives_count", "3")));
  EXPECT_EQ(Attempts("host=a").timeout, ConnectOptions().connect_timeout);
}

TEST(ConnectAttempts, APasswordGivenApartIsPassedOn) {
  ConnectOptions options;
  options.url = "host=a";
  options.password = base::Secret("hush");
  const auto attempts = PlanAttempts(options);
  ASSERT_TRUE(attempts.ok());
  EXPECT_THAT(attempts->list.front().keywords, Contains(Pair("password", "hush")));
}

TEST(ConnectAttempts, OnlyNamesAreResolved) {
  EXPECT_EQ(Attempts("postgresql://db.example/shop").list[0].host, "db.example");
  EXPECT_EQ(Attempts("host=a,b").list[1].host, "b");
  for (const char* url :
       {"", "host=/run/postgresql", "postgresql://127.0.0.1/d", "postgresql://[::1]/d",
        "host=db hostaddr=127.0.0.1", "host=a,b target_session_attrs=prefer-standby"}) {
    EXPECT_EQ(Attempts(url).list[0].host, "") << url;
  }
  ConnectAttempt attempt = Attempts("host=db").list[0];
  AddAddresses({"10.0.0.1", "::1"}, &attempt);
  EXPECT_THAT(attempt.keywords,
              IsSupersetOf({Pair("host", "db,db"), Pair("hostaddr", "10.0.0.1,::1")}));
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
