#include <thread>

#include "target/postgres/attachments.h"
#include "target/postgres/catalog_picture_test.h"
#include "target/postgres/load_fixture_test.h"

namespace spillway::target::postgres {
namespace {

class AttachmentsTest : public LoadTest {
 protected:
  std::vector<std::string> Picture() { return plain_->Query(testing::kCatalogPicture); }
  Published Sync(std::int64_t version, const Cells& cells) {
    auto publish = Prepare(*target_, version, cells);
    EXPECT_TRUE(publish.ok()) << publish.status().ToString();
    if (!publish.ok()) return {};
    auto published = target_->PublishStages(Soon(), {*publish});
    EXPECT_TRUE(published.ok()) << published.status().ToString();
    return published.ok() ? *std::move(published) : Published();
  }
  std::string Oid() { return plain_->Value("SELECT 'public.products'::regclass::oid"); }
};

// Each statement makes what a swap must carry.
constexpr const char* kAttachments[] = {
    "CREATE VIEW v AS SELECT id, name FROM products",
    "CREATE VIEW v WITH (security_barrier) AS SELECT id FROM products WHERE id > 0"
    " WITH LOCAL CHECK OPTION; GRANT SELECT ON v TO PUBLIC; COMMENT ON VIEW v IS 'seen';"
    "ALTER VIEW v ALTER id SET DEFAULT 7",
    "CREATE VIEW v AS SELECT * FROM products; CREATE VIEW w AS SELECT v.id, p.name FROM v JOIN"
    " products p USING (id); CREATE VIEW x AS SELECT count(*) FROM w;"
    "CREATE MATERIALIZED VIEW m AS SELECT * FROM x",
    "CREATE VIEW v (a, b) AS SELECT p.id, p.name FROM products p GROUP BY p.id;"
    "ALTER VIEW v RENAME COLUMN a TO z",
    "CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
    "CREATE VIEW v AS SELECT id FROM products;"
    "CREATE TRIGGER vt INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION tf()",
    "CREATE INDEX by_hand ON products (name DESC) INCLUDE (id) WHERE id > 5;"
    "COMMENT ON INDEX by_hand IS 'mine'",
    "CREATE UNIQUE INDEX \"By Hand\" ON products (lower(name)) WITH (fillfactor = 60);"
    "ALTER INDEX \"By Hand\" ALTER COLUMN 1 SET STATISTICS 77",
    "CREATE INDEX h ON products USING hash (name)",
    "ALTER TABLE products ALTER name SET NOT NULL",
    "ALTER TABLE products ADD CONSTRAINT short CHECK (length(name) < 99);"
    "COMMENT ON CONSTRAINT short ON products IS 'mine'",
    "ALTER TABLE products ADD CONSTRAINT later CHECK (length(name) < 98) NOT VALID",
    "ALTER TABLE products ADD CONSTRAINT once UNIQUE (name) DEFERRABLE INITIALLY DEFERRED;"
    "COMMENT ON CONSTRAINT once ON products IS 'mine'; COMMENT ON INDEX once IS 'mine too'",
    "ALTER TABLE products ADD CONSTRAINT far EXCLUDE USING hash (name WITH =)",
    "CREATE TABLE kinds (name text PRIMARY KEY); INSERT INTO kinds VALUES ('a'), ('b');"
    "ALTER TABLE products ADD CONSTRAINT kind FOREIGN KEY (name) REFERENCES kinds ON UPDATE "
    "CASCADE",
    "CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
    "CREATE TRIGGER t AFTER INSERT OR UPDATE OF name ON products FOR EACH ROW WHEN (NEW.id > 2)"
    " EXECUTE FUNCTION tf(); CREATE TRIGGER u BEFORE DELETE ON products EXECUTE FUNCTION tf();"
    "ALTER TABLE products DISABLE TRIGGER t; ALTER TABLE products ENABLE ALWAYS TRIGGER u;"
    "COMMENT ON TRIGGER t ON products IS 'mine'",
    "CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
    "CREATE CONSTRAINT TRIGGER ct AFTER UPDATE ON products DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION tf()",
    "CREATE RULE r AS ON DELETE TO products WHERE OLD.id = 9 DO INSTEAD NOTHING;"
    "ALTER TABLE products DISABLE RULE r; COMMENT ON RULE r ON products IS 'mine'",
    "ALTER TABLE products ENABLE ROW LEVEL SECURITY; ALTER TABLE products FORCE ROW LEVEL SECURITY;"
    "CREATE POLICY p ON products AS RESTRICTIVE FOR UPDATE TO PUBLIC USING (id > 1)"
    " WITH CHECK (name <> ''); CREATE POLICY q ON products; COMMENT ON POLICY p ON products IS 'x'",
    "CREATE STATISTICS st (ndistinct, mcv) ON id, name FROM products;"
    "ALTER STATISTICS st SET STATISTICS 55; COMMENT ON STATISTICS st IS 'mine'",
    "CREATE STATISTICS ex ON (lower(name)) FROM products",
    "ALTER TABLE products ALTER name SET DEFAULT 'x''y'",
    "CREATE SEQUENCE s OWNED BY products.id; ALTER TABLE products ALTER id SET DEFAULT "
    "nextval('s')",
    "ALTER TABLE products ALTER name SET NOT NULL",
    "ALTER TABLE products ADD twice bigint GENERATED ALWAYS AS (id * 2) STORED;"
    "COMMENT ON COLUMN products.twice IS 'mine'; CREATE INDEX ON products (twice);"
    "CREATE VIEW v AS SELECT twice FROM products",
    "ALTER TABLE products ALTER name SET STATISTICS 500, ALTER name SET (n_distinct = 5),"
    " ALTER name SET STORAGE external, ALTER name SET COMPRESSION pglz",
    "GRANT SELECT (name), UPDATE (id) ON products TO PUBLIC",
    "GRANT SELECT ON products TO PUBLIC; REVOKE TRUNCATE ON products FROM CURRENT_USER",
    "ALTER TABLE products SET (fillfactor = 70, autovacuum_enabled = off,"
    " toast.autovacuum_vacuum_threshold = 7)",
    "ALTER TABLE products REPLICA IDENTITY FULL",
    "ALTER TABLE products ALTER name SET NOT NULL; CREATE UNIQUE INDEX ri ON products (name);"
    "ALTER TABLE products REPLICA IDENTITY USING INDEX ri; CLUSTER products USING ri",
    "COMMENT ON TABLE products IS 'mine'; COMMENT ON COLUMN products.id IS 'mine as well'",
    "COMMENT ON INDEX products_pkey IS 'i'; COMMENT ON CONSTRAINT products_pkey ON products IS 'c'",
    "ALTER INDEX products_name_idx RENAME TO better",
    "CREATE INDEX ON products (name)",
    "CREATE UNIQUE INDEX again ON products (id)",
    // Spillway's own, tuned or told more.
    "ALTER INDEX products_name_idx SET (fillfactor = 71)",
    "ALTER INDEX products_pkey SET (fillfactor = 72)",
    "ALTER INDEX products_lower_idx ALTER COLUMN 1 SET STATISTICS 79",
    "ALTER INDEX products_lower_idx DEPENDS ON EXTENSION plpgsql;"
    "ALTER INDEX products_pkey DEPENDS ON EXTENSION plpgsql; CREATE INDEX mine ON products (name);"
    "ALTER INDEX mine DEPENDS ON EXTENSION plpgsql",
    "CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
    "CREATE TRIGGER t AFTER INSERT ON products FOR EACH ROW EXECUTE FUNCTION tf();"
    "ALTER TRIGGER t ON products DEPENDS ON EXTENSION plpgsql",
    "ALTER TABLE products RENAME CONSTRAINT products_pkey TO \"My key\";"
    "COMMENT ON CONSTRAINT \"My key\" ON products IS 'mine'; CLUSTER products USING \"My key\"",
    "ALTER TABLE products DROP CONSTRAINT products_pkey, ADD CONSTRAINT k PRIMARY KEY (id)"
    " WITH (fillfactor = 73) DEFERRABLE INITIALLY DEFERRED",
};

TEST_P(AttachmentsTest, AreIdenticalAfterSwaps) {
  index_.indexes = {"(name)", "(lower(name))"};
  for (const char* make : kAttachments) {
    plain_->Execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    MustLoad(1, {{1, "a"}, {2, "b"}});
    ASSERT_EQ(plain_->Execute(make), "") << make;
    const auto before = Picture();
    // Twice: what was carried once is still of others.
    for (int version = 2; version <= 3; ++version) {
      const std::string old = Oid();
      const Published published = Sync(version, {{1, "a"}, {5, "b"}});
      ASSERT_EQ(published.outcome, CommitOutcome::kCommitted) << make;
      EXPECT_EQ(published.tables[0].way, PublishWay::kSwap) << make << published.tables[0].reason;
      EXPECT_NE(Oid(), old);
      EXPECT_EQ(Picture(), before) << make << ", version " << version;
      EXPECT_EQ(plain_->Value("SELECT count(*) FROM products WHERE id = 5"), "1") << make;
      EXPECT_EQ(plain_->Value("SELECT count(*) FROM pg_class c WHERE relnamespace ="
                              " 'spillway'::regnamespace AND relname LIKE 'stage\\_%|%'"),
                "0");
    }
    auto state = target_->Describe(Soon(), table_, kId);
    ASSERT_TRUE(state.ok());
    EXPECT_TRUE(state->unchanged) << make << ": " << state->difference;
  }
}

TEST_P(AttachmentsTest, ViewsReadTheNewRows) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("CREATE VIEW v AS SELECT * FROM products;"
                            "CREATE VIEW w AS SELECT max(v.id) FROM v, products"),
            "");
  ASSERT_EQ(plain_->Execute("PREPARE q AS SELECT * FROM w"), "");
  EXPECT_EQ(plain_->Value("EXECUTE q"), "1");
  Sync(2, {{1, "a"}, {2, "b"}});
  EXPECT_EQ(plain_->Value("EXECUTE q"), "2");
  EXPECT_EQ(plain_->Query("SELECT * FROM v ORDER BY 1"), (std::vector<std::string>{"1|a", "2|b"}));
}

TEST_P(AttachmentsTest, AViewThatCannotFollowIsNamed) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("CREATE VIEW v AS SELECT name FROM products"), "");
  columns_[1].target_type = "varchar(20)";
  auto outcome = Load(*target_, 2, {{2, "b"}});
  EXPECT_CLASS(outcome.status(), kDependentObjectsStillExist);
  for (const char* part : {"column name becomes", "view public.v"}) {
    EXPECT_NE(outcome.status().message().find(part), std::string::npos) << part;
  }
  EXPECT_EQ(Read(), std::vector<std::string>{"1|a"});
}

TEST_P(AttachmentsTest, RowsThatAConstraintRefusesStopThePublish) {
  for (const char* make :
       {"ALTER TABLE products ADD CONSTRAINT c CHECK (id < 5)",
        "ALTER TABLE products ADD CONSTRAINT c UNIQUE (name)",
        "CREATE TABLE k (n text PRIMARY KEY); INSERT INTO k VALUES ('a');"
        "ALTER TABLE products ADD CONSTRAINT c FOREIGN KEY (name) REFERENCES k"}) {
    plain_->Execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    MustLoad(1, {{1, "a"}});
    ASSERT_EQ(plain_->Execute(make), "") << make;
    auto outcome = Load(*target_, 2, {{7, "b"}, {8, "b"}});
    EXPECT_CLASS(outcome.status(), kConstraintViolation);
    EXPECT_EQ(outcome.status().detail("constraint").empty(), false) << make;
    EXPECT_EQ(Read(), std::vector<std::string>{"1|a"});
  }
}

TEST_P(AttachmentsTest, WhatIsMadeDuringTheLoadIsCarriedToo) {
  MustLoad(1, {{1, "a"}});
  auto publish = Prepare(*target_, 2, {{2, "b"}});
  ASSERT_TRUE(publish.ok()) << publish.status().ToString();
  ASSERT_EQ(plain_->Execute("CREATE INDEX late ON products (name); CREATE VIEW v AS SELECT id FROM"
                            " products"),
            "");
  const auto before = Picture();
  auto outcome = PublishOne(*target_, Soon(), *publish);
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(Picture(), before);
  EXPECT_EQ(plain_->Value("SELECT * FROM v"), "2");
}

// None of it takes a lock that the swap's keep out; of a later server grants do.
TEST_P(AttachmentsTest, WhatIsSaidWhileTheTableIsLockedIsNotLost) {
  index_.indexes = {"(name)", "(lower(name))"};
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("ALTER TABLE products ALTER name SET NOT NULL, ALTER name SET DEFAULT"
                            " 'x'; CREATE STATISTICS st ON id, name FROM products; CREATE FUNCTION "
                            "wait_() RETURNS event_trigger LANGUAGE plpgsql AS"
                            " $$BEGIN IF current_query() LIKE '%RENAME TO%_old%' THEN PERFORM"
                            " set_config('lock_timeout', '0', true); PERFORM"
                            " pg_advisory_xact_lock(7); END IF; END$$;"
                            "CREATE EVENT TRIGGER waits ON ddl_command_start WHEN TAG IN ('ALTER"
                            " TABLE') EXECUTE FUNCTION wait_()"),
            "");
  auto publish = Prepare(*target_, 2, {{2, "b"}});
  ASSERT_TRUE(publish.ok()) << publish.status().ToString();
  const std::string old = Oid();
  plain_->Query("SELECT pg_advisory_lock(7)");
  base::Result<CommitOutcome> outcome(CommitOutcome::kUnknown);
  std::thread thread([&] { outcome = PublishOne(*target_, Soon(), *publish); });
  Await("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 7",
        "1");
  const bool grants = GetParam() == testing::ServerVersion::k15;
  if (grants) {
    EXPECT_EQ(plain_->Execute("GRANT SELECT ON products TO PUBLIC;"
                              "GRANT UPDATE (name) ON products TO PUBLIC"),
              "");
  }
  EXPECT_EQ(plain_->Execute(
                "COMMENT ON INDEX products_name_idx IS 'mine'; COMMENT ON STATISTICS st IS 'mine';"
                "ALTER STATISTICS st SET STATISTICS 55; ALTER STATISTICS st RENAME TO mine;"
                "ALTER INDEX products_lower_idx ALTER COLUMN 1 SET STATISTICS 77;"
                "ALTER INDEX products_name_idx DEPENDS ON EXTENSION plpgsql"),
            "");
  const auto wanted = Picture();
  plain_->Query("SELECT pg_advisory_unlock(7)");
  thread.join();
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_NE(Oid(), old);
  EXPECT_EQ(Picture(), wanted);
  EXPECT_EQ(Read(), std::vector<std::string>{"2|b"});
  // What was carried in two rounds is still of others.
  Sync(3, {{3, "c"}});
  EXPECT_EQ(Picture(), wanted);
}

TEST_P(AttachmentsTest, NotNullKeepsItsNameAndComment) {
  MustLoad(1, {{1, "a"}});
  const bool has_names = GetParam() != testing::ServerVersion::k15;
  ASSERT_EQ(plain_->Execute(
                has_names ? "ALTER TABLE products ADD CONSTRAINT named NOT NULL name;"
                            "COMMENT ON CONSTRAINT named ON products IS 'mine';"
                            "ALTER TABLE products RENAME CONSTRAINT products_id_not_null TO key"
                          : "ALTER TABLE products ALTER COLUMN name SET NOT NULL"),
            "");
  const auto before = Picture();
  for (int version = 2; version <= 3; ++version) {
    const Published published = Sync(version, {{1, "b"}});
    if (HasFailure()) return;
    EXPECT_EQ(published.tables[0].way, PublishWay::kSwap) << published.tables[0].reason;
    EXPECT_EQ(Picture(), before);
  }
}

/// What only PostgreSQL 18 has.
class AttachmentsOf18Test : public AttachmentsTest {};

TEST_P(AttachmentsOf18Test, NotNullThatIsNotOfEveryRowStaysSo) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("ALTER TABLE products ADD CONSTRAINT later NOT NULL name NO INHERIT"
                            " NOT VALID"),
            "");
  const auto before = Picture();
  for (int version = 2; version <= 3; ++version) {
    const Published published = Sync(version, {{1, "b"}});
    if (HasFailure()) return;
    EXPECT_EQ(published.tables[0].way, PublishWay::kSwap) << published.tables[0].reason;
    EXPECT_EQ(Picture(), before);
  }
}

SPILLWAY_ON_EACH_SERVER(AttachmentsTest);
INSTANTIATE_TEST_SUITE_P(Postgres, AttachmentsOf18Test,
                         ::testing::Values(testing::ServerVersion::k18), ServerName);

}  // namespace
}  // namespace spillway::target::postgres
