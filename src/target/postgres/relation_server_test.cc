#include <fstream>

#include "target/postgres/load_fixture_test.h"
#include "target/postgres/relation.h"

namespace spillway::target::postgres {
namespace {

class RelationTest : public LoadTest {
 protected:
  base::Result<TableState> Described() {
    SPILLWAY_ASSIGN(TableState state, target_->Describe(Soon(), table_, kId));
    SPILLWAY_TRY(target_->DescribeDependents(Soon(), &state));
    return state;
  }
};

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

TEST_P(RelationTest, InACopyMadeFromADumpTheNameMustDo) {
  MustLoad(1, {{1, "a"}});
  // The bookkeeping has another oid, and so has the table; a foreign one has the recorded oid.
  ASSERT_EQ(plain_->Execute("CREATE TABLE other (a int);"
                            "UPDATE spillway.position SET table_oid = 'other'::regclass, shape ="
                            " jsonb_set(shape::jsonb, '{position_oid}', '1')"),
            "");
  auto connection = Connect(conninfo_);
  const auto owner = [&](const TableName& table) {
    auto found = FindRelation(Soon(), *connection, table, true);
    EXPECT_TRUE(found.ok() && *found);
    return found.ok() && *found ? (*found)->owned_by_id : "?";
  };
  EXPECT_EQ(owner(table_), kId);
  EXPECT_EQ(owner({"public", "other"}), "");
  auto state = Described();
  ASSERT_TRUE(state.ok());
  EXPECT_NE(state->restored, "");
  // A publish makes the copy its own.
  MustLoad(2, {{1, "b"}});
  state = Described();
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(state->restored, "");
  EXPECT_EQ(owner(table_), kId);
}

TEST_P(RelationTest, AnIdentifierThatMayNotBeReadSaysNothing) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("UPDATE spillway.position SET system_identifier = '';"
                            "ALTER TABLE products RENAME TO moved; CREATE TABLE products (a int)"),
            "");
  auto connection = Connect(conninfo_);
  auto found = FindRelation(Soon(), *connection, table_, true);
  ASSERT_TRUE(found.ok()) << found.status().ToString();
  EXPECT_TRUE((*found)->owned_by_id.empty());
  ASSERT_EQ(plain_->Execute("DROP TABLE products"), "");
  auto state = Described();
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(state->difference, "the table has another name now: public.moved");
}

TEST_P(RelationTest, APromotedCopyIsAnotherTimeline) {
  auto started = testing::TestServer::Start(GetParam(), {{"restore_command", "false"}});
  ASSERT_TRUE(started.ok()) << started.status().ToString();
  testing::TestServer& server = **started;
  auto made = server.CreateDatabase("promoted");
  ASSERT_TRUE(made.ok());
  conninfo_ = *made;
  target_ = OpenTarget(conninfo_);
  MustLoad(1, {{1, "a"}});
  target_.reset();
  ASSERT_TRUE(server.Stop().ok());
  std::ofstream(server.data_directory() + "/recovery.signal").close();
  ASSERT_TRUE(server.StartAgain().ok()) << server.Log();
  target_ = OpenTarget(conninfo_);
  auto state = Described();
  ASSERT_TRUE(state.ok()) << state.status().ToString();
  EXPECT_EQ(state->restored, "the timeline is 2, was 1");
  EXPECT_EQ(state->owned_by_id, kId);
  plain_ = std::make_unique<testing::PlainSession>(conninfo_);
  MustLoad(2, {{1, "b"}});
  state = Described();
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(state->restored, "");
  plain_.reset();
  target_.reset();
}

SPILLWAY_ON_EACH_SERVER(RelationTest);

}  // namespace
}  // namespace spillway::target::postgres
