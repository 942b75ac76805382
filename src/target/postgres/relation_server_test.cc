#include "target/postgres/relation.h"
#include "target/postgres/server_fixture_test.h"

namespace spillway::target::postgres {
namespace {

class RelationTest : public LoadTest {};

TEST_P(RelationTest, WhateverHoldsTheNameIsFound) {
  const std::vector<std::pair<std::string, std::string>> kinds = {
      {"TABLE other (a int)", "table"},
      {"VIEW other AS SELECT 1", "view"},
      {"MATERIALIZED VIEW other AS SELECT 1", "materialized view"},
      {"SEQUENCE other", "sequence"},
      {"TYPE other AS ENUM ('a')", "type"},
      {"TABLE other (a int) PARTITION BY LIST (a)", "partitioned table"}};
  auto connection = Connect(conninfo_);
  for (const auto& [make, kind] : kinds) {
    ASSERT_EQ(plain_->Execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE " + make),
              "");
    auto found = FindRelation(Soon(), *connection, {"public", "other"}, false);
    ASSERT_TRUE(found.ok()) << found.status().ToString();
    ASSERT_TRUE(*found) << make;
    EXPECT_EQ((*found)->kind, kind);
    EXPECT_TRUE((*found)->may_drop);
    EXPECT_TRUE((*found)->owned_by_id.empty());
  }
  auto none = FindRelation(Soon(), *connection, {"public", "nothing"}, false);
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(*none);
}

TEST_P(RelationTest, WhoPublishedItIsKnownByItsOid) {
  MustLoad(1, {{1, "a"}});
  auto connection = Connect(conninfo_);
  auto found = FindRelation(Soon(), *connection, table_, true);
  ASSERT_TRUE(found.ok()) << found.status().ToString();
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->owned_by_id, kId);
  ASSERT_EQ(plain_->Execute("ALTER TABLE products RENAME TO mine; CREATE TABLE products (a int)"),
            "");
  found = FindRelation(Soon(), *connection, table_, true);
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE((*found)->owned_by_id.empty());
}

SPILLWAY_ON_EACH_SERVER(RelationTest);

}  // namespace
}  // namespace spillway::target::postgres
