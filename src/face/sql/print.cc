#include <algorithm>
#include <cctype>
#include <set>

#include "base/name_list.h"
#include "face/sql/statement.h"
#include "sync/definition_text.h"

namespace spillway::face::sql {
namespace {

using sync::Field;
using sync::FieldKind;
using sync::FieldValue;

std::string Quote(std::string_view text, char quote) {
  std::string quoted(1, quote);
  for (const char c : text) {
    if (c == quote) quoted.push_back(c);
    quoted.push_back(c);
  }
  quoted.push_back(quote);
  return quoted;
}

std::string Literal(std::string_view text) { return Quote(text, '\''); }

bool IsWord(std::string_view text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) == 0 &&
         std::ranges::all_of(text,
                             [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

std::string NameText(std::string_view name) {
  return IsWord(name) ? std::string(name) : Quote(name, '"');
}

// A registered name is written bare, a location as a text.
std::string SourceText(const std::string& source) {
  const auto parts = base::SplitNames(source, '.');
  const bool bare =
      parts.ok() && std::ranges::all_of(*parts, IsWord) && base::JoinNames(*parts, '.') == source;
  return bare ? source : Literal(source);
}

std::string ValueText(const Field& field, const FieldValue& value) {
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    if (field.kind == FieldKind::kColumns && !texts->empty()) {
      return Literal(sync::TextsFromValue(field, value).front());
    }
    std::string list;
    for (const std::string& text : *texts) list += (list.empty() ? "" : ", ") + Literal(text);
    return "(" + list + ")";
  }
  if (const auto* pairs = std::get_if<sync::Pairs>(&value)) {
    std::string list;
    for (const auto& [name, text] : *pairs) {
      list += (list.empty() ? "" : ", ") + NameText(name) + " = " + Literal(text);
    }
    return "(" + list + ")";
  }
  const std::string& text = std::get<std::string>(value);
  return field.kind == FieldKind::kInteger ? text : Literal(text);
}

}  // namespace

std::string CreateStatement(const sync::Definition& definition) {
  std::string text = "CREATE SYNCED TABLE " + NameText(definition.target) + "." +
                     NameText(definition.table.schema) + "." + NameText(definition.table.table) +
                     " FROM " + SourceText(definition.source);
  std::string options;
  for (const Field& field : sync::Fields()) {
    const auto value = field.get(definition);
    if (!value || field.key == "source") continue;
    options += (options.empty() ? "\n  " : ",\n  ") + std::string(field.key) + " = " +
               ValueText(field, *value);
  }
  if (!options.empty()) text += " WITH (" + options + "\n)";
  return text + ";\n";
}

std::string CreateStatement(const service::TargetDeclaration& target) {
  std::string text = "CREATE TARGET " + NameText(target.name) + " URL " + Literal(target.url);
  if (!target.password.empty()) text += " WITH (password = " + Literal(target.password) + ")";
  return text + ";\n";
}

std::string CreateStatement(const service::SourceDeclaration& source) {
  std::string name;
  const auto parts = base::SplitNames(source.name, '.');
  for (const std::string& part : parts.ok() ? *parts : std::vector{source.name}) {
    name += (name.empty() ? "" : ".") + NameText(part);
  }
  std::string text = "CREATE SOURCE " + name + " URL " + Literal(source.url);
  std::string options;
  for (const auto& [option, value] : source.storage_options) {
    options += (options.empty() ? "" : ", ") + NameText(option) + " = " + Literal(value);
  }
  if (!options.empty()) text += " WITH (" + options + ")";
  return text + ";\n";
}

}  // namespace spillway::face::sql
