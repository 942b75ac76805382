#include "expr/predicate_tree.h"

#include <gtest/gtest.h>

namespace spillway::expr {
namespace {

Tree A() { return Leaf({{"op", "="}, {"column", "a"}}, "a = 1"); }
Tree B() { return Leaf({{"op", "="}, {"column", "b"}}, "b = 1"); }

TEST(PredicateTreeTest, JointsOfOneKindAreFlat) {
  const Tree inner = Join(Tree::Shape::kAnd, {A(), B()});
  const Tree outer = Join(Tree::Shape::kAnd, {inner, A()});
  EXPECT_EQ(outer.args.size(), 3u);
  EXPECT_EQ(ToSql(outer), "a = 1 AND b = 1 AND a = 1");
  EXPECT_EQ(ToJson(outer)["args"].size(), 3u);
}

TEST(PredicateTreeTest, ParenthesesKeepWhatBindsLess) {
  const Tree either = Join(Tree::Shape::kOr, {A(), B()});
  EXPECT_EQ(ToSql(Join(Tree::Shape::kAnd, {either, B()})), "(a = 1 OR b = 1) AND b = 1");
  EXPECT_EQ(ToSql(Negate(either)), "NOT (a = 1 OR b = 1)");
  EXPECT_EQ(ToJson(Negate(A())).dump(), R"({"op":"not","arg":{"op":"=","column":"a"}})");
}

TEST(PredicateTreeTest, OneArgumentIsItself) {
  EXPECT_EQ(ToSql(Join(Tree::Shape::kOr, {A()})), "a = 1");
}

TEST(PredicateTreeTest, QuotesNamesThatWouldNotReadBack) {
  EXPECT_EQ(NameSql("price"), "price");
  EXPECT_EQ(NameSql("and"), "\"and\"");
  EXPECT_EQ(NameSql("1st"), "\"1st\"");
  EXPECT_EQ(NameSql("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(NameSql(""), "\"\"");
}

}  // namespace
}  // namespace spillway::expr
