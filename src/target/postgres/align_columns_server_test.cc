#include "target/postgres/align_columns.h"
#include "target/postgres/server_fixture_test.h"

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

SPILLWAY_ON_EACH_SERVER(AlignColumnsTest);

}  // namespace
}  // namespace spillway::target::postgres
