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

SPILLWAY_ON_EACH_SERVER(PublishCheckTest);

}  // namespace
}  // namespace spillway::target::postgres
