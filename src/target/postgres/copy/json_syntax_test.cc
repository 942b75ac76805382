#include "target/postgres/copy/json_syntax.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>

namespace spillway::target::postgres {
namespace {

std::string Reason(std::string_view text, JsonTarget target = JsonTarget::kJsonb) {
  return CheckJson(text, target).value_or("");
}

// What the servers themselves accept is compared in copy_encoder_server_test.cc.
TEST(JsonSyntax, ReasonsSayWhere) {
  EXPECT_EQ(Reason("[1,]"), "no JSON value at byte 3");
  EXPECT_EQ(Reason("[1 2]"), "a comma or the end of an array or object is expected at byte 3");
  EXPECT_EQ(Reason("{\"a\" 1}"), "a colon is expected at byte 5");
  EXPECT_EQ(Reason("1 x"), "text after the JSON value at byte 2");
  EXPECT_EQ(Reason("\"ab"), "a JSON string without end at byte 3");
  EXPECT_EQ(Reason("\"\\u12g4\""), "four hexadecimal digits are expected after \\u at byte 1");
  EXPECT_EQ(Reason("\"\\ud800x\""), "half a surrogate pair at byte 7");
  EXPECT_EQ(Reason("1.e5"), "a digit is expected after the point at byte 2");
  EXPECT_EQ(Reason("1e131072"), "a number outside the range of numeric at byte 8");
}

TEST(JsonSyntax, JsonTakesWhatJsonbDoesNot) {
  for (const char* text : {"\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\"", "1e131072", "1e-16384"}) {
    EXPECT_EQ(Reason(text, JsonTarget::kJson), "") << text;
    EXPECT_NE(Reason(text), "") << text;
  }
}

TEST(JsonSyntax, DepthIsLimited) {
  const auto nested = [](int depth) {
    const auto size = static_cast<std::size_t>(depth);
    return std::string(size, '[') + std::string(size, ']');
  };
  EXPECT_EQ(Reason(nested(kMaxJsonDepth)), "");
  EXPECT_EQ(Reason(nested(kMaxJsonDepth + 1)), "JSON nested too deep at byte 1000");
  EXPECT_NE(Reason(std::string(1000000, '[')), "");
}

TEST(JsonSyntax, AgreesWithAnotherParser) {
  std::mt19937_64 random(11);
  const std::string seed = R"({"a":[1,-2.5e3,"x\u00e9\n",{}],"b":{"c":null,"d":[true,false]}})";
  const std::string letters = "{}[]:,\"\\01.eE+-utn \t\na";
  int good = 0;
  for (int i = 0; i < 50000; ++i) {
    std::string text = seed;
    for (std::uint64_t j = 1 + random() % 2; j > 0; --j) {
      const std::size_t at = random() % text.size();
      if (random() % 2 == 0) {
        text[at] = letters[random() % letters.size()];
      } else {
        text.erase(at, 1 + random() % 2);
      }
    }
    const bool accepted = nlohmann::json::accept(text);
    ASSERT_EQ(Reason(text, JsonTarget::kJson).empty(), accepted) << text;
    good += accepted ? 1 : 0;
  }
  EXPECT_GT(good, 1000);
}

}  // namespace
}  // namespace spillway::target::postgres
