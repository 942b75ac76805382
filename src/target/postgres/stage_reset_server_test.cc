#include <thread>

#include "target/postgres/catalog_picture_test.h"
#include "target/postgres/load_fixture_test.h"
#include "target/postgres/stage_reset.h"

namespace spillway::target::postgres {
namespace {

/// A publish that has made its stage ready and waits for an older reader.
class StageResetTest : public LoadTest {
 protected:
  std::vector<std::string> Picture() { return plain_->Query(testing::kCatalogPicture); }

  // Everything that is carried before the table is locked, made and unmade.
  void Make() {
    ASSERT_EQ(plain_->Execute("ALTER TABLE products ALTER name SET NOT NULL, ALTER name SET DEFAULT"
                              " 'mine', ALTER name SET STATISTICS 500, ALTER name SET (n_distinct ="
                              " 5), ALTER name SET STORAGE external, ALTER name SET COMPRESSION"
                              " pglz, ADD CONSTRAINT short CHECK (length(name) < 99), ADD"
                              " CONSTRAINT once UNIQUE (name), ADD CONSTRAINT far EXCLUDE USING"
                              " hash (name WITH =), ADD thrice bigint GENERATED ALWAYS AS (id * 3)"
                              " STORED; CREATE INDEX by_hand ON products (lower(name));"
                              "CREATE STATISTICS st ON id, name FROM products;"
                              "CREATE TABLE kinds (name text PRIMARY KEY);"
                              "INSERT INTO kinds VALUES ('a'), ('b'); ALTER TABLE products ADD"
                              " CONSTRAINT kind FOREIGN KEY (name) REFERENCES kinds"),
              "");
  }
  void Unmake() {
    ASSERT_EQ(plain_->Execute("ALTER TABLE products ALTER name DROP NOT NULL, ALTER name DROP"
                              " DEFAULT, ALTER name SET STATISTICS -1, ALTER name RESET"
                              " (n_distinct), ALTER name SET STORAGE extended, ALTER name SET"
                              " COMPRESSION default, DROP CONSTRAINT short, DROP CONSTRAINT once,"
                              " DROP CONSTRAINT far, DROP CONSTRAINT kind, DROP thrice;"
                              "DROP INDEX by_hand; DROP STATISTICS st"),
              "");
  }
  // Unmakes what Make made while a publish waits for a reader, who then rests when `rests`.
  base::Result<Published> UnmakeMeanwhile(std::chrono::milliseconds lock_timeout, bool rests) {
    SPILLWAY_ASSIGN(Publish publish, Prepare(*target_, 2, {{2, "b"}}));
    publish.lock_timeout = lock_timeout;
    testing::PlainSession reader(conninfo_);
    EXPECT_EQ(reader.Execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"), "");
    base::Result<Published> published(base::Status(base::ErrorClass::kInternal, "not published"));
    {
      std::jthread thread([&] { published = target_->PublishStages(Soon(), {publish}); });
      Await(
          "SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE '%backend_xmin%'"
          " AND datname = current_database() AND pid <> pg_backend_pid()",
          "t");
      Unmake();
      if (rests) reader.Execute("COMMIT");
    }
    return published;
  }
  void ExpectNoDebris() {
    EXPECT_EQ(plain_->Value("SELECT count(*) FROM pg_class WHERE relname LIKE 'stage\\_%|%'"), "0");
    EXPECT_EQ(plain_->Value("SELECT count(*) FROM pg_statistic_ext"), "0");
    EXPECT_EQ(Stages(), std::vector<std::string>());
  }
};

TEST_P(StageResetTest, WhatOthersDropWhileASwapWaitsIsGone) {
  index_.indexes = {"(name)"};
  extras_ = {{"twice", "bigint GENERATED ALWAYS AS (id * 2) STORED"}};
  MustLoad(1, {{1, "a"}});
  const auto before = Picture();
  Make();
  const auto published = UnmakeMeanwhile(std::chrono::milliseconds(20000), true);
  ASSERT_TRUE(published.ok()) << published.status().ToString();
  EXPECT_EQ(published->tables[0].way, PublishWay::kSwap) << published->tables[0].reason;
  EXPECT_EQ(Picture(), before);
  EXPECT_EQ(Read(), std::vector<std::string>{"2|b|4"});
  ExpectNoDebris();
  MustLoad(3, {{3, "c"}});
  EXPECT_EQ(Picture(), before);
}

TEST_P(StageResetTest, WhatOthersDropBeforeTheDifferenceIsAppliedIsGone) {
  MustLoad(1, {{1, "a"}});
  const auto before = Picture();
  Make();
  const auto published = UnmakeMeanwhile(std::chrono::milliseconds(1500), false);
  ASSERT_TRUE(published.ok()) << published.status().ToString();
  EXPECT_EQ(published->tables[0].way, PublishWay::kApply);
  EXPECT_EQ(Picture(), before);
  EXPECT_EQ(Read(), std::vector<std::string>{"2|b"});
  ExpectNoDebris();
}

SPILLWAY_ON_EACH_SERVER(StageResetTest);

}  // namespace
}  // namespace spillway::target::postgres
