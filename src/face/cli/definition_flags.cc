#include "face/cli/definition_flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>

#include "base/shell_word.h"
#include "face/cli/option_values.h"
#include "sync/definition_text.h"

namespace spillway::face::cli {
namespace {

using base::Status;
using sync::Field;
using sync::FieldKind;
using sync::FieldValue;

std::string Placeholder(FieldKind kind) {
  switch (kind) {
    case FieldKind::kText:
      return "TEXT";
    case FieldKind::kWord:
      return "WORD";
    case FieldKind::kColumns:
      return "COLUMN,...";
    case FieldKind::kTexts:
      return "TEXT ...";
    case FieldKind::kMap:
    case FieldKind::kOrderedMap:
      return "NAME=TEXT,...";
    case FieldKind::kDuration:
      return "DURATION";
    case FieldKind::kInteger:
      return "NUMBER";
    case FieldKind::kPercent:
      return "PERCENT";
  }
  return "TEXT";
}

}  // namespace

void DefinitionFlags::AddTo(CLI::App* command) {
  for (const Field& field : sync::Fields()) {
    std::string names = "--" + std::string(field.flag);
    if (std::string dashed(field.key); field.flag == "from") names += ",--" + dashed;
    CLI::Option* option =
        command
            ->add_option(
                names,
                [this, key = std::string(field.key)](const CLI::results_t& texts) {
                  given_[key] = texts;
                  return true;
                },
                sync::FieldHelp(field))
            ->type_name(Placeholder(field.kind))
            ->type_size(1)
            ->expected(1)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
            ->group("Definition");
    if (field.kind == FieldKind::kWord) {
      std::vector<std::string> words;
      for (const sync::Word& word : field.words) {
        if (word.works) words.emplace_back(word.text);
      }
      CompletedBy(words, option);
    } else if (field.key == "source") {
      CompletedBy(KnownNames::kSources, option);
    }
  }
}

Status DefinitionFlags::Apply(sync::Definition* definition) const {
  for (const Field& field : sync::Fields()) {
    const auto given = given_.find(std::string(field.key));
    if (given == given_.end()) continue;
    SPILLWAY_ASSIGN(const FieldValue value, sync::ValueFromTexts(field, given->second));
    SPILLWAY_TRY(sync::Set(field, value, definition));
  }
  return Status();
}

std::string CreateCommand(const sync::Definition& definition) {
  std::string name = definition.name();
  // Could be taken for a flag; in quotes the first part is the same name.
  if (name.starts_with('-')) name.insert(definition.target.size(), "\"").insert(0, "\"");
  std::string command = "spillway synced-table create " + base::ShellWord(name);
  for (const Field& field : sync::Fields()) {
    const std::optional<FieldValue> value = field.get(definition);
    if (!value) continue;
    for (const std::string& text : sync::TextsFromValue(field, *value)) {
      // A text that begins with a dash could be taken for another flag.
      command += " --" + std::string(field.flag) + (text.starts_with('-') ? "=" : " ") +
                 base::ShellWord(text);
    }
  }
  return command;
}

}  // namespace spillway::face::cli
