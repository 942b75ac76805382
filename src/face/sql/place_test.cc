#include "face/sql/place.h"

#include <gtest/gtest.h>

namespace spillway::face::sql {
namespace {

std::string Token(std::string_view text, std::size_t byte) {
  const Span span = TokenAt(text, byte);
  return std::string(text.substr(span.begin, span.end - span.begin));
}

TEST(PlaceTest, ATokenIsAWordAQuotedTextOrACharacter) {
  EXPECT_EQ(Token("SYNC naïve;", 5), "naïve");
  EXPECT_EQ(Token("a = 'b c';", 4), "'b c'");
  EXPECT_EQ(Token("a = 'open", 4), "'");
  EXPECT_EQ(Token("a;", 1), ";");
  EXPECT_EQ(Token("a", 1), "");
}

TEST(PlaceTest, AnErrorNamesFileLineAndColumn) {
  const Script script{"shop.sql", "SYNC\n  nope;"};
  const base::Status error =
      ErrorAt(script, TokenAt(script.text, 7), base::ErrorClass::kInvalidDefinition, "no");
  EXPECT_TRUE(std::string(error.message()).starts_with("shop.sql:2:3: no")) << error.message();
  EXPECT_EQ(error.detail("token"), "nope");
  EXPECT_EQ(error.detail("line"), "2");
}

TEST(PlaceTest, AStatementsErrorStandsAtItsFieldElseAtItself) {
  const Script script{"", "SYNC a; SYNC b;"};
  Statement statement;
  statement.span = {8, 14};
  statement.fields["key"] = {13, 14};
  const base::Status at_field =
      At(script, statement,
         base::Status(base::ErrorClass::kInvalidDefinition, "no").With("field", "key"));
  EXPECT_EQ(at_field.detail("column"), "14");
  statement.fields[OptionPlace("AWS_x")] = {12, 13};
  const base::Status at_option =
      At(script, statement,
         base::Status(base::ErrorClass::kInvalidArgument, "no").With("option", "aws_X"));
  EXPECT_EQ(at_option.detail("column"), "13");
  const base::Status at_statement =
      At(script, statement, base::Status(base::ErrorClass::kInvalidDefinition, "no"));
  EXPECT_EQ(at_statement.detail("column"), "9");
  EXPECT_EQ(at_statement.detail("token"), "SYNC");
}

}  // namespace
}  // namespace spillway::face::sql
