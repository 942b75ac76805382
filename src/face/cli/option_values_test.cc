#include "face/cli/option_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

namespace spillway::face::cli {
namespace {

using testing::HasSubstr;

// What the parser says to `words`; empty when it takes them.
std::string Complaint(CLI::App* app, std::vector<std::string> words) {
  std::reverse(words.begin(), words.end());  // the parser takes them from the end
  try {
    app->parse(words);
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  return "";
}

TEST(OptionValues, AWordIsOneOfThoseThatTheComplaintNames) {
  CLI::App app;
  int chosen = 0;
  AddChoice<int>(&app, "-f,--format", &chosen, {{"csv", 1}, {"json", 2}, {"yaml", 3}}, "help");
  EXPECT_EQ(Complaint(&app, {"-f", "json"}), "");
  EXPECT_EQ(chosen, 2);
  EXPECT_EQ(Complaint(&app, {"--format=CSV"}), "--format must be csv, json or yaml, not 'CSV'");
  EXPECT_EQ(chosen, 2);
}

TEST(OptionValues, ANumberIsDecimalAndInItsRange) {
  CLI::App app;
  std::int64_t taken = 0;
  AddNumber(&app, "--limit", {.least = 1}, "help", [&](std::int64_t number) { taken = number; });
  EXPECT_EQ(Complaint(&app, {"--limit", "010"}), "");
  EXPECT_EQ(taken, 10);
  for (const char* wrong : {"0", "-1", "1.5", "0x10", "1 "}) {
    EXPECT_THAT(Complaint(&app, {"--limit", wrong}), HasSubstr("at least 1, not '")) << wrong;
  }
  EXPECT_THAT(Complaint(&app, {"--limit", "99999999999999999999"}),
              HasSubstr("must be at most 9223372036854775807, not '"));
  AddNumber(&app, "--port", {.least = 1024, .most = 65535}, "help", [](std::int64_t) {});
  EXPECT_THAT(Complaint(&app, {"--port", "80"}), HasSubstr("from 1024 to 65535, not '80'"));
}

TEST(OptionValues, KnowsWhatCompletesAValue) {
  CLI::App app;
  int chosen = 0;
  CLI::Option* words = AddChoice<int>(&app, "--format", &chosen, {{"csv", 1}, {"json", 2}}, "help");
  EXPECT_THAT(CompletionOf(words).words, testing::ElementsAre("csv", "json"));
  std::string name;
  CLI::Option* named = CompletedBy(KnownNames::kSources, app.add_option("NAME", name, "help"));
  EXPECT_EQ(CompletionOf(named).names, KnownNames::kSources);
  CLI::Option* open = app.add_option("--out", name, "help");
  EXPECT_TRUE(CompletionOf(open).words.empty());
  EXPECT_FALSE(CompletionOf(open).names);
}

}  // namespace
}  // namespace spillway::face::cli
