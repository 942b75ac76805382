#include "sync/definition_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "sync/testing/random_definition.h"

namespace spillway::sync {
namespace {

using base::ErrorClass;

TEST(Fields, KeysAndFlagsAreUniqueAndTheSameButForDashes) {
  std::set<std::string_view> keys;
  std::set<std::string_view> flags;
  for (const Field& field : Fields()) {
    EXPECT_TRUE(keys.insert(field.key).second) << field.key;
    EXPECT_TRUE(flags.insert(field.flag).second) << field.flag;
    std::string dashed(field.key);
    std::ranges::replace(dashed, '_', '-');
    EXPECT_EQ(field.flag, field.key == "source" ? "from" : dashed);
    EXPECT_EQ(FindField(field.key), &field);
    EXPECT_EQ(field.words.empty(), field.kind != FieldKind::kWord) << field.key;
  }
  EXPECT_EQ(FindField("sourc"), nullptr);
}

// Every member of Definition that is no name is a field: two definitions of equal fields are equal.
TEST(Fields, SettingWhatWasGotGivesTheSameDefinition) {
  testing::RandomDefinitions definitions(7);
  for (int i = 0; i < 300; ++i) {
    const Definition definition = definitions.Next();
    Definition again;
    again.target = definition.target;
    again.table = definition.table;
    for (const Field& field : Fields()) {
      const auto value = field.get(definition);
      if (!value) continue;
      ASSERT_TRUE(Set(field, *value, &again).ok()) << field.key;
    }
    ASSERT_EQ(again, definition);
    for (const Field& field : Fields()) field.unset(&again);
    Definition bare;
    bare.target = definition.target;
    bare.table = definition.table;
    ASSERT_EQ(again, bare);
  }
}

TEST(Fields, WrongValuesAreRefusedByName) {
  Definition d;
  const auto refused = [&](std::string_view key, const FieldValue& value) {
    const base::Status status = Set(*FindField(key), value, &d);
    EXPECT_EQ(status.detail("field"), key);
    return status.ok() ? std::string() : std::string(status.message());
  };
  using ::testing::HasSubstr;
  using Texts = std::vector<std::string>;
  EXPECT_THAT(refused("mode", "ful"), HasSubstr("none of full, incremental, continuous"));
  EXPECT_THAT(refused("mode", Texts{"full"}), HasSubstr("wants one value, not a list"));
  EXPECT_THAT(refused("primary_key", "id"), HasSubstr("wants a list"));
  EXPECT_THAT(refused("type_overrides", Texts{}), HasSubstr("wants a map"));
  EXPECT_THAT(refused("extra_columns", Pairs{{"a", "text"}, {"a", "int"}}), HasSubstr("'a' twice"));
  EXPECT_THAT(refused("timeout", "5"), HasSubstr("not a duration"));
  for (const char* wrong : {"", "x", "1.5", "1 ", "+1"}) {
    EXPECT_THAT(refused("retries", wrong), HasSubstr("no whole number")) << wrong;
  }
  EXPECT_THAT(refused("retries", "99999999999999999999"), HasSubstr("too large a number"));
  for (const char* wrong : {"50", "%", "-1%", "101%", "nan%", "1e1%", "50 %", "0x1%"}) {
    EXPECT_THAT(refused("max_delete_share", wrong), HasSubstr("no share")) << wrong;
  }
  EXPECT_EQ(d, Definition());
}

TEST(Fields, WhatIsNotActedOnIsSaid) {
  Definition d;
  EXPECT_TRUE(PendingFields(d).empty());
  d.schedule = "15m";
  d.on_late = "true";
  EXPECT_THAT(
      PendingFields(d),
      ::testing::ElementsAre(::testing::HasSubstr("schedule is kept, but not acted on until"),
                             ::testing::HasSubstr("on_late is kept, but not acted on until")));
}

TEST(Fields, HelpNamesWordsAndDefault) {
  EXPECT_THAT(FieldHelp(*FindField("mode")),
              ::testing::HasSubstr("; full (coming: incremental, continuous); else full"));
  EXPECT_THAT(FieldHelp(*FindField("lock_timeout")), ::testing::HasSubstr("; else 5s"));
  EXPECT_THAT(FieldHelp(*FindField("freshness")), ::testing::HasSubstr("not acted on until"));
}

std::string ValueForm(FieldKind kind) {
  switch (kind) {
    case FieldKind::kText:
      return "text";
    case FieldKind::kWord:
      return "word";
    case FieldKind::kColumns:
      return "list of columns";
    case FieldKind::kTexts:
      return "list of texts";
    case FieldKind::kMap:
      return "map of texts";
    case FieldKind::kOrderedMap:
      return "map of texts, in order";
    case FieldKind::kDuration:
      return "duration: `500ms`, `30s`, `15m`, `2h`, `90d`";
    case FieldKind::kInteger:
      return "whole number";
    case FieldKind::kPercent:
      return "share: `50%`";
  }
  return "";
}

std::string Cell(std::string text) {
  for (std::size_t i = 0; (i = text.find('|', i)) != std::string::npos; i += 2)
    text.insert(i, "\\");
  return text;
}

// docs/reference/definition.md is the table rendered. With SPILLWAY_RENDER_DOCS set the page is
// written anew.
TEST(Fields, ReferencePageIsTheTable) {
  std::ostringstream page;
  page << "# Definition of a synced table\n\n"
          "Each key means the same in every form: it is a key of the YAML form "
          "([definition-file.md](definition-file.md)), an option of the SQL form "
          "([sql.md](sql.md)), and with dashes a flag of `spillway synced-table create` and "
          "`alter`. `spillway export` turns each form into the others.\n\n"
          "| key | flag | value | default | meaning |\n| --- | --- | --- | --- | --- |\n";
  for (const Field& field : Fields()) {
    std::string value = ValueForm(field.kind);
    if (!field.words.empty()) {
      value.clear();
      for (const Word& word : field.words) {
        value += (value.empty() ? "`" : ", `") + std::string(word.text) + "`" +
                 (word.works ? "" : " (coming)");
      }
    }
    const std::string text = field.default_text();
    page << "| `" << field.key << "` | `--" << field.flag << "` | " << value << " | "
         << (text.empty() ? "" : "`" + text + "`") << " | " << Cell(std::string(field.meaning))
         << (field.pending.empty() ? "" : ". Not acted on until " + std::string(field.pending))
         << " |\n";
  }
  page << "\nA word marked as coming is refused by name. A key that is not acted on yet is kept, "
          "and said to be so when it is set and shown.\n";
  const std::string path = std::string(SPILLWAY_SOURCE_DIR) + "/docs/reference/definition.md";
  if (std::getenv("SPILLWAY_RENDER_DOCS") != nullptr) std::ofstream(path) << page.str();
  std::stringstream on_disk;
  on_disk << std::ifstream(path).rdbuf();
  EXPECT_EQ(on_disk.str(), page.str()) << "render it with SPILLWAY_RENDER_DOCS=1";
}

}  // namespace
}  // namespace spillway::sync
