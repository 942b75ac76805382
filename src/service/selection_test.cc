#include "service/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/sqlite_store.h"
#include "state/test_folder.h"

namespace spillway::service {
namespace {

using base::ErrorClass;
using testing::ElementsAre;

TEST(FitsPatternTest, KnowsStarsAndQuestionMarks) {
  EXPECT_TRUE(FitsPattern("shop.public.*", "shop.public.products"));
  EXPECT_TRUE(FitsPattern("*", ""));
  EXPECT_TRUE(FitsPattern("*.orders_?", "shop.public.orders_1"));
  EXPECT_TRUE(FitsPattern("a*b*c", "a__b_bc_c"));
  EXPECT_TRUE(FitsPattern("exact", "exact"));
  EXPECT_FALSE(FitsPattern("shop.public.*", "shop.private.products"));
  EXPECT_FALSE(FitsPattern("?", ""));
  EXPECT_FALSE(FitsPattern("a*b", "a_c"));
  EXPECT_FALSE(FitsPattern("Exact", "exact"));
  EXPECT_FALSE(FitsPattern("exac", "exact"));
}

TEST(FitsPatternTest, TakesWhatIsQuotedAsItIs) {
  EXPECT_FALSE(IsPattern(R"(shop.public."*")"));
  EXPECT_FALSE(IsPattern(R"(shop.public."a""?")"));
  EXPECT_TRUE(IsPattern(R"(shop."my.schema".*)"));
  EXPECT_TRUE(FitsPattern(R"(shop."my.schema".*)", R"(shop."my.schema".products)"));
  EXPECT_TRUE(FitsPattern(R"(shop."public".*)", "shop.public.products"));
  EXPECT_TRUE(FitsPattern(R"(*."a*b")", R"(shop.public."a*b")"));
  EXPECT_FALSE(FitsPattern(R"(*."a*b")", "shop.public.a_b"));
  EXPECT_TRUE(FitsPattern("shop.public.*", R"(shop.public."*")"));
}

TEST(FitsPatternTest, ComparesPartsWithoutTheirQuotes) {
  constexpr std::string_view kName = R"(local."My.Schema"."ärger ""x"" 1")";
  for (const std::string_view pattern : {"local.My*.*", "local.*.ärger*", R"(local."My.Schema".*)",
                                         "*", "local.My?Schema.?rger*", R"(*"""x"" 1")"}) {
    EXPECT_TRUE(FitsPattern(pattern, kName)) << pattern;
  }
  for (const std::string_view pattern :
       {"local.My.Schema.*", "local?My*.*", "local.my*.*", R"(local."My".*.*)"}) {
    EXPECT_FALSE(FitsPattern(pattern, kName)) << pattern;
  }
}

class SelectionTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = state::OpenSqliteStore(base::Context(), folder_.path() + "/state.db");
    ASSERT_TRUE(opened.ok());
    store_ = *std::move(opened);
    for (const char* name : {"products", "orders", "orders_old"}) {
      state::SyncedTable table;
      table.id = std::string("id of ") + name;
      table.target = "shop";
      table.schema = "public";
      table.table = name;
      table.definition = "{}";
      ASSERT_TRUE(store_->AddSyncedTable(base::Context(), table).ok());
    }
  }

  std::vector<std::string> Names(const std::vector<std::string>& wanted) {
    const auto selected = SelectSyncedTables(base::Context(), *store_, wanted);
    if (!selected.ok()) return {selected.status().ToString()};
    std::vector<std::string> names;
    for (const state::SyncedTable& table : *selected) names.push_back(table.table);
    return names;
  }

  state::TestFolder folder_;
  std::unique_ptr<state::Store> store_;
};

TEST_F(SelectionTest, TakesEachTableOnce) {
  EXPECT_THAT(Names({"shop.public.products", "shop.public.*"}),
              ElementsAre("products", "orders", "orders_old"));
  EXPECT_THAT(Names({"shop.public.orders*"}), ElementsAre("orders", "orders_old"));
}

TEST_F(SelectionTest, ATableMayHaveANameLikeAPattern) {
  state::SyncedTable table;
  table.id = "id of the odd one";
  table.target = "shop";
  table.schema = "public";
  table.table = "*";
  table.definition = "{}";
  ASSERT_TRUE(store_->AddSyncedTable(base::Context(), table).ok());
  EXPECT_THAT(Names({table.name()}), ElementsAre("*"));
  EXPECT_THAT(Names({"shop.public.*"}), ElementsAre("*", "orders", "orders_old", "products"));
}

TEST_F(SelectionTest, RefusesWhatMeansNothing) {
  const auto no_pattern = SelectSyncedTables(base::Context(), *store_, {"shop.private.*"});
  EXPECT_EQ(no_pattern.status().error_class(), ErrorClass::kSyncedTableNotFound);
  const auto no_name = SelectSyncedTables(base::Context(), *store_, {"shop.public.product"});
  EXPECT_EQ(no_name.status().error_class(), ErrorClass::kSyncedTableNotFound);
  EXPECT_NE(no_name.status().detail("nearest").find("products"), std::string::npos);
  const auto no_table = SelectSyncedTables(base::Context(), *store_, {"products"});
  EXPECT_EQ(no_table.status().error_class(), ErrorClass::kInvalidArgument);
}

}  // namespace
}  // namespace spillway::service
