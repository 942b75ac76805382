#include <algorithm>
#include <cctype>
#include <set>
#include <tao/pegtl.hpp>
#include <tao/pegtl/contrib/parse_tree.hpp>

#include "base/name_list.h"
#include "base/nearest_name.h"
#include "base/text_position.h"
#include "data/utf8.h"
#include "face/sql/expected.h"
#include "face/sql/grammar.h"
#include "face/sql/place.h"
#include "face/sql/statement.h"
#include "service/table_name.h"
#include "sync/definition_text.h"

namespace spillway::face::sql {
namespace {

namespace g = grammar;
namespace p = tao::pegtl;

using base::ErrorClass;
using base::Result;
using base::Status;
using sync::Field;
using sync::FieldKind;
using sync::FieldValue;

struct Expectation {
  template <typename Rule>
  static constexpr auto message = kExpected<Rule>;
};
template <typename Rule>
using Control = p::must_if<Expectation, p::normal, false>::control<Rule>;

template <typename Rule>
using Selector = p::parse_tree::selector<
    Rule, p::parse_tree::store_content::on<
              g::Word, g::Quoted, g::Ticked, g::String, g::Bare, g::TableNameNode, g::Key, g::Entry,
              g::Group, g::Option, g::ResetKey, g::IfNotExists, g::IfExists, g::Using,
              g::CreateTable, g::CreateTarget, g::CreateSource, g::SourceName, g::With, g::Alter,
              g::DropSynced, g::DropTarget, g::DropSource, g::KeepTable, g::DropTable,
              g::ShowTables, g::ShowCreate, g::ShowTargets, g::ShowSources, g::Like, g::Sync,
              g::Explain, g::Resync, g::Pause, g::Resume, g::Describe, g::StatementNode>>;
using Node = p::parse_tree::node;

std::size_t Begin(const Node& node) { return node.begin().byte; }
std::size_t End(const Node& node) { return node.end().byte; }

// The text of a Word, Quoted, Ticked, String or Bare.
std::string Unquoted(const Node& node) {
  const std::string_view text = node.string_view();
  const char quote = text.front();
  if (node.is_type<g::Word>() || node.is_type<g::Bare>()) return std::string(text);
  std::string inside;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    inside.push_back(text[i]);
    if (text[i] == quote) ++i;
  }
  return inside;
}

// Walks one statement's tree.
class StatementReader {
 public:
  explicit StatementReader(const Script& script) : script_(script) {}

  Result<Statement> Read(const Node& statement) {
    out_.span = {Begin(statement), End(statement)};
    while (out_.span.end > out_.span.begin &&
           std::isspace(static_cast<unsigned char>(script_.text[out_.span.end - 1])) != 0) {
      --out_.span.end;
    }
    SPILLWAY_TRY(ReadKind(*statement.children.front()));
    return std::move(out_);
  }

 private:
  Span SpanOf(const Node& node) const {
    Span span{Begin(node), End(node)};
    // Rules eat the layout behind their last token.
    const auto is_space = [&](std::size_t i) {
      return std::isspace(static_cast<unsigned char>(script_.text[i])) != 0;
    };
    while (span.end > span.begin && is_space(span.end - 1)) --span.end;
    return span;
  }
  Status Wrong(const Node& node, std::string_view what) const {
    return ErrorAt(script_, SpanOf(node), ErrorClass::kInvalidDefinition, what);
  }
  // An error of another module, at a node.
  Status Placed(const Node& node, const Status& error) const {
    Status placed = ErrorAt(script_, SpanOf(node), error.error_class(), error.message());
    for (const auto& [key, value] : error.details()) placed = std::move(placed).With(key, value);
    return std::move(placed).Mend(std::string(error.mend()));
  }

  template <typename Rule>
  static const Node* Child(const Node& node) {
    for (const auto& child : node.children) {
      if (child->is_type<Rule>()) return child.get();
    }
    return nullptr;
  }
  template <typename Rule>
  static std::vector<const Node*> Children(const Node& node) {
    std::vector<const Node*> found;
    for (const auto& child : node.children) {
      if (child->is_type<Rule>()) found.push_back(child.get());
    }
    return found;
  }
  // The first token below a node.
  static const Node& Token(const Node& node) {
    return node.children.empty() ? node : Token(*node.children.front());
  }

  static std::vector<std::string> Parts(const Node& table_name) {
    std::vector<std::string> parts;
    for (const auto& part : table_name.children) parts.push_back(Unquoted(*part));
    return parts;
  }

  Result<std::string> SyncedTableName(const Node& node) const {
    const std::vector<std::string> parts = Parts(node);
    const std::string text = base::JoinNames(parts, '.');
    const auto parsed = service::ParseSyncedTableName(text);
    if (!parsed.ok()) return Placed(node, parsed.status());
    return text;
  }

  Status ReadKind(const Node& node) {
    if (node.is_type<g::CreateTable>()) return ReadCreateTable(node);
    if (node.is_type<g::CreateTarget>()) return ReadCreateTarget(node);
    if (node.is_type<g::CreateSource>()) return ReadCreateSource(node);
    if (node.is_type<g::Alter>()) return ReadAlter(node);
    if (node.is_type<g::DropSynced>()) return ReadDrop(node);
    if (node.is_type<g::DropTarget>()) return ReadDropRegistered(node, Registry::kTargets);
    if (node.is_type<g::DropSource>()) return ReadDropRegistered(node, Registry::kSources);
    if (node.is_type<g::ShowTables>()) return ReadShowTables(node);
    if (node.is_type<g::ShowTargets>()) {
      out_.what = ShowRegistered{Registry::kTargets};
      return Status();
    }
    if (node.is_type<g::ShowSources>()) {
      out_.what = ShowRegistered{Registry::kSources};
      return Status();
    }
    return ReadVerb(node);
  }

  Status ReadVerb(const Node& node) {
    OnSyncedTables verb;
    if (node.is_type<g::Explain>()) verb.verb = Verb::kExplain;
    if (node.is_type<g::Resync>()) verb.verb = Verb::kResync;
    if (node.is_type<g::Pause>()) verb.verb = Verb::kPause;
    if (node.is_type<g::Resume>()) verb.verb = Verb::kResume;
    if (node.is_type<g::Describe>()) verb.verb = Verb::kDescribe;
    if (node.is_type<g::ShowCreate>()) verb.verb = Verb::kShowCreate;
    for (const Node* name : Children<g::TableNameNode>(node)) {
      SPILLWAY_ASSIGN(std::string text, SyncedTableName(*name));
      verb.names.push_back(std::move(text));
    }
    out_.what = std::move(verb);
    return Status();
  }

  Status ReadShowTables(const Node& node) {
    ShowSyncedTables show;
    if (const Node* like = Child<g::Like>(node)) show.like = Unquoted(Token(*like));
    out_.what = std::move(show);
    return Status();
  }

  Status ReadDrop(const Node& node) {
    DropSyncedTable drop;
    drop.if_exists = Child<g::IfExists>(node) != nullptr;
    drop.drop_table = Child<g::DropTable>(node) != nullptr;
    SPILLWAY_ASSIGN(drop.name, SyncedTableName(*Child<g::TableNameNode>(node)));
    out_.what = std::move(drop);
    return Status();
  }

  Status ReadDropRegistered(const Node& node, Registry registry) {
    DropRegistered drop;
    drop.registry = registry;
    drop.if_exists = Child<g::IfExists>(node) != nullptr;
    drop.name = RegisteredName(*node.children.back());
    out_.what = std::move(drop);
    return Status();
  }

  // The name of a target (one part) or of a source (up to three).
  static std::string RegisteredName(const Node& node) {
    if (!node.is_type<g::TableNameNode>()) return Unquoted(node);
    std::string name;
    for (const std::string& part : Parts(node)) name += (name.empty() ? "" : ".") + part;
    return name;
  }

  // delta.`/lake/t` is a location as Databricks writes it.
  static std::string SourceText(const Node& node) {
    const Node& first = *node.children.front();
    if (first.is_type<g::String>()) return Unquoted(first);
    const std::vector<std::string> parts = Parts(first);
    if (parts.size() == 2 && parts[0] == "delta" && first.children[1]->is_type<g::Ticked>()) {
      return parts[1];
    }
    return RegisteredName(first);
  }

  Status ReadCreateTable(const Node& node) {
    CreateSyncedTable create;
    create.if_not_exists = Child<g::IfNotExists>(node) != nullptr;
    const Node& name = *Child<g::TableNameNode>(node);
    std::vector<std::string> parts = Parts(name);
    if (const Node* instance = Child<g::Using>(node)) {
      const std::string target = Unquoted(Token(*instance));
      if (parts.size() == 2) parts.insert(parts.begin(), target);
      if (parts.front() != target) {
        return Wrong(Token(*instance), "instance '" + target + "' is not the target '" +
                                           parts.front() + "' of the name");
      }
    }
    const auto parsed = service::ParseSyncedTableName(base::JoinNames(parts, '.'));
    if (!parsed.ok()) return Placed(name, parsed.status());
    create.definition.target = parsed->target;
    create.definition.table = parsed->table;
    const Node& source = *Child<g::SourceName>(node);
    create.definition.source = SourceText(source);
    out_.fields["source"] = SpanOf(source);
    if (const Node* with = Child<g::With>(node)) {
      for (const Node* option : Children<g::Option>(*with)) {
        SPILLWAY_ASSIGN(const auto given, ReadOption(*option, sync::FieldKeys()));
        if (given.second) {
          SPILLWAY_TRY(Set(*given.first, *given.second, &create.definition));
        }
      }
    }
    out_.what = std::move(create);
    return Status();
  }

  Status ReadAlter(const Node& node) {
    AlterSyncedTable alter;
    SPILLWAY_ASSIGN(alter.name, SyncedTableName(*Child<g::TableNameNode>(node)));
    for (const auto& child : node.children) {
      if (child->is_type<g::Option>()) {
        SPILLWAY_ASSIGN(auto given, ReadOption(*child, sync::FieldKeys()));
        alter.fields.push_back(std::move(given));
      } else if (child->is_type<g::ResetKey>()) {
        SPILLWAY_ASSIGN(const std::string key, ReadKey(Token(*child), sync::FieldKeys()));
        alter.fields.emplace_back(sync::FindField(key), std::nullopt);
      }
    }
    out_.what = std::move(alter);
    return Status();
  }

  // A key among `known`, given once.
  Result<std::string> ReadKey(const Node& token, const std::vector<std::string>& known) {
    std::string key = Unquoted(token);
    if (token.is_type<g::Word>()) {
      std::ranges::transform(key, key.begin(),
                             [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    }
    if (std::ranges::find(known, key) == known.end()) {
      std::string names;
      const std::vector<std::string> nearest = base::NearestNames(key, known, 3);
      for (const std::string& name : nearest.empty() ? known : nearest) {
        names += (names.empty() ? "" : ", ") + name;
      }
      return Wrong(token, "unknown option '" + key + "'")
          .Mend(nearest.empty() ? "Known are: " + names + "." : "Did you mean: " + names + "?");
    }
    if (!out_.fields.emplace(key, SpanOf(token)).second) {
      return Wrong(token, "option '" + key + "' is given twice");
    }
    return key;
  }

  Result<std::pair<const Field*, std::optional<FieldValue>>> ReadOption(
      const Node& option, const std::vector<std::string>& known) {
    SPILLWAY_ASSIGN(const std::string key, ReadKey(Token(*option.children[0]), known));
    const Field* field = sync::FindField(key);
    const Node& value = *option.children[1];
    out_.fields[key] = SpanOf(value);
    if (value.is_type<g::Bare>() && IsDefault(value.string_view())) {
      return std::pair(field, std::optional<FieldValue>());
    }
    Result<FieldValue> read = ReadValue(*field, value);
    if (!read.ok()) return Placed(value, read.status());
    sync::Definition scratch;
    if (const Status fit = Set(*field, *read, &scratch); !fit.ok()) return Placed(value, fit);
    return std::pair(field, std::optional<FieldValue>(*std::move(read)));
  }

  static bool IsDefault(std::string_view word) {
    constexpr std::string_view kDefault = "default";
    return std::ranges::equal(word, kDefault, [](char a, char b) {
      return std::tolower(static_cast<unsigned char>(a)) == b;
    });
  }

  static Result<FieldValue> ReadValue(const Field& field, const Node& value) {
    if (!value.is_type<g::Group>()) {
      return sync::ValueFromTexts(field, std::vector<std::string>{Unquoted(value)});
    }
    std::vector<std::string> texts;
    sync::Pairs pairs;
    for (const auto& entry : value.children) {
      std::string first = Unquoted(*entry->children[0]);
      if (entry->children.size() == 1) {
        texts.push_back(std::move(first));
      } else {
        pairs.emplace_back(std::move(first), Unquoted(*entry->children[1]));
      }
    }
    if (!texts.empty() && !pairs.empty()) {
      return sync::WrongField(field.key, "mixes values and pairs");
    }
    const bool wants_pairs = field.kind == FieldKind::kMap || field.kind == FieldKind::kOrderedMap;
    if (wants_pairs && texts.empty()) return FieldValue(std::move(pairs));
    return pairs.empty() ? FieldValue(std::move(texts)) : FieldValue(std::move(pairs));
  }

  Status ReadCreateTarget(const Node& node) {
    CreateTarget create;
    create.if_not_exists = Child<g::IfNotExists>(node) != nullptr;
    const auto tokens = Tokens(node);
    create.target.name = Unquoted(*tokens.at(0));
    create.target.url = Unquoted(*tokens.at(1));
    if (const Node* with = Child<g::With>(node)) {
      for (const Node* option : Children<g::Option>(*with)) {
        SPILLWAY_TRY(ReadKey(Token(*option->children[0]), {"password"}).status());
        if (option->children[1]->is_type<g::Group>()) {
          return Wrong(*option->children[1], "password wants one value, not a list");
        }
        create.target.password = Unquoted(*option->children[1]);
      }
    }
    out_.what = std::move(create);
    return Status();
  }

  Status ReadCreateSource(const Node& node) {
    CreateSource create;
    create.if_not_exists = Child<g::IfNotExists>(node) != nullptr;
    create.source.name = RegisteredName(*Child<g::TableNameNode>(node));
    create.source.url = Unquoted(*Tokens(node).at(0));
    if (const Node* with = Child<g::With>(node)) {
      for (const Node* option : Children<g::Option>(*with)) {
        const std::string key = Unquoted(Token(*option->children[0]));
        const Node& value = *option->children[1];
        if (value.is_type<g::Group>()) return Wrong(value, key + " wants one value, not a list");
        if (!create.source.storage_options.emplace(key, Unquoted(value)).second) {
          return Wrong(*option->children[0], "option '" + key + "' is given twice");
        }
        out_.fields.emplace(OptionPlace(key), SpanOf(*option->children[0]));
      }
    }
    out_.what = std::move(create);
    return Status();
  }

  static std::vector<const Node*> Tokens(const Node& node) {
    std::vector<const Node*> tokens;
    for (const auto& child : node.children) {
      if (child->is_type<g::Word>() || child->is_type<g::Quoted>() || child->is_type<g::Ticked>() ||
          child->is_type<g::String>() || child->is_type<g::Bare>()) {
        tokens.push_back(child.get());
      }
    }
    return tokens;
  }

  const Script& script_;
  Statement out_;
};

Status Expected(const Script& script, std::size_t byte, std::string_view what) {
  const Span token = TokenAt(script.text, byte);
  const std::string_view text =
      std::string_view(script.text).substr(token.begin, token.end - token.begin);
  const std::string found = text.empty() ? "the end" : "'" + std::string(text) + "'";
  return ErrorAt(script, token, ErrorClass::kInvalidDefinition,
                 "expected " + std::string(what) + ", not " + found)
      .Mend("See docs/reference/sql.md for the statements.");
}

}  // namespace

Result<std::vector<Statement>> Parse(const Script& script) {
  if (const std::size_t good = data::TextPrefix(script.text); good != script.text.size()) {
    return ErrorAt(script, {good, good + 1}, ErrorClass::kInvalidDefinition,
                   "a NUL character, or bytes that are not UTF-8");
  }
  p::memory_input input(script.text, script.file);
  std::unique_ptr<Node> root;
  try {
    root = p::parse_tree::parse<g::ScriptRule, Selector, p::nothing, Control>(input);
  } catch (const p::parse_error& error) {
    return Expected(script, error.positions().front().byte, error.message());
  }
  if (root == nullptr) return Expected(script, 0, kExpected<g::WantStatement>);
  std::vector<Statement> statements;
  for (const auto& node : root->children) {
    SPILLWAY_ASSIGN(Statement statement, StatementReader(script).Read(*node));
    statements.push_back(std::move(statement));
  }
  return statements;
}

}  // namespace spillway::face::sql
