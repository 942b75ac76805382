#include "data/display_width.h"

#include <gtest/gtest.h>

namespace spillway::data {
namespace {

TEST(DisplayWidth, KnowsWideAndInvisible) {
  EXPECT_EQ(DisplayWidth("abc"), 3);
  EXPECT_EQ(DisplayWidth("äöü"), 3);
  EXPECT_EQ(DisplayWidth("a\xCC\x88"), 1);
  EXPECT_EQ(DisplayWidth("東京"), 4);
  EXPECT_EQ(DisplayWidth("😀"), 2);
  EXPECT_EQ(DisplayWidth("\xFF\xFE"), 2);
}

TEST(FitToWidth, CutsBetweenCharacters) {
  EXPECT_EQ(FitToWidth("abcd", 4), "abcd");
  EXPECT_EQ(FitToWidth("abcde", 4), "abc…");
  EXPECT_EQ(FitToWidth("東京都", 5), "東京…");
  EXPECT_EQ(FitToWidth("東京都", 4), "東…");
  EXPECT_EQ(FitToWidth("ab", 1), "…");
  EXPECT_EQ(FitToWidth("", 1), "");
}

TEST(FitToWidth, ShowsWhatTerminalsWouldObey) {
  EXPECT_EQ(FitToWidth("a\n\t\x1b[31m", 40), "a\\n\\t\\x1b[31m");
  EXPECT_EQ(FitToWidth("\xC2\x9B", 40), "\\x9b");
  EXPECT_EQ(FitToWidth("\xFFz", 40), "\xEF\xBF\xBDz");
}

}  // namespace
}  // namespace spillway::data
