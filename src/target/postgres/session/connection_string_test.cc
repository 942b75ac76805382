#include "target/postgres/session/connection_string.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spillway::target::postgres {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ConnectionCheck, TakesWhatLibpqTakes) {
  for (const char* good :
       {"postgresql://", "postgresql://app@db/shop?sslmode=require", "service=shop",
        "host=a,b port=5432,5433", "postgresql://a:5432,b/shop", "port=,5433 host=a,b"}) {
    EXPECT_TRUE(CheckConnectionString(good).ok()) << good;
  }
}

TEST(ConnectionCheck, RefusesTheRestWithItsMend) {
  const auto error = CheckConnectionString("postgresql://db/shop?sslmoed=require");
  EXPECT_THAT(std::string(error.message()), HasSubstr("sslmoed"));
  EXPECT_THAT(std::string(error.mend()), HasSubstr("sslmode"));
  EXPECT_FALSE(CheckConnectionString("host=db nosuch=1").ok());
  for (const char* port :
       {"postgresql://h:99999/d", "postgresql://h:0/d", "port=5x", "port=1,-2"}) {
    EXPECT_THAT(CheckConnectionString(port).ToString(), HasSubstr("65535")) << port;
  }
  EXPECT_FALSE(CheckConnectionString("").ok());
}

TEST(ConnectionCheck, RepeatsNothingOfWhatCannotBeRead) {
  for (const char* bad : {"postgresql://u@s?hush", "postgresql://u@[hush/d", "host=db hush",
                          "postgresql://u@h/d?HUSH hush=1"}) {
    const auto error = CheckConnectionString(bad);
    EXPECT_FALSE(error.ok()) << bad;
    EXPECT_THAT(error.ToString(), Not(HasSubstr("hush"))) << bad;
  }
}

}  // namespace
}  // namespace spillway::target::postgres
