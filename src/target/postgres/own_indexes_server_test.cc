#include "target/postgres/load_fixture_test.h"

namespace spillway::target::postgres {
namespace {

// Indexes that Spillway made and others tuned.
class OwnIndexesTest : public LoadTest {};

TEST_P(OwnIndexesTest, StorageParametersOfIndexesAreTheOwners) {
  index_.indexes = {"(name)"};
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("ALTER INDEX products_name_idx SET (fillfactor = 70);"
                            "ALTER INDEX products_pkey SET (fillfactor = 71)"),
            "");
  EXPECT_TRUE(State().unchanged) << State().difference;
  for (const Dependent& dependent : State().dependents) {
    EXPECT_TRUE(dependent.movable) << dependent.ToString();
  }
  ASSERT_EQ(plain_->Execute("CREATE MATERIALIZED VIEW m AS SELECT id FROM products"), "");
  const std::string indexes =
      "SELECT string_agg(substring(indexdef from 'INDEX.*') , '; ' ORDER BY indexname)"
      " FROM pg_indexes WHERE tablename = 'products'";
  const std::string before = plain_->Value(indexes);
  MustLoad(2, {{1, "b"}});
  EXPECT_EQ(plain_->Value(indexes), before);
  // The definition's own are its to change, where nobody else did.
  index_.indexes = {"(name)", "(id, name) WITH (fillfactor = 80)"};
  MustLoad(3, {{1, "b"}});
  EXPECT_TRUE(plain_->Value(indexes).find("fillfactor='80'") != std::string::npos);
  index_.indexes = {"(name)", "(id, name) WITH (fillfactor = 81)"};
  MustLoad(4, {{1, "b"}});
  const std::string after = plain_->Value(indexes);
  EXPECT_TRUE(after.find("fillfactor='81'") != std::string::npos) << after;
  EXPECT_TRUE(after.find("fillfactor='80'") == std::string::npos) << after;
}

SPILLWAY_ON_EACH_SERVER(OwnIndexesTest);

}  // namespace
}  // namespace spillway::target::postgres
