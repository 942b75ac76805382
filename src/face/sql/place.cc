#include "face/sql/place.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

#include "base/text_position.h"

namespace spillway::face::sql {

using base::ErrorClass;
using base::Status;

Span TokenAt(std::string_view text, std::size_t byte) {
  if (byte >= text.size()) return {text.size(), text.size()};
  const auto is_word = [&](std::size_t i) {
    const auto c = static_cast<unsigned char>(text[i]);
    return std::isalnum(c) != 0 || c == '_' || c >= 0x80;
  };
  std::size_t end = byte + 1;
  if (is_word(byte)) {
    while (end < text.size() && is_word(end)) ++end;
  } else if (text[byte] == '\'' || text[byte] == '"' || text[byte] == '`') {
    const std::size_t close = text.find(text[byte], end);
    if (close != std::string_view::npos) end = close + 1;
  }
  return {byte, end};
}

std::string OptionPlace(std::string_view option) {
  std::string place = "storage_options.";
  for (const char c : option) {
    place.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  return place;
}

Status ErrorAt(const Script& script, Span span, ErrorClass error_class, std::string_view what) {
  const base::TextPosition at = base::PositionOf(script.text, span.begin);
  const std::string line = std::to_string(at.line);
  const std::string column = std::to_string(at.column);
  const std::string place = script.file.empty() ? "line " + line + ", column " + column
                                                : script.file + ":" + line + ":" + column;
  return Status(error_class, place + ": " + std::string(what) +
                                 base::MarkedLine(script.text, span.begin,
                                                  std::max<std::size_t>(1, span.end - span.begin)))
      .With("file", script.file)
      .With("line", line)
      .With("column", column)
      .With("token", std::string_view(script.text).substr(span.begin, span.end - span.begin));
}

Status At(const Script& script, const Statement& statement, const Status& error) {
  if (error.ok()) return error;
  auto found = statement.fields.find(std::string(error.detail("field")));
  if (found == statement.fields.end()) {
    found = statement.fields.find(OptionPlace(error.detail("option")));
  }
  const Span span =
      found == statement.fields.end() ? TokenAt(script.text, statement.span.begin) : found->second;
  Status placed = ErrorAt(script, span, error.error_class(), error.message());
  for (const auto& [key, value] : error.details()) {
    if (placed.detail(key).empty()) placed = std::move(placed).With(key, value);
  }
  return std::move(placed).Mend(std::string(error.mend()));
}

}  // namespace spillway::face::sql
