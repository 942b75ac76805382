#include "target/postgres/align_columns.h"
#include "target/postgres/load_fixture_test.h"

namespace spillway::target::postgres {
namespace {

class AlignColumnsTest : public LoadTest {
 protected:
  base::Result<Published> Apply(std::int64_t version, const Cells& cells) {
    SPILLWAY_ASSIGN(Publish publish, Prepare(*target_, version, cells));
    publish.way = PublishWay::kApply;
    return target_->PublishStages(Soon(), {publish});
  }
  std::string Oid() { return plain_->Value("SELECT 'public.products'::regclass::oid"); }
};

TEST_P(AlignColumnsTest, ColumnsChangeInPlaceWhereTheCatalogIsEnough) {
  columns_[1].target_type = "varchar(5)";
  MustLoad(1, {{1, "a"}, {2, "b"}});
  ASSERT_EQ(plain_->Execute("CREATE MATERIALIZED VIEW m AS SELECT id FROM products"), "");
  const std::string oid = Oid();
  columns_[1].target_type = "text";
  MustLoad(2, {{1, "a long text"}});
  EXPECT_EQ(Oid(), oid);
  EXPECT_EQ(Read(), std::vector<std::string>{"1|a long text"});
  // What needs a new table is refused, naming the change and what keeps the old one.
  columns_[1].target_type = "varchar(2)";
  const auto refused = Apply(3, {{1, "b"}});
  EXPECT_CLASS(refused.status(), kDependentObjectsStillExist);
  columns_[1].target_type = "text";
  index_.primary_key.clear();
  EXPECT_CLASS(Apply(4, {{1, "b"}}).status(), kDependentObjectsStillExist);
  EXPECT_EQ(Read(), std::vector<std::string>{"1|a long text"});
}

TEST_P(AlignColumnsTest, IndexesFollowTheDefinition) {
  index_.indexes = {"(name)", "(lower(name)) WHERE id > 3"};
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("CREATE INDEX mine ON products (name DESC);"
                            "CREATE MATERIALIZED VIEW m AS SELECT id FROM products"),
            "");
  const std::string names =
      "SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes"
      " WHERE tablename = 'products'";
  index_.indexes = {"(name)", "USING hash (name)"};
  for (int version = 2; version <= 3; ++version) {
    MustLoad(version, {{1, "a"}});
    EXPECT_EQ(plain_->Value(names), "mine products_name_idx products_name_idx1 products_pkey");
  }
  EXPECT_EQ(plain_->Value("SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%USING hash%'"),
            "1");
}

TEST_P(AlignColumnsTest, ColumnsThatOnlyTheTargetHasFollowTheDefinition) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("CREATE MATERIALIZED VIEW m AS SELECT id FROM products"), "");
  const std::string oid = Oid();
  const auto sync = [&](std::int64_t version, const std::vector<ExtraColumn>& extras,
                        const Cells& cells) {
    const std::string run = "run-" + std::to_string(version);
    auto fenced = target_->TakeFence(Soon(), kId, table_, run);
    planned_from_ = fenced->second->source_position;
    auto stage = target_->CreateStage(Soon(), fenced->first, table_, columns_, extras);
    if (!stage.ok()) return stage.status();
    SPILLWAY_TRY(RunTask(*target_, *stage, "0", cells).status());
    SPILLWAY_TRY(target_->BuildIndexes(Soon(), *stage, index_));
    return PublishOne(*target_, Soon(),
                      PublishOf(*stage, version, static_cast<std::int64_t>(cells.size())))
        .status();
  };
  ASSERT_TRUE(sync(2, {{"number", "serial"}, {"big", "bigserial"}}, {{1, "a"}}).ok());
  EXPECT_EQ(plain_->Query("SELECT name, number, big FROM products"),
            std::vector<std::string>{"a|1|1"});
  ASSERT_EQ(plain_->Execute("ALTER TABLE products DROP number, DROP big"), "");
  const std::vector<ExtraColumn> extras = {{"twice", "bigint GENERATED ALWAYS AS (id * 2) STORED"},
                                           {"note", "text NOT NULL DEFAULT 'none'"}};
  for (int version = 3; version <= 4; ++version) {
    const base::Status done = sync(version, extras, {{1, "a"}, {version, "b"}});
    ASSERT_TRUE(done.ok()) << done.ToString();
    EXPECT_EQ(Oid(), oid);
    auto state = target_->Describe(Soon(), table_, kId);
    ASSERT_TRUE(state.ok());
    EXPECT_TRUE(state->unchanged) << state->difference;
  }
  EXPECT_EQ(plain_->Query("SELECT id, name, twice, note FROM products ORDER BY 1"),
            (std::vector<std::string>{"1|a|2|none", "4|b|8|none"}));
  EXPECT_CLASS(sync(5, {{"twice", "bigint GENERATED ALWAYS AS (id * 3) STORED"}, extras[1]}, {}),
               kDependentObjectsStillExist);
  // A computed one goes with its definition, one that users may have written stays.
  ASSERT_TRUE(sync(6, {}, {{1, "a"}}).ok());
  EXPECT_EQ(plain_->Query("SELECT * FROM products"), std::vector<std::string>{"1|a|none"});
}

TEST_P(AlignColumnsTest, AColumnOfOthersIsNotWrittenOver) {
  for (const char* add : {"ALTER TABLE products ADD note text",
                          "ALTER TABLE products ADD note text GENERATED ALWAYS AS (name) STORED"}) {
    plain_->Execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    CallSecond("name");
    MustLoad(1, {{1, "a"}});
    ASSERT_EQ(plain_->Execute(add), "");
    EXPECT_TRUE(CheckPublish().ok());
    const auto before = Read();
    CallSecond("note");
    EXPECT_CLASS(CheckPublish(), kIdentifierCollision);
    EXPECT_CLASS(Load(*target_, 2, {{1, "source"}}).status(), kIdentifierCollision);
    EXPECT_EQ(Read(), before);
    ASSERT_EQ(plain_->Execute("ALTER TABLE products DROP note"), "");
    EXPECT_TRUE(CheckPublish().ok());
    MustLoad(3, {{1, "source"}});
    EXPECT_EQ(Read(), std::vector<std::string>{"1|source"});
  }
}

TEST_P(AlignColumnsTest, NewColumnsComeAfterThoseThatOthersCompute) {
  const std::string columns =
      "SELECT string_agg(attname || coalesce(':' || col_description(attrelid, attnum), ''), ' '"
      " ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'products'::regclass AND attnum > 0"
      " AND NOT attisdropped";
  columns_[0].comment.clear();
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("ALTER TABLE products ADD twice bigint GENERATED ALWAYS AS (id * 2)"
                            " STORED, ADD thrice bigint GENERATED ALWAYS AS (id * 3) STORED;"
                            "COMMENT ON COLUMN products.thrice IS 'mine'; CREATE VIEW v AS SELECT"
                            " thrice FROM products; CREATE INDEX by_hand ON products (twice)"),
            "");
  CallSecond("b");
  for (int version = 2; version <= 3; ++version) {
    const std::string oid = Oid();
    MustLoad(version, {{1, "a"}, {2, "b"}});
    EXPECT_NE(Oid(), oid);
    EXPECT_EQ(plain_->Value(columns), "id twice thrice:mine b");
    EXPECT_EQ(Read(), (std::vector<std::string>{"1|2|3|a", "2|4|6|b"}));
    EXPECT_EQ(plain_->Value("SELECT sum(thrice) FROM v"), "9");
    EXPECT_TRUE(State().unchanged) << State().difference;
  }
  // What becomes of them during the load counts.
  auto publish = Prepare(*target_, 4, {{1, "a"}});
  ASSERT_TRUE(publish.ok()) << publish.status().ToString();
  ASSERT_EQ(plain_->Execute("DROP VIEW v; ALTER TABLE products DROP twice, DROP thrice;"
                            "ALTER TABLE products ADD thrice bigint GENERATED ALWAYS AS (id * 30)"
                            " STORED"),
            "");
  const auto published = PublishOne(*target_, Soon(), *publish);
  ASSERT_TRUE(published.ok()) << published.status().ToString();
  EXPECT_EQ(plain_->Value(columns), "id b thrice");
  EXPECT_EQ(Read(), std::vector<std::string>{"1|a|30"});
  EXPECT_TRUE(State().unchanged) << State().difference;
}

TEST_P(AlignColumnsTest, AColumnThatWeCannotComputeKeepsTheTable) {
  MustLoad(1, {{1, "a"}});
  const std::string poor = As("align_poor");
  ASSERT_EQ(plain_->Execute("GRANT CREATE ON DATABASE " + database_ +
                            " TO align_poor; GRANT ALL ON SCHEMA spillway, public TO align_poor;"
                            "GRANT ALL ON ALL TABLES IN SCHEMA spillway TO align_poor;"
                            "GRANT ALL ON ALL SEQUENCES IN SCHEMA spillway TO align_poor;"
                            "ALTER TABLE products OWNER TO align_poor; CREATE SCHEMA hidden;"
                            "CREATE FUNCTION hidden.f(bigint) RETURNS bigint LANGUAGE sql IMMUTABLE"
                            " AS 'SELECT $1'; ALTER TABLE products ADD g bigint GENERATED ALWAYS AS"
                            " (hidden.f(id)) STORED"),
            "");
  target_ = OpenTarget(poor);
  CallSecond("b");
  const std::string oid = Oid();
  MustLoad(2, {{1, "b"}});
  EXPECT_EQ(Oid(), oid);
  EXPECT_EQ(Read(), std::vector<std::string>{"1|1|b"});
  target_.reset();
  plain_->Execute("DROP OWNED BY align_poor CASCADE; DROP ROLE align_poor");
}

TEST_P(AlignColumnsTest, ACollationThatStaysIsNoChange) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("CREATE MATERIALIZED VIEW m AS SELECT id FROM products;"
                            "ALTER TABLE products ALTER name TYPE text COLLATE \"C\""),
            "");
  EXPECT_FALSE(State().unchanged);
  MustLoad(2, {{1, "b"}});
  EXPECT_TRUE(State().unchanged) << State().difference;
  // Nor does a swap take it away.
  ASSERT_EQ(plain_->Execute("DROP MATERIALIZED VIEW m"), "");
  MustLoad(3, {{1, "c"}});
  EXPECT_TRUE(State().unchanged) << State().difference;
  EXPECT_EQ(plain_->Value("SELECT attcollation::regcollation FROM pg_attribute WHERE attrelid ="
                          " 'products'::regclass AND attname = 'name'"),
            "\"C\"");
}

TEST_P(AlignColumnsTest, AKeyThatCoversMoreIsTheSameKey) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("ALTER TABLE products DROP CONSTRAINT products_pkey,"
                            " ADD CONSTRAINT products_pkey PRIMARY KEY (id) INCLUDE (name)"),
            "");
  for (int version = 2; version <= 3; ++version) {
    EXPECT_TRUE(CheckPublish().ok());
    MustLoad(version, {{1, "a"}, {version, "b"}});
    EXPECT_TRUE(State().unchanged) << State().difference;
    EXPECT_EQ(plain_->Value("SELECT pg_get_constraintdef(oid) FROM pg_constraint"
                            " WHERE conname = 'products_pkey'"),
              "PRIMARY KEY (id) INCLUDE (name)");
  }
}

TEST_P(AlignColumnsTest, ATableWithoutRoomForMoreColumnsSaysSo) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("CREATE MATERIALIZED VIEW m AS SELECT id FROM products;"
                            "DO $$BEGIN FOR i IN 1..1598 LOOP EXECUTE 'ALTER TABLE products ADD x'"
                            " || i || ' int'; EXECUTE 'ALTER TABLE products DROP x' || i;"
                            " END LOOP; END$$"),
            "");
  CallSecond("more");
  const base::Status refused = Load(*target_, 2, {{1, "a"}}).status();
  EXPECT_CLASS(refused, kDependentObjectsStillExist);
  EXPECT_NE(refused.message().find("dropped"), std::string::npos) << refused.ToString();
  EXPECT_NE(refused.message().find("view public.m"), std::string::npos) << refused.ToString();
}

TEST_P(AlignColumnsTest, CommentsFollowTheSourceUnlessSomebodyWroteAnother) {
  comment_ = "goods";
  columns_[1].comment = "the name";
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("CREATE MATERIALIZED VIEW m AS SELECT id FROM products;"
                            "COMMENT ON COLUMN products.id IS 'mine'"),
            "");
  const std::string comments =
      "SELECT coalesce(obj_description('products'::regclass), '') || '|' ||"
      " coalesce(col_description('products'::regclass, 1), '') || '|' ||"
      " coalesce(col_description('products'::regclass, 2), '')";
  comment_ = "wares";
  columns_[0].comment = "another number";
  columns_[1].comment = "";
  MustLoad(2, {{1, "a"}});
  EXPECT_EQ(plain_->Value(comments), "wares|mine|");
  comment_ = "";
  MustLoad(3, {{1, "a"}});
  EXPECT_EQ(plain_->Value(comments), "|mine|");
}

SPILLWAY_ON_EACH_SERVER(AlignColumnsTest);

}  // namespace
}  // namespace spillway::target::postgres
