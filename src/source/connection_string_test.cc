#include "source/connection_string.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spillway::source {
namespace {

using base::ErrorClass;
using ::testing::HasSubstr;
using ::testing::Not;

struct Case {
  const char* given;
  const char* url;
  std::optional<std::string> password;
};

TEST(ConnectionString, PartsThePassword) {
  const std::vector<Case> cases = {
      {"postgresql://app@db/shop", "postgresql://app@db/shop", std::nullopt},
      {"postgresql://app:hush@db:5433/shop?sslmode=require",
       "postgresql://app@db:5433/shop?sslmode=require", "hush"},
      {"postgres://app:a%40b%2Fc@db", "postgres://app@db", "a@b/c"},
      {"postgresql://app:@db", "postgresql://app@db", ""},
      {"postgresql://app:a?b@db/shop?x=1", "postgresql://app@db/shop?x=1", "a?b"},
      {"postgresql://db/shop?user=app&password=hush&sslmode=require",
       "postgresql://db/shop?user=app&sslmode=require", "hush"},
      {"postgresql://db/shop?password=hush", "postgresql://db/shop", "hush"},
      {"postgresql://db/shop?%70assword=hush", "postgresql://db/shop", "hush"},
      {"host=db password=hush\\", "host=db", "hush"},
      {"postgresql://app:${env:PW}@db/shop", "postgresql://app@db/shop", "${env:PW}"},
      {"postgresql://app:x@[::1]:5432,other:5433/shop",
       "postgresql://app@[::1]:5432,other:5433/shop", "x"},
      {"postgresql://", "postgresql://", std::nullopt},
      {"host=db user=app password=hush dbname=shop", "host=db user=app dbname=shop", "hush"},
      {"host = db password = 'a b\\'c' user=app", "host = db user=app", "a b'c"},
      {"password='' host=db", "host=db", ""},
      {"service=shop", "service=shop", std::nullopt},
      {"", "", std::nullopt},
  };
  for (const auto& test : cases) {
    const auto parted = TakePassword(test.given);
    ASSERT_TRUE(parted.ok()) << test.given << ": " << parted.status().ToString();
    EXPECT_EQ(parted->url, test.url) << test.given;
    EXPECT_EQ(parted->password, test.password) << test.given;
  }
}

TEST(ConnectionString, RefusesWhatCannotBeReadAndRepeatsNothing) {
  for (const char* given :
       {"postgresql://app:hush%4@db", "postgresql://app:hush%zz@db", "postgresql://app:hu/sh@db/x",
        "host=db password='hush", "hush", "host=db hush", "postgresql://app:a@hush@db/x",
        "postgresql://app:a@hush?b@db/x", "postgresql://app:a@h/hush@db/x",
        "postgresql://app@db/x?sslpassword=hush", "host=db sslpassword=hush",
        "postgresql://app@db?oauth_client_secret=hush", "mysql://hush@db/x"}) {
    const auto parted = TakePassword(given);
    ASSERT_FALSE(parted.ok()) << given;
    EXPECT_EQ(parted.status().error_class(), ErrorClass::kInvalidArgument) << given;
    EXPECT_THAT(parted.status().ToString(), Not(HasSubstr("hu"))) << given;
  }
}

}  // namespace
}  // namespace spillway::source
