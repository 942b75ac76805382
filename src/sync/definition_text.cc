#include "sync/definition_text.h"

#include <cctype>
#include <utility>

#include "base/name_list.h"

namespace spillway::sync {
namespace {

using base::Result;
using base::Status;

constexpr std::string_view kSpaces = " \t\r\n";

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

// Parts at commas outside of quotes and brackets.
std::vector<std::string_view> SplitItems(std::string_view text) {
  std::vector<std::string_view> items;
  std::size_t begin = 0;
  int depth = 0;
  char quote = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ',' && depth == 0 && quote == 0)) {
      items.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    } else if (quote != 0) {
      if (text[i] == quote) quote = 0;
    } else if (text[i] == '\'' || text[i] == '"') {
      quote = text[i];
    } else if (text[i] == '(' || text[i] == '[') {
      ++depth;
    } else if (text[i] == ')' || text[i] == ']') {
      --depth;
    }
  }
  return items;
}

Result<std::pair<std::string, std::string>> ParsePair(std::string_view key, std::string_view item) {
  item = Trim(item);
  std::string name;
  std::size_t equals = 0;
  if (item.starts_with('"')) {
    std::size_t end = 1;
    while (end < item.size() && (item[end] != '"' || item.substr(end).starts_with("\"\""))) {
      end += item[end] == '"' ? 2 : 1;
    }
    equals = item.find_first_not_of(kSpaces, end + 1);
    const std::string_view quoted = item.substr(0, end + 1);
    const Result<std::vector<std::string>> names = base::SplitNames(quoted, '.');
    if (names.ok()) name = names->front();
    if (equals == std::string_view::npos || item[equals] != '=') equals = std::string_view::npos;
  } else {
    equals = item.find('=');
    if (equals != std::string_view::npos) name = Trim(item.substr(0, equals));
  }
  if (equals == std::string_view::npos || name.empty()) {
    return WrongField(key, "wants NAME=TEXT, not '" + std::string(item) + "'");
  }
  return std::pair(std::move(name), std::string(Trim(item.substr(equals + 1))));
}

bool IsPlainName(std::string_view name) {
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) == 0 && c != '_' && byte < 0x80) return false;
  }
  return !name.empty();
}

std::string PairText(const std::pair<std::string, std::string>& pair) {
  if (IsPlainName(pair.first)) return pair.first + "=" + pair.second;
  std::string quoted = "\"";
  for (const char c : pair.first) {
    if (c == '"') quoted.push_back('"');
    quoted.push_back(c);
  }
  return quoted + "\"=" + pair.second;
}

}  // namespace

Result<FieldValue> ValueFromTexts(const Field& field, std::span<const std::string> texts) {
  switch (field.kind) {
    case FieldKind::kTexts:
      return FieldValue(std::vector<std::string>(texts.begin(), texts.end()));
    case FieldKind::kColumns: {
      std::vector<std::string> names;
      for (const std::string& text : texts) {
        const Result<std::vector<std::string>> split = base::SplitNames(text, ',');
        if (!split.ok()) return WrongField(field.key, split.status().message());
        names.insert(names.end(), split->begin(), split->end());
      }
      return FieldValue(std::move(names));
    }
    case FieldKind::kMap:
    case FieldKind::kOrderedMap: {
      Pairs pairs;
      for (const std::string& text : texts) {
        for (const std::string_view item : SplitItems(text)) {
          SPILLWAY_ASSIGN(auto pair, ParsePair(field.key, item));
          pairs.push_back(std::move(pair));
        }
      }
      return FieldValue(std::move(pairs));
    }
    case FieldKind::kText:
    case FieldKind::kWord:
    case FieldKind::kDuration:
    case FieldKind::kInteger:
    case FieldKind::kPercent:
      break;
  }
  if (texts.size() != 1) return WrongField(field.key, "is given more than once");
  return FieldValue(texts.front());
}

std::vector<std::string> TextsFromValue(const Field& field, const FieldValue& value) {
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    if (field.kind == FieldKind::kColumns) return {base::JoinNames(*texts, ',')};
    return *texts;
  }
  if (const auto* pairs = std::get_if<Pairs>(&value)) {
    std::vector<std::string> texts;
    for (const auto& pair : *pairs) texts.push_back(PairText(pair));
    return texts;
  }
  return {std::get<std::string>(value)};
}

std::string ValueForPeople(const Field& field, const FieldValue& value) {
  std::string line;
  for (const std::string& text : TextsFromValue(field, value)) {
    line += (line.empty() ? "" : ", ") + text;
  }
  return line;
}

}  // namespace spillway::sync
