#include "target/postgres/session/sqlstate.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace spillway::target::postgres {
namespace {

using base::ErrorClass;

TEST(SqlStateTest, DescribesTheNearestRow) {
  EXPECT_EQ(DescribeSqlState("28P01").error_class, ErrorClass::kTargetAuthentication);
  EXPECT_EQ(DescribeSqlState("28000").error_class, ErrorClass::kTargetAuthentication);
  EXPECT_EQ(DescribeSqlState("42501").error_class, ErrorClass::kTargetPermission);
  EXPECT_EQ(DescribeSqlState("53100").error_class, ErrorClass::kTargetDatabaseFull);
  EXPECT_EQ(DescribeSqlState("53300").error_class, ErrorClass::kConnectionError);
  EXPECT_EQ(DescribeSqlState("55P03").error_class, ErrorClass::kLockTimeout);
  EXPECT_EQ(DescribeSqlState("57014").error_class, ErrorClass::kDeadlineExceeded);
  EXPECT_EQ(DescribeSqlState("57P01").error_class, ErrorClass::kConnectionError);
  EXPECT_EQ(DescribeSqlState("57P99").error_class, ErrorClass::kConnectionError);
  EXPECT_EQ(DescribeSqlState("22021").error_class, ErrorClass::kCharacterNotInRepertoire);
  EXPECT_EQ(DescribeSqlState("22003").error_class, ErrorClass::kValueOutOfRange);
  EXPECT_EQ(DescribeSqlState("23505").error_class, ErrorClass::kPrimaryKeyConstraintViolation);
  EXPECT_EQ(DescribeSqlState("08006").error_class, ErrorClass::kConnectionError);
  EXPECT_EQ(DescribeSqlState("40P01").error_class, ErrorClass::kLockTimeout);
  EXPECT_EQ(DescribeSqlState("25006").error_class, ErrorClass::kTargetUnsuitable);
}

TEST(SqlStateTest, UnknownStatesHaveAClassToo) {
  for (const char* state : {"", "4", "ZZ999", "123456"}) {
    EXPECT_EQ(DescribeSqlState(state).error_class, ErrorClass::kTargetStatementFailed) << state;
  }
}

TEST(SqlStateTest, EachRowIsReachable) {
  for (const SqlStateRow& row : SqlStates()) {
    EXPECT_GE(row.state.size(), 2u);
    EXPECT_LE(row.state.size(), 5u);
    std::string probe(row.state);
    probe.resize(5, 'z');
    EXPECT_EQ(&DescribeSqlState(probe), &row) << row.state;
  }
}

}  // namespace
}  // namespace spillway::target::postgres
