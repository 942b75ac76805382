#include "target/postgres/session/sql.h"

#include <gtest/gtest.h>

namespace spillway::target::postgres {
namespace {

using base::ErrorClass;

TEST(SqlTest, QuotesNamesAndValues) {
  Sql sql;
  sql << "SELECT " << Identifier("we\"ird Näme; --") << ", " << Literal("it's") << ", "
      << Literal("back\\slash'") << ", " << Literal(-5) << ", " << std::int64_t{7};
  EXPECT_EQ(sql.text(), "SELECT \"we\"\"ird Näme; --\", 'it''s',  E'back\\\\slash''', '-5', 7");
  EXPECT_TRUE(sql.status().ok());
}

TEST(SqlTest, RefusesNamesThatTheServerWouldChange) {
  EXPECT_TRUE((Sql() << Identifier(std::string(63, 'a'))).status().ok());
  for (const std::string& name : {std::string(), std::string(64, 'a'), std::string("a\0b", 3),
                                  std::string("\xC3\x28"), std::string("\xED\xA0\x80")}) {
    const Sql sql = Sql() << Identifier(name);
    ASSERT_FALSE(sql.status().ok()) << name;
    EXPECT_EQ(sql.status().error_class(), ErrorClass::kInvalidArgument);
  }
  const std::string nul("a\0b", 3);
  EXPECT_EQ((Sql() << Literal(nul)).status().error_class(), ErrorClass::kCharacterNotInRepertoire);
}

TEST(SqlTest, KeepsTheFirstErrorOfAPart) {
  const Sql part = Sql() << Identifier("");
  Sql whole;
  whole << "SELECT " << part << ", " << Identifier(std::string(64, 'x'));
  ASSERT_FALSE(whole.status().ok());
  EXPECT_EQ(whole.status().message(), "a name is empty");
}

TEST(SqlTest, TakesDataTypesAndNothingElse) {
  for (const char* type :
       {"bigint", "numeric(18,4)", "numeric(18, 4)", "timestamp with time zone", "text[]",
        "character varying(20)", "public.vector(3)", "\"odd schema\".\"ty\"\"pe\"(3)[]"}) {
    EXPECT_TRUE((Sql() << ColumnType(type)).status().ok()) << type;
  }
  for (const char* type : {"", "int; DROP TABLE t", "int)", "int(", "int('a')", "int--", "\"open",
                           "int, b text", "text DEFAULT 'x'", "int(1;2)", "[]]"}) {
    EXPECT_FALSE((Sql() << ColumnType(type)).status().ok()) << type;
  }
}

TEST(SqlTest, TakesIndexClausesThatStayInTheirStatement) {
  for (const char* clause :
       {"(a)", "USING gin (tags)", "(lower(\"We;ird\"), b DESC)", "(a) WHERE b = 'x;--y'"}) {
    EXPECT_TRUE((Sql() << IndexClause(clause)).status().ok()) << clause;
  }
  for (const char* clause :
       {"", "a", "(a", "(a))", ")a(", "(a); DROP TABLE t", "(a) -- x", "(a) /* x",
        "(a) WHERE b = 'open", "(a) WHERE b = E'\\''", "(a) WHERE b = $$x$$"}) {
    EXPECT_FALSE((Sql() << IndexClause(clause)).status().ok()) << clause;
  }
}

TEST(SqlTest, TakesColumnDeclarationsThatStayInTheirStatement) {
  for (const char* declaration :
       {"int", "int[] DEFAULT ARRAY[1, 2]", "text GENERATED ALWAYS AS (concat(a, ',')) STORED",
        "text DEFAULT 'a,b'", "numeric(10, 2)"}) {
    EXPECT_TRUE((Sql() << ColumnDeclaration(declaration)).status().ok()) << declaration;
  }
  for (const char* declaration : {"int, b int", "int[", "int] DEFAULT 1", "int DEFAULT ARRAY[(1])",
                                  "int DEFAULT (1", "int; DROP TABLE t"}) {
    EXPECT_FALSE((Sql() << ColumnDeclaration(declaration)).status().ok()) << declaration;
  }
}

TEST(SqlTest, CutsTextAtCharacters) {
  EXPECT_EQ(CutUtf8("abc", 3), "abc");
  EXPECT_EQ(CutUtf8("aäö", 4), "aä");
  EXPECT_EQ(CutUtf8("a😀", 4), "a");
  EXPECT_EQ(CutUtf8("😀", 3), "");
}

TEST(SqlTest, ListsNamesAndTables) {
  const std::vector<std::string> names = {"a", "B"};
  EXPECT_EQ(
      (Sql() << TableName{"s", "t"} << " (" << std::span<const std::string>(names) << ")").text(),
      "\"s\".\"t\" (\"a\", \"B\")");
}

}  // namespace
}  // namespace spillway::target::postgres
