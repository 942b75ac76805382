#include "target/postgres/load_fixture_test.h"

namespace spillway::target::postgres {
namespace {

/// A server that does not let a new table take the old one's place.
class RefusedSwapTest : public LoadTest {
 protected:
  base::Result<Published> Sync(std::int64_t version, const Cells& cells) {
    SPILLWAY_ASSIGN(const Publish publish, Prepare(*target_, version, cells));
    return target_->PublishStages(Soon(), {publish});
  }
  std::string Oid() { return plain_->Value("SELECT 'public.products'::regclass::oid"); }
  void RaiseOnDrop(const std::string& condition) {
    ASSERT_EQ(plain_->Execute("CREATE SCHEMA guard; CREATE FUNCTION guard.keep() RETURNS"
                              " event_trigger LANGUAGE plpgsql AS $$BEGIN IF EXISTS (SELECT FROM"
                              " pg_event_trigger_dropped_objects() WHERE " +
                              condition +
                              ") THEN RAISE 'kept by the guard'; END IF; END$$;"
                              "CREATE EVENT TRIGGER keep ON sql_drop EXECUTE FUNCTION"
                              " guard.keep()"),
              "");
  }
};

TEST_P(RefusedSwapTest, AnEventTriggerThatKeepsTheTableLeavesItItsRows) {
  MustLoad(1, {{1, "a"}, {2, "b"}});
  ASSERT_EQ(plain_->Execute("CREATE VIEW v AS SELECT id FROM products; CREATE INDEX by_hand ON"
                            " products (lower(name))"),
            "");
  RaiseOnDrop("schema_name = 'public'");
  const std::string oid = Oid();
  for (int version = 2; version <= 3; ++version) {
    const auto published = Sync(version, {{1, "c"}, {version, "d"}});
    ASSERT_TRUE(published.ok()) << published.status().ToString();
    EXPECT_EQ(published->tables[0].way, PublishWay::kApply);
    EXPECT_NE(published->tables[0].reason.find("kept by the guard"), std::string::npos)
        << published->tables[0].reason;
    EXPECT_EQ(Oid(), oid);
    EXPECT_EQ(Read(), (std::vector<std::string>{"1|c", std::to_string(version) + "|d"}));
    EXPECT_EQ(Stages(), std::vector<std::string>());
  }
  // A change that needs a new table names both.
  columns_[1].target_type = "varchar(20)";
  const base::Status refused = Sync(4, {{1, "c"}}).status();
  EXPECT_CLASS(refused, kDependentObjectsStillExist);
  EXPECT_NE(refused.message().find("column name becomes"), std::string::npos);
  EXPECT_NE(refused.message().find("kept by the guard"), std::string::npos) << refused.message();
}

TEST_P(RefusedSwapTest, WhatOthersMadeIsStillTheirsWhenASwapIsPossibleAgain) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("ALTER TABLE products ALTER name SET NOT NULL, ALTER name SET DEFAULT"
                            " 'mine'"),
            "");
  RaiseOnDrop("schema_name = 'public'");
  ASSERT_TRUE(Sync(2, {{2, "b"}}).ok());
  ASSERT_EQ(plain_->Execute("DROP EVENT TRIGGER keep"), "");
  for (int version = 3; version <= 4; ++version) {
    const auto published = Sync(version, {{version, "c"}});
    ASSERT_TRUE(published.ok()) << published.status().ToString();
    EXPECT_EQ(published->tables[0].way, PublishWay::kSwap) << published->tables[0].reason;
    EXPECT_EQ(plain_->Value("SELECT concat_ws(' ', attnotnull, pg_get_expr(adbin, adrelid)) FROM"
                            " pg_attribute JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
                            " WHERE attrelid = 'products'::regclass AND attname = 'name'"),
              "t 'mine'::text");
  }
}

TEST_P(RefusedSwapTest, AnEventTriggerThatKeepsEverythingIsToldApart) {
  MustLoad(1, {{1, "a"}});
  RaiseOnDrop("true");
  const base::Status refused = Sync(2, {{1, "b"}}).status();
  EXPECT_CLASS(refused, kTargetUnsuitable);
  EXPECT_NE(refused.message().find("kept by the guard"), std::string::npos) << refused.ToString();
  EXPECT_NE(refused.mend().find("schema spillway"), std::string::npos) << refused.mend();
  EXPECT_EQ(Read(), std::vector<std::string>{"1|a"});
}

TEST_P(RefusedSwapTest, AnIndexThatWeCannotBuildKeepsTheTable) {
  MustLoad(1, {{1, "a"}, {2, "b"}});
  const std::string poor = As("refused_poor");
  ASSERT_EQ(plain_->Execute("GRANT CREATE ON DATABASE " + database_ +
                            " TO refused_poor; GRANT ALL ON SCHEMA spillway, public TO"
                            " refused_poor; GRANT ALL ON ALL TABLES IN SCHEMA spillway TO"
                            " refused_poor; GRANT ALL ON ALL SEQUENCES IN SCHEMA spillway TO"
                            " refused_poor; ALTER TABLE products OWNER TO refused_poor;"
                            "CREATE FUNCTION f(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
                            " 'BEGIN RETURN $1; END'; GRANT EXECUTE ON FUNCTION f TO refused_poor;"
                            "CREATE INDEX by_f ON products (f(name));"
                            "REVOKE EXECUTE ON FUNCTION f FROM refused_poor, PUBLIC"),
            "");
  target_ = OpenTarget(poor);
  // No row is written, so that the index need not be either.
  const auto published = Sync(2, {{2, "b"}});
  ASSERT_TRUE(published.ok()) << published.status().ToString();
  EXPECT_EQ(published->tables[0].way, PublishWay::kApply);
  for (const char* part : {"index public.by_f", "permission denied for function f"}) {
    EXPECT_NE(published->tables[0].reason.find(part), std::string::npos)
        << published->tables[0].reason;
  }
  EXPECT_EQ(Read(), std::vector<std::string>{"2|b"});
  EXPECT_CLASS(Sync(3, {{2, "c"}}).status(), kTargetPermission);
  target_.reset();
  plain_->Execute("DROP OWNED BY refused_poor CASCADE; DROP ROLE refused_poor");
}

TEST_P(RefusedSwapTest, StatisticsThatWeCannotGatherKeepTheTable) {
  MustLoad(1, {{1, "a"}});
  const std::string poor = As("refused_statistics");
  ASSERT_EQ(plain_->Execute("GRANT CREATE ON DATABASE " + database_ +
                            " TO refused_statistics; GRANT ALL ON SCHEMA spillway, public TO"
                            " refused_statistics; GRANT ALL ON ALL TABLES IN SCHEMA spillway TO"
                            " refused_statistics; GRANT ALL ON ALL SEQUENCES IN SCHEMA spillway TO"
                            " refused_statistics; CREATE FUNCTION f(text) RETURNS text LANGUAGE"
                            " plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';"
                            "CREATE STATISTICS s ON (f(name)) FROM products;"
                            "ALTER TABLE products OWNER TO refused_statistics;"
                            "ALTER STATISTICS s OWNER TO refused_statistics;"
                            "REVOKE EXECUTE ON FUNCTION f FROM PUBLIC"),
            "");
  target_ = OpenTarget(poor);
  for (int version = 2; version <= 3; ++version) {
    const auto published = Sync(version, {{1, "a"}, {version, "b"}});
    ASSERT_TRUE(published.ok()) << published.status().ToString();
    EXPECT_EQ(published->tables[0].way, PublishWay::kApply);
    EXPECT_NE(published->tables[0].reason.find("denied for function f"), std::string::npos);
    EXPECT_EQ(Read(), (std::vector<std::string>{"1|a", std::to_string(version) + "|b"}));
  }
  target_.reset();
  plain_->Execute("DROP OWNED BY refused_statistics CASCADE; DROP ROLE refused_statistics");
}

TEST_P(RefusedSwapTest, AnIndexThatDoesNotFitANewTypeIsNamed) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("CREATE INDEX by_hand ON products (lower(name))"), "");
  columns_[1].target_type = "bytea";
  columns_[1].source_type.kind = data::TypeKind::kBinary;
  data::Schema schema = *schema_;
  schema.fields[1].type.kind = data::TypeKind::kBinary;
  schema_ = std::make_shared<const data::Schema>(std::move(schema));
  const base::Status refused = Sync(2, {{1, "a"}}).status();
  EXPECT_CLASS(refused, kDependentObjectsStillExist);
  for (const char* part : {"column name becomes bytea", "index public.by_hand"}) {
    EXPECT_NE(refused.message().find(part), std::string::npos) << refused.ToString();
  }
}

SPILLWAY_ON_EACH_SERVER(RefusedSwapTest);

}  // namespace
}  // namespace spillway::target::postgres
