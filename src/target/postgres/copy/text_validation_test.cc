#include "target/postgres/copy/text_validation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>

#include "data/utf8.h"

namespace spillway::target::postgres {
namespace {

bool IsGood(const std::string& text) {
  // A copy without slack, so that a sanitizer sees a byte read beyond it.
  const std::unique_ptr<char[]> exact(new char[text.size()]);
  std::copy(text.begin(), text.end(), exact.get());
  return IsPlainUtf8(exact.get(), text.size());
}

TEST(TextValidation, KnownCases) {
  EXPECT_TRUE(IsGood(""));
  EXPECT_TRUE(IsGood("a"));
  EXPECT_TRUE(
      IsGood("\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"));
  for (const char* bad : {"\x80", "\xC2", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80",
                          "\xE2\x82", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
                          "\xF0\x9F\x98", "\xC2\xC2\x80", "\xE2\x82\xAC\x80", "\xFF"}) {
    for (const std::size_t before :
         {0U, 1U, 13U, 14U, 15U, 16U, 17U, 31U, 127U, 128U, 129U, 1000U}) {
      EXPECT_FALSE(IsGood(std::string(before, 'x') + bad)) << before << " " << bad;
      EXPECT_FALSE(IsGood(std::string(before, 'x') + bad + std::string(40, 'y'))) << before;
    }
  }
  EXPECT_FALSE(IsGood(std::string("a\0b", 3)));
  EXPECT_FALSE(IsGood(std::string(1, '\0')));
}

// The oracle is the checker by Unicode's table, byte for byte.
TEST(TextValidation, AgreesWithTheTable) {
  std::mt19937_64 random(7);
  const std::string pieces[] = {"a",    "b",    "ü",    "字",   "😀",   "\xC2",
                                "\x80", "\xE0", "\xED", "\xF0", "\xF4", "\x9F",
                                "\xA0", "\x8F", "\x90", "\xBF", "\xC1", "\xF5"};
  int good = 0;
  for (int i = 0; i < 200000; ++i) {
    std::string text;
    const bool mostly_good = i % 2 == 0;
    for (std::uint64_t j = random() % 24; j > 0; --j) {
      text += pieces[random() % (mostly_good ? 5 : std::size(pieces))];
    }
    if (mostly_good && !text.empty() && random() % 2 == 0) {
      text[random() % text.size()] = static_cast<char>(random());
    }
    const bool expected = data::TextPrefix(text) == text.size();
    ASSERT_EQ(IsGood(text), expected) << ::testing::PrintToString(text);
    good += expected ? 1 : 0;
  }
  EXPECT_GT(good, 20000);
  EXPECT_LT(good, 180000);
}

}  // namespace
}  // namespace spillway::target::postgres
