#include "expr/token.h"

#include <gtest/gtest.h>

namespace spillway::expr {
namespace {

std::vector<std::string> Values(std::string_view text) {
  const auto tokens = Tokenize(text);
  EXPECT_TRUE(tokens.ok()) << tokens.status().ToString();
  std::vector<std::string> values;
  for (const Token& token : *tokens) {
    if (token.kind != TokenKind::kEnd) values.push_back(token.value);
  }
  return values;
}

using Texts = std::vector<std::string>;

TEST(Tokenize, CutsSymbolsGreedily) {
  EXPECT_EQ(Values("a<=>b<>c<=1!=2"), (Texts{"a", "<=>", "b", "<>", "c", "<=", "1", "!=", "2"}));
}

TEST(Tokenize, ReadsNumbersAndPaths) {
  EXPECT_EQ(Values("a.b.5 1.5e+3 .5 7."), (Texts{"a", ".", "b", ".", "5", "1.5e+3", ".5", "7."}));
  EXPECT_EQ(Values("between .5 AND .7e1"), (Texts{"between", ".5", "AND", ".7e1"}));
  EXPECT_EQ(Values("NOT .5\"a\".5"), (Texts{"NOT", ".5", "a", ".", "5"}));
  EXPECT_EQ(Values("-1"), (Texts{"-", "1"}));
  EXPECT_FALSE(Tokenize("1e").ok());
  EXPECT_FALSE(Tokenize("5x").ok());
}

TEST(Tokenize, UnquotesWhatIsQuoted) {
  EXPECT_EQ(Values("'it''s' \"a\"\"b\" X'0aF' ''"), (Texts{"it's", "a\"b", "0aF", ""}));
  EXPECT_EQ(Values("naïve_1$"), (Texts{"naïve_1$"}));
}

TEST(Tokenize, KnowsPlaces) {
  const auto tokens = Tokenize(" ab  = 'c'");
  ASSERT_TRUE(tokens.ok());
  EXPECT_EQ((*tokens)[0].position, 1U);
  EXPECT_EQ((*tokens)[2].position, 7U);
  EXPECT_EQ((*tokens)[2].length, 3U);
  EXPECT_EQ((*tokens)[3].kind, TokenKind::kEnd);
  EXPECT_EQ((*tokens)[3].position, 10U);
}

TEST(Token, MatchesKeywordsInAnyCase) {
  const auto tokens = Tokenize("aNd \"and\"");
  EXPECT_TRUE((*tokens)[0].IsKeyword("AND"));
  EXPECT_FALSE((*tokens)[1].IsKeyword("AND"));
  EXPECT_TRUE(IsReserved("between"));
  EXPECT_FALSE(IsReserved("betwee"));
}

}  // namespace
}  // namespace spillway::expr
