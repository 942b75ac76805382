#include <gtest/gtest.h>

#include "face/sql/statement.h"

namespace spillway::face::sql {
namespace {

TEST(IsComplete, AfterTheLastSemicolon) {
  for (const char* whole :
       {"", "  ", "SHOW TARGETS;", "a; -- b", "a; /* b */ ", "a; /* /* b */ ; */", "';';", "--x"}) {
    EXPECT_TRUE(IsComplete(whole)) << whole;
  }
  for (const char* part :
       {"SHOW", "SHOW TARGETS; S", "'a;", "\"a;", "`;", "/* ;", "a; /* /* */", "a -- ;", "';'"}) {
    EXPECT_FALSE(IsComplete(part)) << part;
  }
}

TEST(IsLike, WildcardsAndEscapes) {
  EXPECT_TRUE(IsLike("shop.public.t", "shop.%"));
  EXPECT_TRUE(IsLike("shop.public.t", "%.t"));
  EXPECT_TRUE(IsLike("shop.public.t", "%public%"));
  EXPECT_TRUE(IsLike("aXb", "a_b"));
  EXPECT_TRUE(IsLike("aüb", "a_b"));
  EXPECT_TRUE(IsLike("a%b", "a\\%b"));
  EXPECT_TRUE(IsLike("", "%"));
  EXPECT_TRUE(IsLike("abab", "%ab"));
  EXPECT_FALSE(IsLike("shop.public.t", "shop"));
  EXPECT_FALSE(IsLike("axb", "a\\%b"));
  EXPECT_FALSE(IsLike("ab", "a_b"));
  EXPECT_FALSE(IsLike("", "_"));
}

}  // namespace
}  // namespace spillway::face::sql
