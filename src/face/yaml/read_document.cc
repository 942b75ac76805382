#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "base/absolute_path.h"
#include "base/name_list.h"
#include "base/nearest_name.h"
#include "base/text_position.h"
#include "face/yaml/document.h"
#include "face/yaml/node.h"
#include "face/yaml/reference.h"
#include "service/table_name.h"
#include "source/secret_reference.h"
#include "source/source_registry.h"
#include "sync/definition_fields.h"

namespace spillway::face::yaml {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using service::Configuration;
using service::Origin;
using sync::Field;
using sync::FieldKind;
using sync::FieldValue;

using Members = std::vector<std::pair<NodePtr, NodePtr>>;

class DocumentReader {
 public:
  DocumentReader(Source source, std::string folder, const state::Environment& environment)
      : source_(std::move(source)), folder_(std::move(folder)), environment_(environment) {
    for (std::size_t i = 0; i < source_.text.size(); ++i) {
      if (source_.text[i] == '\n') line_begins_.push_back(i + 1);
    }
  }

  Result<Configuration> Read() {
    SPILLWAY_ASSIGN(const NodePtr root, Parse(source_));
    if (root->kind != NodeKind::kMap) {
      return Wrong(*root, "a definition file is a map with the key version")
          .Mend("Begin it with: version: 1");
    }
    SPILLWAY_TRY(CheckKeys(*root, "a definition file",
                           {"version", "targets", "sources", "defaults", "synced_tables"}));
    SPILLWAY_TRY(ReadVersion(*root));
    SPILLWAY_TRY(ReadTargets(*root));
    SPILLWAY_TRY(ReadSources(*root));
    SPILLWAY_TRY(ReadDefaults(*root));
    SPILLWAY_TRY(ReadTables(*root));
    return std::move(configuration_);
  }

 private:
  // A field as given: its value, nullopt for null, and where.
  struct GivenField {
    const Field* field;
    std::optional<FieldValue> value;
    Origin origin;
  };
  struct Defaults {
    std::vector<GivenField> fields;
    Origin origin;
    bool used = false;
  };

  Status Wrong(const Node& node, std::string_view what) const {
    return ErrorAt(source_, node.byte, std::max<std::size_t>(1, node.text.size()), what);
  }
  Origin OriginOf(const Node& node) const {
    // Only the line is looked at: a file may declare many tables.
    const auto next = std::ranges::upper_bound(line_begins_, node.byte);
    const std::size_t begin = *std::prev(next);
    const std::string_view before = std::string_view(source_.text).substr(begin, node.byte - begin);
    const auto line = static_cast<std::size_t>(next - line_begins_.begin());
    return {source_.file, {line, base::PositionOf(before, before.size()).column}};
  }

  Status UnknownKey(const Node& key, std::string_view of,
                    const std::vector<std::string>& known) const {
    Status error = Wrong(key, "unknown key '" + key.text + "' of " + std::string(of));
    if (key.text == "<<") {
      return std::move(error).Mend("Merge keys are not read; use defaults: for a schema.");
    }
    std::string names;
    const std::vector<std::string> nearest = base::NearestNames(key.text, known, 3);
    for (const std::string& name : nearest.empty() ? known : nearest) {
      names += (names.empty() ? "" : ", ") + name;
    }
    return std::move(error).Mend(nearest.empty() ? "Known are: " + names + "."
                                                 : "Did you mean: " + names + "?");
  }

  Status CheckKeys(const Node& map, std::string_view of,
                   const std::vector<std::string>& known) const {
    for (const auto& [key, value] : map.members) {
      if (std::ranges::find(known, key->text) == known.end()) return UnknownKey(*key, of, known);
    }
    return Status();
  }

  static const Node* Find(const Node& map, std::string_view name) {
    for (const auto& [key, value] : map.members) {
      if (key->text == name) return value.get();
    }
    return nullptr;
  }

  // The members of a section or of an entry; what is empty has none.
  Result<const Members*> MembersOf(const Node& node, std::string_view what) const {
    static const Members kNone;
    if (node.kind == NodeKind::kEmpty || node.kind == NodeKind::kNull) return &kNone;
    if (node.kind == NodeKind::kMap) return &node.members;
    return Wrong(node, std::string(what) + " wants a map, not " + std::string(Describe(node.kind)));
  }
  Result<const Members*> Section(const Node& root, std::string_view name) const {
    static const Members kNone;
    const Node* node = Find(root, name);
    if (node == nullptr) return &kNone;
    return MembersOf(*node, name);
  }

  Result<std::string> Text(const Node& node, std::string_view what) const {
    if (node.kind == NodeKind::kText) return node.text;
    Status error =
        Wrong(node, std::string(what) + " wants a text, not " + std::string(Describe(node.kind)));
    const bool is_scalar = !node.text.empty();
    if (!is_scalar) return error;
    return std::move(error).Mend("If the text is meant, put it in quotes: \"" + node.text + "\".");
  }

  // A text in which references are replaced.
  Result<std::string> Expanded(const Node& node, std::string_view what) const {
    SPILLWAY_ASSIGN(const std::string text, Text(node, what));
    Result<std::string> expanded = ExpandReferences(text, folder_, environment_);
    if (expanded.ok()) return expanded;
    return service::At(OriginOf(node), expanded.status());
  }

  // A secret: a reference, its file made absolute, or a literal.
  Result<std::string> SecretText(const Node& node, std::string_view what) const {
    SPILLWAY_ASSIGN(const std::string text, Text(node, what));
    if (!source::LooksLikeSecretReference(text)) {
      if (text.find("${") == std::string::npos) return text;
      return Wrong(node, std::string(what) + " mixes a reference with other text")
          .Mend("Let the reference stand alone: \"${env:NAME}\" or \"${file:PATH}\".");
    }
    const Result<source::SecretReference> reference = source::ParseSecretReference(text);
    if (!reference.ok()) return service::At(OriginOf(node), reference.status());
    if (reference->kind != source::SecretReference::Kind::kFile) return text;
    return "${file:" + base::AbsolutePath(folder_, reference->name) + "}";
  }

  Status ReadVersion(const Node& root) const {
    const Node* version = Find(root, "version");
    if (version == nullptr) {
      return Wrong(root, "the key version is missing").Mend("Begin the file with: version: 1");
    }
    if (version->kind == NodeKind::kInteger && version->text == "1") return Status();
    if (version->kind != NodeKind::kInteger) {
      return Wrong(*version, "version wants the number 1").Mend("Write: version: 1");
    }
    return service::At(OriginOf(*version),
                       Status(ErrorClass::kNotYetSupported,
                              "version " + version->text + " of definition files is not known")
                           .Mend("This release reads version: 1."));
  }

  Status ReadTargets(const Node& root) {
    SPILLWAY_ASSIGN(const Members* targets, Section(root, "targets"));
    for (const auto& [key, value] : *targets) {
      SPILLWAY_ASSIGN(const Members* members, MembersOf(*value, "target " + key->text));
      service::TargetDeclaration target;
      target.name = key->text;
      target.origin = OriginOf(*key);
      for (const auto& [option, given] : *members) {
        if (option->text == "url") {
          SPILLWAY_ASSIGN(target.url, Expanded(*given, "url"));
        } else if (option->text == "password") {
          SPILLWAY_ASSIGN(target.password, SecretText(*given, "password"));
        } else {
          return UnknownKey(*option, "target " + key->text, {"url", "password"});
        }
      }
      if (target.url.empty()) return Wrong(*key, "target " + target.name + " has no url");
      configuration_.targets.push_back(std::move(target));
    }
    return Status();
  }

  Status ReadSources(const Node& root) {
    SPILLWAY_ASSIGN(const Members* sources, Section(root, "sources"));
    for (const auto& [key, value] : *sources) {
      SPILLWAY_ASSIGN(const Members* members, MembersOf(*value, "source " + key->text));
      service::SourceDeclaration source;
      source.name = key->text;
      source.origin = OriginOf(*key);
      for (const auto& [option, given] : *members) {
        if (option->text == "url") {
          SPILLWAY_ASSIGN(source.url, Expanded(*given, "url"));
          source.url = Located(source.url);
        } else if (option->text == "storage_options") {
          SPILLWAY_TRY(ReadStorageOptions(*given, &source));
        } else {
          return UnknownKey(*option, "source " + key->text, {"url", "storage_options"});
        }
      }
      if (source.url.empty()) return Wrong(*key, "source " + source.name + " has no url");
      configuration_.sources.push_back(std::move(source));
    }
    return Status();
  }

  Status ReadStorageOptions(const Node& node, service::SourceDeclaration* source) {
    SPILLWAY_ASSIGN(const Members* options, MembersOf(node, "storage_options"));
    for (const auto& [option, given] : *options) {
      // Numbers and truth values are what options are read from; they need no quotes.
      const bool is_bare = given->kind == NodeKind::kBoolean || given->kind == NodeKind::kInteger ||
                           given->kind == NodeKind::kFloat;
      std::string text = given->text;
      if (source::IsSecretOption(option->text)) {
        SPILLWAY_ASSIGN(text, SecretText(*given, option->text));
      } else if (!is_bare) {
        SPILLWAY_ASSIGN(text, Expanded(*given, option->text));
        // Found to be a secret only now: the reference to it is kept instead.
        if (source::HoldsSecret(option->text, text)) {
          SPILLWAY_ASSIGN(text, SecretText(*given, option->text));
        }
      }
      source->storage_options.emplace(option->text, std::move(text));
      source->options.emplace(option->text, OriginOf(*option));
    }
    return Status();
  }

  // A relative path starts from the file's folder.
  std::string Located(const std::string& source) const {
    const bool is_relative = source.starts_with('.') ||
                             (source.find('/') != std::string::npos &&
                              source.find(':') == std::string::npos && !source.starts_with('/'));
    if (!is_relative) return source;
    return base::AbsolutePath(folder_, source);
  }

  Status ReadDefaults(const Node& root) {
    SPILLWAY_ASSIGN(const Members* defaults, Section(root, "defaults"));
    for (const auto& [key, value] : *defaults) {
      const std::string what = "defaults " + key->text;
      const auto parts = base::SplitNames(key->text, '.');
      if (!parts.ok() || parts->size() > 2) {
        return Wrong(*key, "defaults are for TARGET.schema or for TARGET, not '" + key->text + "'");
      }
      Defaults read;
      read.origin = OriginOf(*key);
      SPILLWAY_ASSIGN(read.fields, ReadFields(*value, what));
      for (const GivenField& given : read.fields) {
        if (given.field->key != "source") continue;
        return service::At(given.origin, sync::WrongField("source", "has no default"));
      }
      if (!defaults_.emplace(*parts, std::move(read)).second) {
        return Wrong(*key, what + " are given twice");
      }
    }
    return Status();
  }

  Status ReadTables(const Node& root) {
    SPILLWAY_ASSIGN(const Members* tables, Section(root, "synced_tables"));
    std::map<std::string, Origin> seen;
    for (const auto& [key, value] : *tables) {
      const Result<service::SyncedTableName> name = service::ParseSyncedTableName(key->text);
      if (!name.ok()) {
        return Wrong(*key, name.status().message()).Mend(std::string(name.status().mend()));
      }
      service::TableDeclaration table;
      table.definition.target = name->target;
      table.definition.table = name->table;
      table.origin = OriginOf(*key);
      const auto [there, is_new] = seen.emplace(table.definition.name(), table.origin);
      if (!is_new) {
        return Wrong(*key, "synced table " + table.definition.name() +
                               " is defined twice; the other place is " + there->second.ToString());
      }
      for (std::vector<std::string> scope :
           {std::vector{name->target}, std::vector{name->target, name->table.schema}}) {
        const auto found = defaults_.find(scope);
        if (found == defaults_.end()) continue;
        found->second.used = true;
        SPILLWAY_TRY(SetFields(found->second.fields, &table));
      }
      SPILLWAY_ASSIGN(const std::vector<GivenField> fields,
                      ReadFields(*value, "synced table " + key->text));
      SPILLWAY_TRY(SetFields(fields, &table));
      table.definition.source = Located(table.definition.source);
      configuration_.tables.push_back(std::move(table));
    }
    for (const auto& [scope, defaults] : defaults_) {
      if (defaults.used) continue;
      configuration_.warnings.push_back(defaults.origin.ToString() + ": defaults " +
                                        base::JoinNames(scope, '.') +
                                        " are of no synced table in this file");
    }
    return Status();
  }

  static Status SetFields(const std::vector<GivenField>& fields, service::TableDeclaration* table) {
    for (const GivenField& given : fields) {
      table->fields.insert_or_assign(std::string(given.field->key), given.origin);
      if (!given.value) {
        given.field->unset(&table->definition);
        continue;
      }
      SPILLWAY_TRY(Set(*given.field, *given.value, &table->definition));
    }
    return Status();
  }

  Result<std::vector<GivenField>> ReadFields(const Node& node, std::string_view of) const {
    SPILLWAY_ASSIGN(const Members* members, MembersOf(node, of));
    std::vector<GivenField> fields;
    for (const auto& [key, value] : *members) {
      const Field* field = sync::FindField(key->text);
      if (field == nullptr) return UnknownKey(*key, of, sync::FieldKeys());
      GivenField given{field, std::nullopt, OriginOf(*value)};
      if (value->kind == NodeKind::kEmpty) {
        return Wrong(*key, key->text + " has no value")
            .Mend(key->text == "source"
                      ? "Write the source table: a path, a URL or a registered name."
                      : "Leave the key out, or write null to have the built-in default.");
      }
      if (value->kind != NodeKind::kNull) {
        SPILLWAY_ASSIGN(given.value, ReadValue(*field, *value));
        sync::Definition scratch;
        if (const Status fit = Set(*field, *given.value, &scratch); !fit.ok()) {
          return Wrong(*value, fit.message())
              .With("field", field->key)
              .Mend(std::string(fit.mend()));
        }
      }
      fields.push_back(std::move(given));
    }
    return fields;
  }

  Result<FieldValue> ReadValue(const Field& field, const Node& node) const {
    switch (field.kind) {
      case FieldKind::kColumns:
      case FieldKind::kTexts:
        return ReadList(field, node);
      case FieldKind::kMap:
      case FieldKind::kOrderedMap:
        return ReadMap(field, node);
      case FieldKind::kInteger:
        if (node.kind == NodeKind::kInteger) return FieldValue(node.text);
        return Wrong(node, std::string(field.key) + " wants a whole number, not " +
                               std::string(Describe(node.kind)));
      case FieldKind::kText:
      case FieldKind::kWord:
      case FieldKind::kDuration:
      case FieldKind::kPercent:
        break;
    }
    // What a number lacks, the field itself says best.
    const bool wants_unit = field.kind == FieldKind::kDuration || field.kind == FieldKind::kPercent;
    if (wants_unit && (node.kind == NodeKind::kInteger || node.kind == NodeKind::kFloat)) {
      return FieldValue(node.text);
    }
    SPILLWAY_ASSIGN(std::string text, Text(node, field.key));
    return FieldValue(std::move(text));
  }

  // A text alone is a list of one.
  Result<FieldValue> ReadList(const Field& field, const Node& node) const {
    std::vector<std::string> texts;
    if (node.kind == NodeKind::kText) {
      if (field.kind == FieldKind::kColumns && node.text.find(',') != std::string::npos) {
        return Wrong(node, std::string(field.key) + " wants a list, not a text with commas")
            .Mend("Write a list: [" + node.text + "].");
      }
      texts.push_back(node.text);
      return FieldValue(std::move(texts));
    }
    if (node.kind != NodeKind::kList) {
      return Wrong(
          node, std::string(field.key) + " wants a list, not " + std::string(Describe(node.kind)));
    }
    for (const NodePtr& item : node.items) {
      SPILLWAY_ASSIGN(std::string text, Text(*item, std::string(field.key) + ", a list of texts,"));
      texts.push_back(std::move(text));
    }
    return FieldValue(std::move(texts));
  }

  Result<FieldValue> ReadMap(const Field& field, const Node& node) const {
    if (node.kind != NodeKind::kMap) {
      return Wrong(node, std::string(field.key) + " wants a map of names to texts, not " +
                             std::string(Describe(node.kind)));
    }
    sync::Pairs pairs;
    for (const auto& [key, value] : node.members) {
      SPILLWAY_ASSIGN(std::string text, Text(*value, std::string(field.key) + "." + key->text));
      pairs.emplace_back(key->text, std::move(text));
    }
    return FieldValue(std::move(pairs));
  }

  const Source source_;
  const std::string folder_;
  const state::Environment& environment_;
  std::vector<std::size_t> line_begins_ = {0};
  std::map<std::vector<std::string>, Defaults> defaults_;
  Configuration configuration_;
};

}  // namespace

Result<Configuration> ReadDocument(std::string_view text, const DocumentPlace& place,
                                   const state::Environment& environment) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return DocumentReader({place.file, std::string(text)}, place.folder, environment).Read();
}

}  // namespace spillway::face::yaml
