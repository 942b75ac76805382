#include "base/shell_word.h"

#include <gtest/gtest.h>

namespace spillway::base {
namespace {

TEST(ShellWord, QuotesWhatAShellWouldRead) {
  EXPECT_EQ(ShellWord("local.public.products"), "local.public.products");
  EXPECT_EQ(ShellWord("s3://lake/x_y-z"), "s3://lake/x_y-z");
  EXPECT_EQ(ShellWord(""), "''");
  EXPECT_EQ(ShellWord(R"(local.public."a b")"), R"('local.public."a b"')");
  EXPECT_EQ(ShellWord("it's"), R"('it'\''s')");
  EXPECT_EQ(ShellWord("*"), "'*'");
  EXPECT_EQ(ShellWord("$x"), "'$x'");
}

}  // namespace
}  // namespace spillway::base
