#include "target/postgres/load_fixture_test.h"

namespace spillway::target::postgres {
namespace {

// What a publish refuses is told without one.
class PublishCheckTest : public LoadTest {};

TEST_P(PublishCheckTest, RowsThatAPublicationCannotIdentifyAreToldBeforeTheLoad) {
  index_.primary_key.clear();
  MustLoad(1, {{1, "a"}, {2, "b"}});
  EXPECT_TRUE(State().warnings.empty());
  ASSERT_EQ(plain_->Execute("CREATE PUBLICATION pub FOR TABLE products"), "");
  ASSERT_EQ(State().warnings.size(), 1u);
  EXPECT_NE(State().warnings[0].find("publication pub"), std::string::npos) << State().warnings[0];
  const base::Status refused = Load(*target_, 2, {{1, "a"}, {3, "c"}}).status();
  EXPECT_CLASS(refused, kTargetUnsuitable);
  EXPECT_NE(refused.mend().find(R"(ALTER TABLE "public"."products" REPLICA IDENTITY FULL)"),
            std::string::npos);
  ASSERT_EQ(plain_->Execute("ALTER TABLE public.products REPLICA IDENTITY FULL"), "");
  EXPECT_TRUE(State().warnings.empty());
  MustLoad(3, {{1, "a"}, {3, "c"}});
  plain_->Execute("DROP PUBLICATION pub");
}

TEST_P(PublishCheckTest, AnotherKeyOfATableThatStaysIsToldBeforeTheLoad) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("CREATE MATERIALIZED VIEW m AS SELECT id FROM products"), "");
  EXPECT_TRUE(CheckPublish().ok());
  index_.primary_key = {"name"};
  EXPECT_CLASS(CheckPublish(), kDependentObjectsStillExist);
  index_.primary_key = {"id"};
  ASSERT_EQ(plain_->Execute("ALTER TABLE products DROP CONSTRAINT products_pkey"), "");
  for (const base::Status& refused : {CheckPublish(), Load(*target_, 2, {{1, "a"}}).status()}) {
    EXPECT_CLASS(refused, kDependentObjectsStillExist);
    const auto mend = refused.mend();
    ASSERT_TRUE(mend.starts_with(R"(ALTER TABLE "public"."products" ADD PRIMARY KEY ("id"))"))
        << mend;
    EXPECT_EQ(mend, CheckPublish().mend());
  }
  ASSERT_EQ(plain_->Execute("ALTER TABLE public.products ADD PRIMARY KEY (\"id\")"), "");
  EXPECT_TRUE(CheckPublish().ok());
  MustLoad(3, {{1, "b"}});
}

// What others make of a column, and how it must be named.
struct ColumnUser {
  const char* make;
  const char* named;
};
constexpr ColumnUser kColumnUsers[] = {
    {"CREATE INDEX by_hand ON products (id, name)", "index public.by_hand"},
    {"CREATE INDEX by_hand ON products (id) WHERE name <> ''", "index public.by_hand"},
    {"ALTER TABLE products ADD CONSTRAINT short CHECK (length(name) < 99)",
     "constraint short on table public.products"},
    {"ALTER TABLE products ADD CONSTRAINT once UNIQUE (id, name)",
     "constraint once on table public.products"},
    {"CREATE TABLE kinds (name text PRIMARY KEY); INSERT INTO kinds VALUES ('a');"
     "ALTER TABLE products ADD CONSTRAINT kind FOREIGN KEY (name) REFERENCES kinds",
     "constraint kind on table public.products"},
    {"CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
     "CREATE TRIGGER t BEFORE UPDATE OF name ON products FOR EACH ROW EXECUTE FUNCTION tf()",
     "trigger t on table public.products"},
    {"CREATE RULE r AS ON DELETE TO products WHERE OLD.name = 'x' DO INSTEAD NOTHING",
     "rule r on table public.products"},
    {"CREATE POLICY p ON products USING (name <> '')", "policy p on table public.products"},
    {"CREATE STATISTICS st ON id, name FROM products", "statistics object public.st"},
    {"ALTER TABLE products ADD loud text GENERATED ALWAYS AS (upper(name)) STORED",
     "column loud of table public.products"},
    {"CREATE SEQUENCE s OWNED BY products.name", "sequence public.s"},
    {"CREATE VIEW v AS SELECT name FROM products", "view public.v"},
    {"CREATE MATERIALIZED VIEW m AS SELECT name FROM products", "materialized view public.m"},
};

TEST_P(PublishCheckTest, AColumnThatOthersUseIsNotDropped) {
  for (const ColumnUser& user : kColumnUsers) {
    plain_->Execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    CallSecond("name");
    MustLoad(1, {{1, "a"}});
    ASSERT_EQ(plain_->Execute(user.make), "") << user.make;
    EXPECT_TRUE(CheckPublish().ok()) << user.make;
    const auto before = Read();
    CallSecond("more");
    std::vector<base::Status> refusals = {CheckPublish()};
    for (const PublishWay way : {PublishWay::kSwap, PublishWay::kApply}) {
      auto publish = Prepare(*target_, 2, {{1, "b"}});
      ASSERT_TRUE(publish.ok()) << publish.status().ToString();
      publish->way = way;
      refusals.push_back(target_->PublishStages(Soon(), {*publish}).status());
    }
    for (const base::Status& refused : refusals) {
      EXPECT_CLASS(refused, kDependentObjectsStillExist);
      EXPECT_NE(refused.message().find(user.named), std::string::npos) << refused.ToString();
      EXPECT_EQ(refused.detail("column"), "name");
    }
    EXPECT_EQ(Read(), before);
  }
}

TEST_P(PublishCheckTest, WhatIsAColumnsOwnGoesWithIt) {
  index_.indexes = {"(name)"};
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("ALTER TABLE products ALTER name SET DEFAULT 'x', ALTER name SET NOT"
                            " NULL, ALTER name SET STATISTICS 9; GRANT SELECT (name) ON products"
                            " TO PUBLIC; COMMENT ON COLUMN products.name IS 'mine'"),
            "");
  for (const PublishWay way : {PublishWay::kSwap, PublishWay::kApply}) {
    CallSecond(way == PublishWay::kSwap ? "more" : "most");
    index_.indexes.clear();
    EXPECT_TRUE(CheckPublish().ok());
    auto publish = Prepare(*target_, 2, {{1, "b"}});
    ASSERT_TRUE(publish.ok()) << publish.status().ToString();
    publish->way = way;
    const auto published = target_->PublishStages(Soon(), {*publish});
    ASSERT_TRUE(published.ok()) << published.status().ToString();
    EXPECT_EQ(published->tables[0].way, way);
    EXPECT_EQ(Read(), std::vector<std::string>{"1|b"});
  }
}

TEST_P(PublishCheckTest, AUserOfAColumnMadeDuringTheLoadIsSeen) {
  MustLoad(1, {{1, "a"}});
  CallSecond("more");
  auto publish = Prepare(*target_, 2, {{1, "b"}});
  ASSERT_TRUE(publish.ok()) << publish.status().ToString();
  ASSERT_EQ(plain_->Execute("CREATE INDEX late ON products (name)"), "");
  EXPECT_CLASS(target_->PublishStages(Soon(), {*publish}).status(), kDependentObjectsStillExist);
  EXPECT_EQ(Read(), std::vector<std::string>{"1|a"});
}

TEST_P(PublishCheckTest, ATypeThatCannotChangeInPlaceIsToldBeforeTheLoad) {
  columns_[1].target_type = "varchar(5)";
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("CREATE MATERIALIZED VIEW m AS SELECT id FROM products;"
                            "CREATE INDEX by_hand ON products (name)"),
            "");
  EXPECT_TRUE(CheckPublish().ok());
  columns_[1].target_type = "varchar(2)";
  EXPECT_CLASS(CheckPublish(), kDependentObjectsStillExist);
  for (const char* make : {"CREATE VIEW user_ AS SELECT name FROM products",
                           "CREATE POLICY user_ ON products USING (name <> '')"}) {
    columns_[1].target_type = "varchar(5)";
    ASSERT_EQ(plain_->Execute(make), "");
    EXPECT_TRUE(CheckPublish().ok());
    columns_[1].target_type = "text";
    for (const base::Status& refused : {CheckPublish(), Load(*target_, 2, {{1, "a"}}).status()}) {
      EXPECT_CLASS(refused, kDependentObjectsStillExist);
      EXPECT_NE(refused.message().find("materialized view public.m"), std::string::npos);
    }
    EXPECT_NE(CheckPublish().message().find("user_"), std::string::npos);
    ASSERT_EQ(plain_->Execute("DROP VIEW IF EXISTS user_; DROP POLICY IF EXISTS user_ ON products"),
              "");
  }
  EXPECT_TRUE(CheckPublish().ok());
  MustLoad(3, {{1, "longer"}});
}

SPILLWAY_ON_EACH_SERVER(PublishCheckTest);

}  // namespace
}  // namespace spillway::target::postgres
