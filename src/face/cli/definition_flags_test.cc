#include "face/cli/definition_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

namespace spillway::face::cli {
namespace {

base::Result<sync::Definition> Parse(std::vector<const char*> words) {
  CLI::App app;
  DefinitionFlags flags;
  flags.AddTo(&app);
  words.insert(words.begin(), "spillway");
  app.parse(static_cast<int>(words.size()), words.data());
  sync::Definition definition;
  SPILLWAY_TRY(flags.Apply(&definition));
  return definition;
}

TEST(DefinitionFlags, ListsMayBeRepeatedOrHaveCommas) {
  const auto d = Parse({"--from", "/lake/t", "--primary-key", "a,b", "--primary-key=c", "--indexes",
                        "(a, b)", "--indexes", "[x]", "--type-overrides", "a=numeric(10,2),b=uuid",
                        "--where", "-1 < a", "--retries", "7"});
  ASSERT_TRUE(d.ok()) << d.status().ToString();
  EXPECT_EQ(d->source, "/lake/t");
  EXPECT_THAT(d->primary_key, testing::ElementsAre("a", "b", "c"));
  EXPECT_THAT(d->indexes, testing::ElementsAre("(a, b)", "[x]"));
  EXPECT_EQ(d->type_overrides.at("a"), "numeric(10,2)");
  EXPECT_EQ(d->where, "-1 < a");
  EXPECT_EQ(d->retries, 7);
}

TEST(DefinitionFlags, WrongValuesNameTheField) {
  EXPECT_EQ(Parse({"--mode", "ful"}).status().detail("field"), "mode");
  EXPECT_EQ(Parse({"--mode", "full", "--mode", "full"}).status().detail("field"), "mode");
  EXPECT_EQ(Parse({"--batch-rows", "x"}).status().detail("field"), "batch_rows");
}

TEST(DefinitionFlags, SourceHasTwoNames) {
  EXPECT_EQ(Parse({"--source", "x"})->source, "x");
  EXPECT_EQ(Parse({"--from", "x"})->source, "x");
}

}  // namespace
}  // namespace spillway::face::cli
