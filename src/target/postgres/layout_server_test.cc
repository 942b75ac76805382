#include <thread>

#include "target/postgres/layout.h"
#include "target/postgres/load_fixture_test.h"

namespace spillway::target::postgres {
namespace {

class LayoutTest : public ServerTest {};

TEST_P(LayoutTest, TheLayoutIsMadeOnceByMany) {
  constexpr std::size_t kThreads = 6;
  std::vector<base::Status> results(kThreads);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        auto connection = Connect(conninfo_);
        results[i] = EnsureLayout(Soon(), *connection);
      });
    }
  }
  for (const base::Status& result : results) EXPECT_TRUE(result.ok()) << result.ToString();
  EXPECT_EQ(plain_->Query("SELECT version FROM spillway.layout"),
            std::vector<std::string>{std::to_string(kLayoutVersion)});
  auto connection = Connect(conninfo_);
  auto version = ReadLayoutVersion(Soon(), *connection);
  ASSERT_TRUE(version.ok());
  EXPECT_EQ(*version, kLayoutVersion);
}

TEST_P(LayoutTest, ANewerLayoutIsRefused) {
  auto connection = Connect(conninfo_);
  ASSERT_TRUE(EnsureLayout(Soon(), *connection).ok());
  ASSERT_EQ(plain_->Execute("UPDATE spillway.layout SET version = 99"), "");
  EXPECT_CLASS(EnsureLayout(Soon(), *connection), kTargetUnsuitable);
  auto target = OpenTarget(conninfo_);
  EXPECT_CLASS(target->Describe(Soon(), {"public", "t"}, kId).status(), kTargetUnsuitable);
}

TEST_P(LayoutTest, ASchemaOfSomebodyElseIsRefused) {
  ASSERT_EQ(plain_->Execute("CREATE SCHEMA spillway; CREATE TABLE spillway.position (mine int)"),
            "");
  auto connection = Connect(conninfo_);
  EXPECT_CLASS(EnsureLayout(Soon(), *connection), kAlreadyExists);
  // An empty one, made by an administrator for a role that may not make schemas, is used.
  const std::string app = As("app_role");
  ASSERT_EQ(plain_->Execute(
                "DROP SCHEMA spillway CASCADE; CREATE SCHEMA spillway AUTHORIZATION app_role"),
            "");
  auto poor = Connect(app);
  EXPECT_TRUE(EnsureLayout(Soon(), *poor).ok());
  poor.reset();
  plain_->Execute("DROP OWNED BY app_role CASCADE; DROP ROLE app_role");
}

TEST_P(LayoutTest, WhatIsDroppedIsToldAndMadeAgainWhenAskedFor) {
  auto connection = Connect(conninfo_);
  ASSERT_TRUE(EnsureLayout(Soon(), *connection).ok());
  const std::string relations =
      "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class"
      " WHERE relnamespace = 'spillway'::regnamespace AND relkind IN ('r', 'v', 'S', 'i')";
  const std::string whole = plain_->Value(relations);
  for (const char* name :
       {"position", "stage", "stage_task", "stage_rejected", "rejected", "condition"}) {
    ASSERT_EQ(plain_->Execute("DROP TABLE spillway." + std::string(name) + " CASCADE"), "");
    const base::Status told = ReadLayoutVersion(Soon(), *connection).status();
    EXPECT_CLASS(told, kTargetChanged);
    EXPECT_EQ(told.detail("object"), "spillway." + std::string(name));
    EXPECT_CLASS(EnsureLayout(Soon(), *connection), kTargetChanged);
    const base::Status repaired = RepairLayout(Soon(), *connection);
    ASSERT_TRUE(repaired.ok()) << repaired.ToString();
    EXPECT_EQ(plain_->Value(relations), whole) << name;
    EXPECT_EQ(plain_->Value("SELECT count(rejected) FROM spillway.stage_task"), "0");
  }
  ASSERT_EQ(plain_->Execute("DROP VIEW spillway.status"), "");
  EXPECT_TRUE(EnsureLayout(Soon(), *connection).ok());
  EXPECT_EQ(plain_->Value(relations), whole);
}

TEST_P(LayoutTest, ARoleWithGrantsOnlyIsToldWhoMayChangeTheTables) {
  auto owner = Connect(conninfo_);
  ASSERT_TRUE(EnsureLayout(Soon(), *owner).ok());
  const std::string app = As("app_role");
  ASSERT_EQ(plain_->Execute("UPDATE spillway.layout SET version = 3;"
                            "GRANT ALL ON SCHEMA spillway TO app_role;"
                            "GRANT ALL ON ALL TABLES IN SCHEMA spillway TO app_role"),
            "");
  const std::string name = plain_->Value("SELECT current_user::text");
  const auto ensured = [&] {
    auto poor = Connect(app);
    return EnsureLayout(Soon(), *poor);
  };
  const base::Status refused = ensured();
  EXPECT_CLASS(refused, kTargetPermission);
  const std::string grant =
      (Sql() << "GRANT " << Identifier(name) << " TO " << Identifier("app_role")).text();
  EXPECT_NE(std::string(refused.mend()).find(grant), std::string::npos) << refused.mend();
  ASSERT_EQ(plain_->Execute(grant), "");
  EXPECT_TRUE(ensured().ok());
  // In a schema that is somebody else's and empty.
  ASSERT_EQ(plain_->Execute("REVOKE " + (Sql() << Identifier(name)).text() +
                            " FROM app_role; DROP SCHEMA spillway CASCADE; CREATE SCHEMA spillway;"
                            "GRANT USAGE ON SCHEMA spillway TO app_role"),
            "");
  const base::Status empty = ensured();
  EXPECT_CLASS(empty, kTargetPermission);
  EXPECT_NE(std::string(empty.mend()).find("ON SCHEMA spillway TO"), std::string::npos)
      << empty.mend();
  plain_->Execute("DROP OWNED BY app_role CASCADE; DROP ROLE app_role");
}

SPILLWAY_ON_EACH_SERVER(LayoutTest);

}  // namespace
}  // namespace spillway::target::postgres
