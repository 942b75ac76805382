#include "face/yaml/node.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <sstream>

#include "base/text_position.h"
#include "data/utf8.h"

namespace spillway::face::yaml {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

constexpr std::string_view kTextTag = "tag:yaml.org,2002:str";

bool AllOf(std::string_view text, bool (*is)(char)) {
  return !text.empty() && std::ranges::all_of(text, is);
}
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool OneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

std::string_view WithoutSign(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return text;
}

bool IsInteger(std::string_view text) {
  if (text.starts_with("0o")) {
    return AllOf(text.substr(2), [](char c) { return c >= '0' && c <= '7'; });
  }
  if (text.starts_with("0x")) {
    return AllOf(text.substr(2),
                 [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; });
  }
  return AllOf(WithoutSign(text), &IsDigit);
}

bool IsFloat(std::string_view text) {
  if (OneOf(text, {".nan", ".NaN", ".NAN"})) return true;
  text = WithoutSign(text);
  if (OneOf(text, {".inf", ".Inf", ".INF"})) return true;
  const std::size_t exponent = text.find_first_of("eE");
  if (exponent != std::string_view::npos) {
    if (!AllOf(WithoutSign(text.substr(exponent + 1)), &IsDigit)) return false;
    text = text.substr(0, exponent);
  }
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return AllOf(text, &IsDigit);
  const std::string_view whole = text.substr(0, dot);
  const std::string_view part = text.substr(dot + 1);
  return (!whole.empty() || !part.empty()) && std::ranges::all_of(whole, &IsDigit) &&
         std::ranges::all_of(part, &IsDigit);
}

// The type of a plain scalar, YAML 1.2 section 10.3.2.
NodeKind TypeOf(std::string_view text) {
  if (OneOf(text, {"true", "True", "TRUE", "false", "False", "FALSE"})) return NodeKind::kBoolean;
  if (IsInteger(text)) return NodeKind::kInteger;
  return IsFloat(text) ? NodeKind::kFloat : NodeKind::kText;
}

// What an event finds wrong; ends the parse.
struct Refusal {
  std::size_t byte;
  std::string what;
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::string_view text) : text_(text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') line_begins_.push_back(i + 1);
    }
  }

  NodePtr root() const { return root_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) throw Refusal{ByteAt(mark), "a second document begins; a file has one"};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto node = std::make_shared<Node>();
    node->byte = ByteAt(mark);
    const std::string_view rest = text_.substr(node->byte);
    const bool is_word = rest.starts_with('~') || rest.starts_with("null") ||
                         rest.starts_with("Null") || rest.starts_with("NULL");
    node->kind = is_word ? NodeKind::kNull : NodeKind::kEmpty;
    Place(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw Refusal{ByteAt(mark), "an alias names what it is itself a part of"};
    }
    Place(found->second, YAML::NullAnchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto node = std::make_shared<Node>();
    node->byte = ByteAt(mark);
    node->text = value;
    const bool is_plain = tag == "?" || tag.empty();
    if (!is_plain && tag != "!" && tag != kTextTag) RefuseTag(mark);
    node->kind = is_plain ? TypeOf(value) : NodeKind::kText;
    if (!is_plain && !IsClosed(node->byte)) throw Refusal{node->byte, "a quote is never closed"};
    Place(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(NodeKind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(NodeKind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Level {
    std::shared_ptr<Node> node;
    YAML::anchor_t anchor;
    NodePtr key;                 // of a map: read, its value is not
    std::set<std::string> keys;  // of a map
  };

  std::size_t ByteAt(const YAML::Mark& mark) const {
    const auto line = static_cast<std::size_t>(std::max(mark.line, 0));
    if (line >= line_begins_.size()) return text_.size();
    const auto column = static_cast<std::size_t>(std::max(mark.column, 0));
    return std::min(line_begins_[line] + column, text_.size());
  }

  // Whether the quote at `byte`, if one is there, has its end. yaml-cpp takes the end of the file.
  bool IsClosed(std::size_t byte) const {
    if (byte >= text_.size() || (text_[byte] != '\'' && text_[byte] != '"')) return true;
    const char quote = text_[byte];
    for (std::size_t i = byte + 1; i < text_.size(); ++i) {
      if (quote == '"' && text_[i] == '\\') {
        ++i;
      } else if (text_[i] == quote) {
        if (quote == '"' || text_.substr(i + 1, 1) != "'") return true;
        ++i;
      }
    }
    return false;
  }

  [[noreturn]] void RefuseTag(const YAML::Mark& mark) const {
    throw Refusal{ByteAt(mark), "a tag other than !!str stands here; none is read"};
  }

  void Open(NodeKind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (tag != "?" && !tag.empty()) RefuseTag(mark);
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->byte = ByteAt(mark);
    levels_.push_back({std::move(node), anchor, nullptr, {}});
  }

  void Close() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    Place(std::move(level.node), level.anchor);
  }

  // A finished node goes where it belongs. It can be referred to from now on, so never by itself.
  void Place(NodePtr node, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    if (levels_.empty()) {
      root_ = std::move(node);
      return;
    }
    Level& level = levels_.back();
    if (level.node->kind == NodeKind::kList) {
      level.node->items.push_back(std::move(node));
    } else if (level.key == nullptr) {
      if (node->kind == NodeKind::kList || node->kind == NodeKind::kMap ||
          node->kind == NodeKind::kNull || node->kind == NodeKind::kEmpty) {
        throw Refusal{node->byte, "a key is " + std::string(Describe(node->kind))};
      }
      if (!level.keys.insert(node->text).second) {
        throw Refusal{node->byte, "the key '" + node->text + "' is given twice"};
      }
      level.key = std::move(node);
    } else {
      level.node->members.emplace_back(std::move(level.key), std::move(node));
      level.key = nullptr;
    }
  }

  const std::string_view text_;
  std::vector<std::size_t> line_begins_ = {0};
  int documents_ = 0;
  NodePtr root_;
  std::vector<Level> levels_;
  std::map<YAML::anchor_t, NodePtr> anchors_;
};

// The first tab that a line is indented with, which YAML forbids and parsers report as something
// else.
std::size_t FirstIndentingTab(std::string_view text) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::size_t first = text.substr(0, end).find_first_not_of(' ', begin);
    if (first != std::string_view::npos && text[first] == '\t' &&
        text.substr(0, end).find_first_not_of(" \t\r", begin) != std::string_view::npos) {
      return first;
    }
    begin = end + 1;
  }
  return std::string_view::npos;
}

}  // namespace

std::string_view Describe(NodeKind kind) {
  switch (kind) {
    case NodeKind::kEmpty:
      return "nothing";
    case NodeKind::kNull:
      return "null";
    case NodeKind::kBoolean:
      return "a truth value";
    case NodeKind::kInteger:
    case NodeKind::kFloat:
      return "a number";
    case NodeKind::kText:
      return "a text";
    case NodeKind::kList:
      return "a list";
    case NodeKind::kMap:
      return "a map";
  }
  return "nothing";
}

Status ErrorAt(const Source& source, std::size_t byte, std::size_t length, std::string_view what) {
  const base::TextPosition at = base::PositionOf(source.text, byte);
  const std::string line = std::to_string(at.line);
  const std::string column = std::to_string(at.column);
  return Status(ErrorClass::kInvalidDefinition, source.file + ":" + line + ":" + column + ": " +
                                                    std::string(what) +
                                                    base::MarkedLine(source.text, byte, length))
      .With("file", source.file)
      .With("line", line)
      .With("column", column);
}

Result<NodePtr> Parse(const Source& source) {
  const std::string_view text = source.text;
  if (const std::size_t good = data::TextPrefix(text); good != text.size()) {
    return ErrorAt(source, good, 1, "a NUL character, or bytes that are not UTF-8");
  }
  TreeBuilder builder(text);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refusal& refusal) {
    return ErrorAt(source, refusal.byte, 1, refusal.what);
  } catch (const YAML::Exception& error) {
    if (const std::size_t tab = FirstIndentingTab(text); tab != std::string_view::npos) {
      return ErrorAt(source, tab, 1, "a tab indents this line; YAML wants spaces");
    }
    const auto line = static_cast<std::size_t>(std::max(error.mark.line, 0)) + 1;
    const auto column = static_cast<std::size_t>(std::max(error.mark.column, 0)) + 1;
    const std::size_t byte = base::ByteOf(text, {line, column});
    return ErrorAt(source, byte, 1, "no YAML: " + error.msg);
  }
  NodePtr root = builder.root();
  return root == nullptr ? std::make_shared<const Node>() : root;
}

}  // namespace spillway::face::yaml
