#include "target/target.h"

#include <gtest/gtest.h>

namespace spillway::target {
namespace {

TEST(TableNameTest, QuotesWhereSqlWouldNeedIt) {
  EXPECT_EQ((TableName{"public", "products"}).ToString(), "public.products");
  EXPECT_EQ((TableName{"Public", "a b"}).ToString(), "\"Public\".\"a b\"");
  EXPECT_EQ((TableName{"user", "order"}).ToString(), "\"user\".\"order\"");
  EXPECT_EQ((TableName{"s", "a\"b"}).ToString(), "s.\"a\"\"b\"");
  EXPECT_EQ((TableName{"s", "1st"}).ToString(), "s.\"1st\"");
  EXPECT_EQ((TableName{"", "naïve"}).ToString(), "\"\".\"naïve\"");
}

}  // namespace
}  // namespace spillway::target
