#include "expr/function_name.h"

#include <gtest/gtest.h>

namespace spillway::expr {
namespace {

TEST(FunctionName, WhatDependsOnMoreThanTheRowsIsNamed) {
  EXPECT_TRUE(FunctionRefusal("CURRENT_DATE", false).starts_with("current_date depends on time"));
  EXPECT_TRUE(FunctionRefusal("now", true).starts_with("now depends on time"));
  EXPECT_TRUE(
      FunctionRefusal("Current_User", false).starts_with("current_user depends on the session"));
  EXPECT_TRUE(FunctionRefusal("random", true).starts_with("random depends on randomness"));
}

TEST(FunctionName, OtherFunctionsAreNoPartOfPredicates) {
  EXPECT_EQ(FunctionRefusal("Lower", true), "functions are not part of predicates");
  EXPECT_EQ(FunctionRefusal("lower", false), "");
}

}  // namespace
}  // namespace spillway::expr
