#include "target/table_state.h"

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

TEST(DependentTest, SaysItsKindOnce) {
  EXPECT_EQ((Dependent{"view", "view public.v", true}).ToString(), "view public.v");
  EXPECT_EQ((Dependent{"table constraint", "constraint c on table t", true}).ToString(),
            "constraint c on table t");
  EXPECT_EQ((Dependent{"replica identity", "f", true}).ToString(), "replica identity f");
  EXPECT_EQ((Dependent{"not null", "column a", true}).ToString(), "not null column a");
}

}  // namespace
}  // namespace spillway::target
