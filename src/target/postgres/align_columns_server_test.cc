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
  const std::vector<ExtraColumn> extras = {{"twice", "bigint GENERATED ALWAYS AS (id * 2) STORED"},
                                           {"note", "text NOT NULL DEFAULT 'none'"}};
  for (int version = 2; version <= 3; ++version) {
    const base::Status done = sync(version, extras, {{1, "a"}, {version, "b"}});
    ASSERT_TRUE(done.ok()) << done.ToString();
    EXPECT_EQ(Oid(), oid);
    auto state = target_->Describe(Soon(), table_, kId);
    ASSERT_TRUE(state.ok());
    EXPECT_TRUE(state->unchanged) << state->difference;
  }
  EXPECT_EQ(plain_->Query("SELECT id, name, twice, note FROM products ORDER BY 1"),
            (std::vector<std::string>{"1|a|2|none", "3|b|6|none"}));
  EXPECT_CLASS(sync(4, {{"twice", "bigint GENERATED ALWAYS AS (id * 3) STORED"}, extras[1]}, {}),
               kDependentObjectsStillExist);
  // A computed one goes with its definition, one that users may have written stays.
  ASSERT_TRUE(sync(5, {}, {{1, "a"}}).ok());
  EXPECT_EQ(plain_->Query("SELECT * FROM products"), std::vector<std::string>{"1|a|none"});
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
