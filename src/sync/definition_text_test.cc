#include "sync/definition_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/definition_check.h"
#include "sync/testing/random_definition.h"

namespace spillway::sync {
namespace {

using Texts = std::vector<std::string>;

FieldValue Parse(std::string_view key, const Texts& texts) {
  const base::Result<FieldValue> value = ValueFromTexts(*FindField(key), texts);
  EXPECT_TRUE(value.ok()) << value.status().ToString();
  return value.ok() ? *value : FieldValue();
}

TEST(DefinitionText, ListsAddUp) {
  EXPECT_EQ(Parse("primary_key", {"id, day", "\"a,b\""}), FieldValue(Texts{"id", "day", "a,b"}));
  EXPECT_EQ(Parse("indexes", {"(a, b)", "using gin (c)"}),
            FieldValue(Texts{"(a, b)", "using gin (c)"}));
  EXPECT_EQ(Parse("type_overrides", {"a=numeric(10,2), b = uuid", "\"x=\"\"y\" = text[]"}),
            FieldValue(Pairs{{"a", "numeric(10,2)"}, {"b", "uuid"}, {"x=\"y", "text[]"}}));
  EXPECT_EQ(Parse("extra_columns", {"note=text DEFAULT 'a,b', n=int"}),
            FieldValue(Pairs{{"note", "text DEFAULT 'a,b'"}, {"n", "int"}}));
  EXPECT_EQ(Parse("where", {"a, b = 'c'"}), FieldValue("a, b = 'c'"));
}

TEST(DefinitionText, WhatMeansNothingIsRefused) {
  const auto refused = [](std::string_view key, const Texts& texts) {
    return std::string(ValueFromTexts(*FindField(key), texts).status().message());
  };
  EXPECT_THAT(refused("type_overrides", {"a"}), ::testing::HasSubstr("NAME=TEXT, not 'a'"));
  EXPECT_THAT(refused("type_overrides", {"=text"}), ::testing::HasSubstr("NAME=TEXT"));
  EXPECT_THAT(refused("type_overrides", {"\"a=text"}), ::testing::HasSubstr("NAME=TEXT"));
  EXPECT_THAT(refused("type_overrides", {"a=text,"}), ::testing::HasSubstr("NAME=TEXT"));
  EXPECT_THAT(refused("primary_key", {"a,,b"}), ::testing::HasSubstr("a name is empty"));
  EXPECT_THAT(refused("mode", {"full", "full"}), ::testing::HasSubstr("more than once"));
}

TEST(DefinitionText, EveryValueIsReadBack) {
  testing::RandomDefinitions definitions(11);
  for (int i = 0; i < 500; ++i) {
    const Definition definition = definitions.Next();
    for (const Field& field : Fields()) {
      const auto value = field.get(definition);
      if (!value) continue;
      const auto again = ValueFromTexts(field, TextsFromValue(field, *value));
      ASSERT_TRUE(again.ok()) << again.status().ToString();
      ASSERT_EQ(*again, *value) << field.key << ": " << ValueForPeople(field, *value);
    }
  }
}

}  // namespace
}  // namespace spillway::sync
