#include "data/utf8.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>

namespace spillway::data {
namespace {

TEST(Utf8, AgreesWithAnotherValidatorOnRandomBytes) {
  std::mt19937 random(5);
  const unsigned char interesting[] = {0x41, 0x7F, 0x80, 0xBF, 0xC1, 0xC2, 0xDF, 0xE0, 0x9F, 0xA0,
                                       0xED, 0xEF, 0xF0, 0x8F, 0x90, 0xF4, 0xF5, 0xFF, 0x61, 0x62};
  for (int i = 0; i < 200'000; ++i) {
    std::string text(random() % 12, 'a');
    for (char& c : text) c = static_cast<char>(interesting[random() % sizeof(interesting)]);
    const bool valid = nlohmann::json::accept("\"" + text + "\"");
    ASSERT_EQ(TextPrefix(text) == text.size(), valid) << testing::PrintToString(text);
  }
}

TEST(Utf8, StopsAtNul) {
  for (std::size_t at = 0; at < 20; ++at) {
    std::string text(20, 'x');
    text[at] = '\0';
    EXPECT_EQ(TextPrefix(text), at);
  }
  EXPECT_EQ(TextPrefix("\xE2\x82\xAC and \xE2\x82"), 8U);
}

}  // namespace
}  // namespace spillway::data
