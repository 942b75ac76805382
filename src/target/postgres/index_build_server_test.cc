#include <random>

#include "target/postgres/index_build.h"
#include "target/postgres/load_fixture_test.h"

namespace spillway::target::postgres {
namespace {

class IndexBuildTest : public LoadTest {
 protected:
  std::vector<std::string> Indexes(const Stage& stage) {
    return plain_->Query(
        "SELECT pg_get_indexdef(indexrelid) ~ 'UNIQUE', indisvalid FROM pg_index WHERE indrelid ="
        " 'spillway." +
        stage.table.table + "'::regclass ORDER BY 1");
  }
};

TEST_P(IndexBuildTest, SeveralAreMadeSideBySideAlsoWhenTheirNamesClash) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  ASSERT_TRUE(RunTask(*target_, *stage, "0", {{1, "a"}, {2, "b"}}).ok());
  IndexSpec index{{"id"}, {}};
  for (int i = 0; i < 6; ++i) {
    index.indexes.emplace_back("(name) WHERE id > " + std::to_string(i));
  }
  const base::Status built = target_->BuildIndexes(Soon(), *stage, index);
  ASSERT_TRUE(built.ok()) << built.ToString();
  EXPECT_EQ(Indexes(*stage),
            (std::vector<std::string>{"f|t", "f|t", "f|t", "f|t", "f|t", "f|t", "t|t"}));
  // A second call has nothing to do.
  ASSERT_TRUE(target_->BuildIndexes(Soon(), *stage, index).ok());
  EXPECT_EQ(Indexes(*stage).size(), 7u);
}

TEST_P(IndexBuildTest, OneThatTheServerRefusesIsNamedAndTheNextCallBuildsAll) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  ASSERT_TRUE(RunTask(*target_, *stage, "0", {{1, "a"}}).ok());
  const base::Status refused =
      target_->BuildIndexes(Soon(), *stage, {{"id"}, {"(name)", "(no_such)", "(lower(name))"}});
  EXPECT_CLASS(refused, kInvalidDefinition);
  EXPECT_EQ(refused.detail("object"), "(no_such)");
  ASSERT_TRUE(target_->BuildIndexes(Soon(), *stage, {{"id"}, {"(name)", "(lower(name))"}}).ok());
  EXPECT_EQ(Indexes(*stage).size(), 3u);
}

TEST_P(IndexBuildTest, WhatTheServerRefusesIsToldBeforeThereAreRows) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  const base::Status refused =
      target_->TryIndexes(Soon(), *stage, {{"id"}, {"(name)", "(no_such)"}});
  EXPECT_CLASS(refused, kInvalidDefinition);
  EXPECT_EQ(refused.detail("object"), "(no_such)");
  EXPECT_TRUE(target_->TryIndexes(Soon(), *stage, {{"id"}, {"(name)", "(lower(name))"}}).ok());
  EXPECT_TRUE(Indexes(*stage).empty());
  ASSERT_TRUE(target_->TakeFence(Soon(), kId, table_, "run-2").ok());
  EXPECT_CLASS(target_->TryIndexes(Soon(), *stage, {{"id"}, {}}), kFenced);
}

TEST_P(IndexBuildTest, AViolatedKeyIsLookedIntoOnlyWhenWanted) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  ASSERT_TRUE(RunTask(*target_, *stage, "0", {{1, "a"}, {1, "b"}}).ok());
  IndexSpec index{{"id"}, {"(name)"}};
  const base::Status named = target_->BuildIndexes(Soon(), *stage, index);
  EXPECT_CLASS(named, kPrimaryKeyConstraintViolation);
  EXPECT_EQ(named.detail("keys"), "id=1 (2 rows)");
  index.name_violations = false;
  const base::Status only = target_->BuildIndexes(Soon(), *stage, index);
  EXPECT_CLASS(only, kPrimaryKeyConstraintViolation);
  EXPECT_EQ(only.detail("keys"), "");
  EXPECT_TRUE(Indexes(*stage).empty());
}

// `length` letters that no compression makes short.
std::string Noise(int length) {
  std::mt19937 random(1);
  std::string text;
  for (int i = 0; i < length; ++i) text += static_cast<char>('!' + random() % 90);
  return text;
}

TEST_P(IndexBuildTest, ARowThatIsTooLongToBeIndexedIsNamed) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  ASSERT_TRUE(RunTask(*target_, *stage, "0", {{1, "a"}, {2, Noise(3000)}, {3, "c"}}).ok());
  const base::Status index = target_->BuildIndexes(Soon(), *stage, {{"id"}, {"(name)"}});
  EXPECT_CLASS(index, kValueOutOfRange);
  EXPECT_EQ(index.detail("key"), "id=2");
  EXPECT_NE(index.message().find("the index (name)"), std::string::npos) << index.ToString();
  EXPECT_NE(index.mend().find("md5"), std::string::npos);
  auto another = Begin(*target_, "run-2");
  ASSERT_TRUE(another.ok()) << another.status().ToString();
  ASSERT_TRUE(RunTask(*target_, *another, "0", {{1, "a"}, {2, Noise(3000)}}).ok());
  const base::Status key = target_->BuildIndexes(Soon(), *another, {{"name"}, {}});
  EXPECT_CLASS(key, kValueOutOfRange);
  EXPECT_EQ(key.detail("key"), "name=" + Noise(60) + "…");
  ASSERT_TRUE(target_->BuildIndexes(Soon(), *another, {{"id"}, {"(md5(name))"}}).ok());
}

TEST_P(IndexBuildTest, ExtraColumnsAreMadeAsDeclared) {
  auto fenced = target_->TakeFence(Soon(), kId, table_, "run-1");
  ASSERT_TRUE(fenced.ok());
  const auto make = [&](std::vector<ExtraColumn> extra) {
    return target_->CreateStage(Soon(), fenced->first, table_, columns_, extra);
  };
  auto stage = make({{"twice", "bigint GENERATED ALWAYS AS (id * 2) STORED"},
                     {"note", "text DEFAULT 'a, b; -- c'"}});
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  ASSERT_TRUE(RunTask(*target_, *stage, "0", {{4, "a"}}).ok());
  EXPECT_EQ(plain_->Query("SELECT * FROM spillway." + stage->table.table),
            std::vector<std::string>{"4|a|8|a, b; -- c"});
  for (const std::string wrong :
       {"bigint GENERATED ALWAYS AS (no_such) STORED", "no_such_type", "text DEFAULT lower(",
        "text, evil text", "text); DROP TABLE x; --", "text UNIQUE", "text CHECK (note <> '')",
        "text REFERENCES spillway.stage", "bigint DEFAULT 'x'::bigint", ""}) {
    const auto refused = make({{"note", wrong}});
    ASSERT_FALSE(refused.ok()) << wrong;
    EXPECT_CLASS(refused.status(), kInvalidDefinition);
    EXPECT_FALSE(refused.status().mend().empty()) << wrong;
  }
  EXPECT_CLASS(make({{"name", "text"}}).status(), kIdentifierCollision);
  EXPECT_CLASS(make({{"ctid", "text"}}).status(), kIdentifierCollision);
}

SPILLWAY_ON_EACH_SERVER(IndexBuildTest);

}  // namespace
}  // namespace spillway::target::postgres
