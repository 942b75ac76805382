#include <algorithm>

#include "face/sql/statement.h"

namespace spillway::face::sql {
namespace {

// Bytes of the first code point.
std::size_t CodePointLength(std::string_view text) {
  std::size_t length = 1;
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) {
    ++length;
  }
  return length;
}

}  // namespace

std::size_t BlockCommentLength(std::string_view text) {
  std::size_t open = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view pair = text.substr(i, 2);
    open += pair == "/*" ? 1 : 0;
    if (open == 0) return 0;
    open -= pair == "*/" ? 1 : 0;
    i += pair == "/*" || pair == "*/" ? 2 : 1;
    if (open == 0) return i;
  }
  return open == 0 ? 0 : std::string_view::npos;
}

bool IsComplete(std::string_view text) {
  bool inside = false;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest = text.substr(i);
    const char c = text[i];
    if (rest.starts_with("--")) {
      const std::size_t end = text.find('\n', i);
      i = end == std::string_view::npos ? text.size() : end;
    } else if (rest.starts_with("/*")) {
      const std::size_t length = BlockCommentLength(rest);
      if (length == std::string_view::npos) return false;
      i += length;
    } else if (c == '\'' || c == '"' || c == '`') {
      inside = true;
      i = text.find(c, i + 1);
      if (i == std::string_view::npos) return false;
      ++i;
    } else {
      const bool is_space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
      if (!is_space) inside = c != ';';
      ++i;
    }
  }
  return !inside;
}

bool IsLike(std::string_view text, std::string_view pattern) {
  // Where to go on when a mismatch follows a %: one character further than last time.
  std::string_view retry_text;
  std::string_view retry_pattern;
  bool can_retry = false;
  while (!text.empty() || !pattern.empty()) {
    if (pattern.starts_with('%')) {
      pattern.remove_prefix(1);
      retry_text = text;
      retry_pattern = pattern;
      can_retry = true;
      continue;
    }
    const bool any = pattern.starts_with('_');
    std::string_view wanted = pattern;
    if (wanted.starts_with('\\') && wanted.size() > 1) wanted.remove_prefix(1);
    if (!text.empty() && !pattern.empty() && (any || wanted.front() == text.front())) {
      text.remove_prefix(any ? CodePointLength(text) : 1);
      pattern = any ? pattern.substr(1) : wanted.substr(1);
    } else if (can_retry && !retry_text.empty()) {
      retry_text.remove_prefix(CodePointLength(retry_text));
      text = retry_text;
      pattern = retry_pattern;
    } else {
      return false;
    }
  }
  return true;
}

std::vector<std::string> Keywords() {
  return {"ALTER",  "CREATE",   "DEFAULT", "DESCRIBE", "DROP",   "EXISTS",  "EXPLAIN", "FROM",
          "IF",     "INSTANCE", "KEEP",    "LAKEBASE", "LIKE",   "NOT",     "PAUSE",   "RESET",
          "RESUME", "RESYNC",   "SET",     "SHOW",     "SOURCE", "SOURCES", "SYNC",    "SYNCED",
          "TABLE",  "TABLES",   "TARGET",  "TARGETS",  "URL",    "USING",   "WITH"};
}

}  // namespace spillway::face::sql
