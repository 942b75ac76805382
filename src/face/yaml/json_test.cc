#include "face/yaml/json.h"

#include <gtest/gtest.h>

namespace spillway::face::yaml {
namespace {

TEST(FromJson, WritesBlocksAndListsOfScalarsOnOneLine) {
  EXPECT_EQ(FromJson(R"({"a":{"b":[1,"x"],"c":{}},"d":[{"e":1,"f":null},{"e":true}],"g":[]})"),
            "a:\n  b: [1, x]\n  c: {}\nd:\n  - e: 1\n    f: ~\n  - e: true\ng: []\n");
  EXPECT_EQ(FromJson(R"([{"a":1},[[2]],{}])"), "- a: 1\n- - [2]\n- {}\n");
  EXPECT_EQ(FromJson("[]"), "[]\n");
}

TEST(FromJson, EscapesWhatReadersOfYamlRefuseOrTakeForSomethingElse) {
  for (const auto& [json, yaml] : {
           std::pair{R"("a\u007f")", R"("a\x7f")"},
           {R"("a\u0085\u009f")", R"("a\x85\x9f")"},
           {R"("a\u2028\u2029")", R"("a\u2028\u2029")"},
           {R"("\ufeffa")", R"("\ufeffa")"},
           {R"("a\ufffe\uffff")", R"("a\ufffe\uffff")"},
           {R"("a\u001b\n")", R"("a\x1b\n")"},
           {R"("東京 é")", R"("東京 é")"},
           {R"("12")", R"("12")"},
           {R"("yes")", R"("yes")"},
       }) {
    EXPECT_EQ(FromJson(std::string(R"({"a":)") + json + "}"), std::string("a: ") + yaml + "\n");
    EXPECT_EQ(FromJson(std::string("{") + json + ":1}"), std::string(yaml) + ": 1\n");
  }
  EXPECT_EQ(FromJson("[1e300,-2,0.5]"), "[1.0e+300, -2, 0.5]\n");
}

TEST(FromJson, LongKeysAreMarkedAsKeys) {
  const std::string key(2000, 'k');
  EXPECT_EQ(FromJson("[{\"a\":{\"" + key + "\":1}}]"), "- a:\n    ? \"" + key + "\"\n    : 1\n");
}

}  // namespace
}  // namespace spillway::face::yaml
