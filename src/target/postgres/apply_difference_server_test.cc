#include "target/postgres/apply_difference.h"
#include "target/postgres/catalog_picture_test.h"
#include "target/postgres/load_fixture_test.h"

namespace spillway::target::postgres {
namespace {

class ApplyDifferenceTest : public LoadTest {
 protected:
  base::Result<Published> Apply(std::int64_t version, const Cells& cells, double percent = 100,
                                bool cascades = false) {
    SPILLWAY_ASSIGN(Publish publish, Prepare(*target_, version, cells));
    publish.way = PublishWay::kApply;
    publish.max_delete_percent = percent;
    publish.cascades_allowed = cascades;
    auto published = target_->PublishStages(Soon(), {publish});
    if (!published.ok()) SPILLWAY_TRY(target_->DropStage(Soon(), publish.stage));
    return published;
  }
  static std::string Counts(const PublishedTable& table) {
    const auto text = [](std::optional<std::int64_t> n) { return n ? std::to_string(*n) : "?"; };
    return text(table.inserted) + " " + text(table.updated) + " " + text(table.deleted) + " " +
           text(table.unchanged);
  }
  std::string Oid() { return plain_->Value("SELECT 'public.products'::regclass::oid"); }
};

#define EXPECT_COUNTS(published, counts)                              \
  do {                                                                \
    ASSERT_TRUE((published).ok()) << (published).status().ToString(); \
    EXPECT_EQ((published)->tables[0].way, PublishWay::kApply);        \
    EXPECT_EQ(Counts((published)->tables[0]), counts);                \
  } while (false)

TEST_P(ApplyDifferenceTest, OnlyRowsThatDifferAreWritten) {
  MustLoad(1, {{1, "a"}, {2, "b"}, {3, "c"}});
  const std::string oid = Oid();
  const auto places = plain_->Query("SELECT ctid, xmin FROM products WHERE id = 1");
  auto published = Apply(2, {{1, "a"}, {2, "B"}, {4, "d"}});
  EXPECT_COUNTS(published, "1 1 1 1");
  EXPECT_EQ(Read(), (std::vector<std::string>{"1|a", "2|B", "4|d"}));
  EXPECT_EQ(Oid(), oid);
  EXPECT_EQ(plain_->Query("SELECT ctid, xmin FROM products WHERE id = 1"), places);
  EXPECT_TRUE(Stages().empty());
  auto state = target_->Describe(Soon(), table_, kId);
  ASSERT_TRUE(state.ok());
  ASSERT_TRUE(target_->DescribeDependents(Soon(), &*state).ok());
  EXPECT_TRUE(state->unchanged) << state->difference;
  EXPECT_TRUE(state->dependents.empty());
  published = Apply(3, {{1, "a"}, {2, "B"}, {4, "d"}});
  EXPECT_COUNTS(published, "0 0 0 3");
  published = Apply(4, {});
  EXPECT_COUNTS(published, "0 0 3 0");
}

TEST_P(ApplyDifferenceTest, ATriggerThatNeedsItsOwnSearchPathIsNamed) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(
      plain_->Execute("CREATE TABLE audit (id bigint);"
                      "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT"
                      " INTO audit VALUES (NEW.id); RETURN NEW; END';"
                      "CREATE TRIGGER t AFTER UPDATE ON products FOR EACH ROW"
                      " EXECUTE FUNCTION note()"),
      "");
  const base::Status refused = Apply(2, {{1, "b"}}).status();
  EXPECT_CLASS(refused, kTargetStatementFailed);
  EXPECT_EQ(refused.detail("object"), "public.note()");
  EXPECT_NE(refused.mend().find("ALTER FUNCTION public.note() SET search_path"), std::string::npos);
  ASSERT_EQ(plain_->Execute("ALTER FUNCTION note() SET search_path = public"), "");
  auto published = Apply(3, {{1, "b"}});
  EXPECT_COUNTS(published, "0 1 0 0");
  EXPECT_EQ(plain_->Value("SELECT count(*) FROM audit"), "1");
}

TEST_P(ApplyDifferenceTest, ATriggerThatWritesOtherValuesIsNamed) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN"
                            " NEW.name := upper(NEW.name); RETURN NEW; END';"
                            "CREATE TRIGGER t BEFORE INSERT OR UPDATE ON products FOR EACH ROW"
                            " EXECUTE FUNCTION shout()"),
            "");
  const base::Status refused = Apply(2, {{1, "x"}, {2, "c"}}).status();
  EXPECT_CLASS(refused, kTargetChanged);
  EXPECT_NE(refused.message().find("2 rows are not as they were written"), std::string::npos)
      << refused.ToString();
  EXPECT_EQ(Read(), std::vector<std::string>{"1|a"});
  // What it leaves as it is, may be written.
  auto published = Apply(3, {{1, "X"}});
  EXPECT_COUNTS(published, "0 1 0 0");
}

TEST_P(ApplyDifferenceTest, AReaderInTheWayOfExchangedUniqueValuesIsNoViolation) {
  MustLoad(1, {{1, "a"}, {2, "b"}});
  ASSERT_EQ(plain_->Execute("CREATE UNIQUE INDEX ON products (name)"), "");
  testing::PlainSession reader(conninfo_);
  ASSERT_EQ(reader.Execute("BEGIN; SELECT * FROM products"), "");
  auto publish = Prepare(*target_, 2, {{1, "b"}, {2, "a"}});
  ASSERT_TRUE(publish.ok()) << publish.status().ToString();
  publish->way = PublishWay::kApply;
  publish->lock_timeout = std::chrono::milliseconds(600);
  EXPECT_CLASS(target_->PublishStages(Soon(), {*publish}).status(), kLockTimeout);
  ASSERT_EQ(reader.Execute("COMMIT"), "");
  auto published = target_->PublishStages(Soon(), {*publish});
  ASSERT_TRUE(published.ok()) << published.status().ToString();
  EXPECT_EQ(Read(), (std::vector<std::string>{"1|b", "2|a"}));
}

TEST_P(ApplyDifferenceTest, WithoutAKeyRowsCountAsOftenAsTheyAre) {
  index_.primary_key.clear();
  MustLoad(1, {{1, "a"}, {1, "a"}, {1, "a"}, {2, "b"}});
  auto published = Apply(2, {{1, "a"}, {1, "a"}, {3, "c"}, {3, "c"}});
  EXPECT_COUNTS(published, "2 0 2 2");
  EXPECT_EQ(Read(), (std::vector<std::string>{"1|a", "1|a", "3|c", "3|c"}));
}

TEST_P(ApplyDifferenceTest, WhatOthersMadePinsTheTable) {
  for (const char* make :
       {"CREATE MATERIALIZED VIEW m AS SELECT * FROM products",
        "CREATE TABLE child (id bigint REFERENCES products)",
        "CREATE TABLE child () INHERITS (products)", "CREATE TABLE users (p products)",
        "CREATE FUNCTION f(products) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE PUBLICATION pub FOR TABLE products",
        "ALTER TABLE products ADD note text DEFAULT 'n'", "ALTER TABLE products SET UNLOGGED"}) {
    plain_->Execute(
        "DROP PUBLICATION IF EXISTS pub; DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    MustLoad(1, {{1, "a"}, {2, "b"}});
    ASSERT_EQ(plain_->Execute(make), "") << make;
    const std::string oid = Oid();
    auto publish = Prepare(*target_, 2, {{1, "A"}, {3, "c"}});
    ASSERT_TRUE(publish.ok()) << publish.status().ToString();
    auto published = target_->PublishStages(Soon(), {*publish});
    EXPECT_COUNTS(published, "1 1 1 0");
    EXPECT_NE(published->tables[0].reason.find("a swap would lose"), std::string::npos) << make;
    EXPECT_EQ(Oid(), oid) << make;
    EXPECT_EQ(plain_->Query("SELECT id, name FROM ONLY products ORDER BY id"),
              (std::vector<std::string>{"1|A", "3|c"}));
    auto state = target_->Describe(Soon(), table_, kId);
    ASSERT_TRUE(state.ok());
    EXPECT_TRUE(state->unchanged) << make << ": " << state->difference;
  }
  plain_->Execute("DROP PUBLICATION IF EXISTS pub");
}

TEST_P(ApplyDifferenceTest, ColumnsOfOthersKeepTheirValues) {
  MustLoad(1, {{1, "a"}, {2, "b"}, {3, "c"}});
  ASSERT_EQ(plain_->Execute("ALTER TABLE products ADD note text DEFAULT 'new';"
                            "UPDATE products SET note = 'kept ' || id"),
            "");
  for (int version = 2; version <= 3; ++version) {
    MustLoad(version, {{1, "a"}, {2, "b" + std::to_string(version)}, {4, "d"}});
    EXPECT_EQ(plain_->Query("SELECT id, name, note FROM products ORDER BY 1"),
              (std::vector<std::string>{"1|a|kept 1", "2|b" + std::to_string(version) + "|kept 2",
                                        "4|d|new"}));
  }
}

TEST_P(ApplyDifferenceTest, TriggersSeeUpdatesNotDeletesAndInserts) {
  MustLoad(1, {{1, "a"}, {2, "b"}, {3, "c"}});
  ASSERT_EQ(
      plain_->Execute("CREATE TABLE seen (what text);"
                      "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
                      " INSERT INTO public.seen VALUES (TG_OP || ' ' || coalesce(OLD.id, NEW.id));"
                      " RETURN NULL; END$$;"
                      "CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON products FOR EACH ROW"
                      " EXECUTE FUNCTION note()"),
      "");
  ASSERT_TRUE(Apply(2, {{1, "a"}, {2, "B"}, {4, "d"}}).ok());
  EXPECT_EQ(plain_->Query("SELECT * FROM seen ORDER BY 1"),
            (std::vector<std::string>{"DELETE 3", "INSERT 4", "UPDATE 2"}));
}

TEST_P(ApplyDifferenceTest, ATriggerThatKeepsRowsBackIsTold) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS"
                            " 'BEGIN RETURN NULL; END';"
                            "CREATE TRIGGER t BEFORE UPDATE ON products FOR EACH ROW"
                            " EXECUTE FUNCTION no()"),
            "");
  EXPECT_CLASS(Apply(2, {{1, "b"}}).status(), kTargetChanged);
  EXPECT_EQ(Read(), std::vector<std::string>{"1|a"});
}

TEST_P(ApplyDifferenceTest, IndexesMadeAnewKeepAllThatWasSaidOfThem) {
  columns_[1].not_null = true;
  MustLoad(1, {{1, "a"}, {2, "b"}});
  ASSERT_EQ(plain_->Execute("ALTER TABLE products ADD CONSTRAINT once UNIQUE (name);"
                            "ALTER INDEX once SET (fillfactor = 60);"
                            "COMMENT ON CONSTRAINT once ON products IS 'mine';"
                            "COMMENT ON INDEX once IS 'mine too';"
                            "ALTER TABLE products REPLICA IDENTITY USING INDEX once;"
                            "ALTER TABLE products CLUSTER ON once;"
                            "CREATE UNIQUE INDEX folded ON products (lower(name));"
                            "ALTER INDEX folded DEPENDS ON EXTENSION plpgsql;"
                            "ALTER INDEX folded ALTER COLUMN 1 SET STATISTICS 77"),
            "");
  const auto before = plain_->Query(testing::kCatalogPicture);
  auto published = Apply(2, {{1, "b"}, {2, "a"}});
  EXPECT_COUNTS(published, "0 2 0 0");
  EXPECT_EQ(plain_->Query(testing::kCatalogPicture), before);
}

TEST_P(ApplyDifferenceTest, UniqueValuesMayBeExchanged) {
  for (const char* make : {"ALTER TABLE products ADD CONSTRAINT once UNIQUE (name)",
                           "CREATE UNIQUE INDEX once ON products (name)",
                           "ALTER TABLE products ADD CONSTRAINT once UNIQUE (name) DEFERRABLE"}) {
    plain_->Execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    MustLoad(1, {{1, "a"}, {2, "b"}, {3, "c"}});
    ASSERT_EQ(plain_->Execute(make), "") << make;
    const std::string definition = plain_->Value("SELECT pg_get_indexdef('once'::regclass)");
    auto published = Apply(2, {{1, "b"}, {2, "a"}, {4, "c"}});
    EXPECT_COUNTS(published, "1 2 1 0");
    EXPECT_EQ(Read(), (std::vector<std::string>{"1|b", "2|a", "4|c"}));
    EXPECT_EQ(plain_->Value("SELECT pg_get_indexdef('once'::regclass)"), definition);
    EXPECT_CLASS(Apply(3, {{1, "x"}, {2, "x"}}).status(), kConstraintViolation);
    EXPECT_EQ(Read(), (std::vector<std::string>{"1|b", "2|a", "4|c"}));
  }
}

TEST_P(ApplyDifferenceTest, DeletesThatReachOthersNeedConsent) {
  for (const char* action : {"CASCADE", "SET NULL", "SET DEFAULT"}) {
    plain_->Execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    MustLoad(1, {{1, "a"}, {2, "b"}});
    ASSERT_EQ(plain_->Execute(std::string("CREATE TABLE child (id bigint REFERENCES products"
                                          " ON DELETE ") +
                              action + "); INSERT INTO child VALUES (1), (2)"),
              "");
    auto refused = Apply(2, {{1, "a"}});
    EXPECT_CLASS(refused.status(), kCascadingDeletes);
    EXPECT_NE(refused.status().message().find("child_id_fkey"), std::string::npos)
        << refused.status().ToString();
    EXPECT_EQ(plain_->Value("SELECT count(id) FROM child"), "2");
    EXPECT_TRUE(Apply(3, {{1, "a"}, {2, "b"}, {3, "c"}}).ok());
    auto allowed = Apply(4, {{1, "a"}}, 100, true);
    EXPECT_COUNTS(allowed, "0 0 2 1");
    EXPECT_EQ(plain_->Value("SELECT count(id) FROM child"), "1");
  }
}

TEST_P(ApplyDifferenceTest, ARowThatOthersNeedStays) {
  MustLoad(1, {{1, "a"}, {2, "b"}});
  ASSERT_EQ(plain_->Execute("CREATE TABLE child (id bigint REFERENCES products);"
                            "INSERT INTO child VALUES (2)"),
            "");
  EXPECT_CLASS(Apply(2, {{1, "a"}}).status(), kDependentObjectsStillExist);
  EXPECT_EQ(Read(), (std::vector<std::string>{"1|a", "2|b"}));
  EXPECT_TRUE(Apply(3, {{2, "B"}}).ok());
}

TEST_P(ApplyDifferenceTest, ReadersGoOnMeanwhile) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("BEGIN; SELECT * FROM products"), "");
  auto published = Apply(2, {{1, "b"}});
  EXPECT_COUNTS(published, "0 1 0 0");
  EXPECT_EQ(plain_->Value("SELECT name FROM products"), "b");
  plain_->Execute("COMMIT");
}

SPILLWAY_ON_EACH_SERVER(ApplyDifferenceTest);

}  // namespace
}  // namespace spillway::target::postgres
