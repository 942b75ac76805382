#include "base/text_position.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spillway::base {
namespace {

TEST(TextPosition, CountsLinesAndCodePoints) {
  const std::string_view text = "ab\nüx y\n";
  EXPECT_EQ(PositionOf(text, 0), (TextPosition{1, 1}));
  EXPECT_EQ(PositionOf(text, 3), (TextPosition{2, 1}));
  EXPECT_EQ(PositionOf(text, 5), (TextPosition{2, 2}));
  EXPECT_EQ(PositionOf(text, 99), (TextPosition{3, 1}));
  EXPECT_EQ(PositionOf("", 5), (TextPosition{1, 1}));
  for (const std::size_t byte : {0U, 1U, 2U, 3U, 5U, 6U, 8U})
    EXPECT_EQ(ByteOf(text, PositionOf(text, byte)), byte);
  EXPECT_EQ(ByteOf(text, {1, 50}), 2U);
  EXPECT_EQ(ByteOf(text, {9, 1}), text.size());
}

TEST(TextPosition, MarksTheLine) {
  EXPECT_EQ(MarkedLine("a\nfoo bar\nb", 6, 3), "\n  foo bar\n      ^^^");
  EXPECT_EQ(MarkedLine("üü x", 5, 1), "\n  üü x\n     ^");
  EXPECT_EQ(MarkedLine("ab", 2, 5), "\n  ab\n    ^");
  EXPECT_EQ(MarkedLine("", 0, 1), "\n  \n  ^");
  EXPECT_EQ(MarkedLine("a\tb\r\nc", 2, 9), "\n  a b\n    ^");
}

TEST(TextPosition, LongLinesAreCut) {
  const std::string text = std::string(200, 'a') + "X" + std::string(200, 'b');
  const std::string marked = MarkedLine(text, 200, 1);
  EXPECT_EQ(marked, "\n  …" + std::string(60, 'a') + "X" + std::string(59, 'b') + "…\n  " +
                        std::string(61, ' ') + "^");
}

}  // namespace
}  // namespace spillway::base
