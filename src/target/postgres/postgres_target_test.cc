#include "target/postgres/postgres_target.h"

#include <gtest/gtest.h>

namespace spillway::target::postgres {
namespace {

using base::ErrorClass;

class CheckNamesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto target = OpenPostgresTarget({.url = "host=/nowhere"});
    ASSERT_TRUE(target.ok());
    target_ = *std::move(target);
  }
  static Column Named(std::string name) {
    return {std::move(name), {data::TypeKind::kLong, 0, 0, 0, {}}, "bigint", false, ""};
  }
  base::Status Check(const TableName& table, std::vector<std::string> names) {
    std::vector<Column> columns;
    for (std::string& name : names) columns.push_back(Named(std::move(name)));
    return target_->CheckNames(table, columns);
  }
  std::unique_ptr<Target> target_;
};

TEST_F(CheckNamesTest, NamesThatTheServerWouldChangeCollide) {
  EXPECT_TRUE(Check({"public", "t"}, {"a", "A", "ä", std::string(63, 'x'), "select"}).ok());
  const std::string long_name(64, 'x');
  for (const auto& names : std::vector<std::vector<std::string>>{{long_name},
                                                                 {"a", "a"},
                                                                 {"ctid"},
                                                                 {"xmin"},
                                                                 {"tableoid"},
                                                                 {""},
                                                                 {std::string("a\0", 2)},
                                                                 {"\xFF"}}) {
    const base::Status status = Check({"public", "t"}, names);
    ASSERT_FALSE(status.ok()) << names[0];
    EXPECT_EQ(status.error_class(), ErrorClass::kIdentifierCollision) << status.ToString();
  }
  EXPECT_EQ(Check({"public", long_name}, {"a"}).error_class(), ErrorClass::kIdentifierCollision);
  EXPECT_EQ(Check({long_name, "t"}, {"a"}).error_class(), ErrorClass::kIdentifierCollision);
}

TEST_F(CheckNamesTest, SchemasOfOthersAreRefused) {
  for (const char* schema : {"pg_catalog", "pg_temp_1", "information_schema", "spillway"}) {
    EXPECT_EQ(Check({schema, "t"}, {"a"}).error_class(), ErrorClass::kInvalidArgument) << schema;
  }
}

TEST_F(CheckNamesTest, ATableHasAtMost1600Columns) {
  std::vector<std::string> names;
  for (int i = 0; i < 1600; ++i) names.push_back("c" + std::to_string(i));
  EXPECT_TRUE(Check({"public", "t"}, names).ok());
  names.push_back("one more");
  EXPECT_EQ(Check({"public", "t"}, names).error_class(), ErrorClass::kInvalidDefinition);
}

TEST(PostgresTargetTest, AServerThatIsNotThereIsAFailedCheck) {
  auto target = OpenPostgresTarget({.url = "host=127.0.0.1 port=1 user=x"});
  ASSERT_TRUE(target.ok());
  const auto checks = (*target)->Test({base::Deadline::After(std::chrono::seconds(5)), {}});
  ASSERT_EQ(checks.size(), 1u);
  EXPECT_EQ(checks[0].outcome.error_class(), ErrorClass::kConnectionError);
  EXPECT_FALSE(OpenPostgresTarget({.url = "", .max_connections = 0}).ok());
}

}  // namespace
}  // namespace spillway::target::postgres
