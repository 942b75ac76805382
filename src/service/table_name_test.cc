#include "service/table_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spillway::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(SyncedTableName, ParsesThreeParts) {
  const auto name = ParseSyncedTableName("shop.public.products");
  ASSERT_TRUE(name.ok());
  EXPECT_EQ(name->target, "shop");
  EXPECT_EQ(name->table, (target::TableName{"public", "products"}));
}

TEST(SyncedTableName, QuotedPartsAreTakenAsTheyAre) {
  const auto name = ParseSyncedTableName(R"(shop."my.schema"."a ""quoted"" täble")");
  ASSERT_TRUE(name.ok()) << name.status().ToString();
  EXPECT_EQ(name->table, (target::TableName{"my.schema", R"(a "quoted" täble)"}));
}

TEST(SyncedTableName, WildcardsAreQuoted) {
  EXPECT_EQ(ParseSyncedTableName(R"(local.public."*")")->table.table, "*");
  EXPECT_THAT(ParseSyncedTableName("local.public.*").status().message(), HasSubstr("pattern"));
  EXPECT_FALSE(ParseSyncedTableName("local.pub?ic.a").ok());
}

TEST(SyncedTableName, SaysWhatIsWrong) {
  EXPECT_THAT(ParseSyncedTableName("products").status().mend(), HasSubstr("local.public.products"));
  for (const char* wrong :
       {"", "a", "a.b", "a.b.c.d", "a..c", ".b.c", "a.b.", "a.b.\"c", "a.b.\"c\"d", "a.b.\"\""}) {
    EXPECT_FALSE(ParseSyncedTableName(wrong).ok()) << wrong;
  }
}

TEST(ColumnList, SplitsAtCommas) {
  EXPECT_THAT(*ParseColumnList("id,day"), ElementsAre("id", "day"));
  EXPECT_THAT(*ParseColumnList(R"("a,b",c d)"), ElementsAre("a,b", "c d"));
  EXPECT_FALSE(ParseColumnList("id,").ok());
  EXPECT_FALSE(ParseColumnList("id,,day").ok());
}

}  // namespace
}  // namespace spillway::service
