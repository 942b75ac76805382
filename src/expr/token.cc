#include "expr/token.h"

#include <algorithm>

#include "data/display_width.h"
#include "data/utf8.h"

namespace spillway::expr {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

constexpr std::size_t kLongestText = 100'000;

char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool StartsName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool ContinuesName(char c) { return StartsName(c) || IsDigit(c) || c == '$'; }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

constexpr std::string_view kReserved[] = {"AND",   "BETWEEN", "DATE", "DISTINCT",  "ESCAPE",
                                          "FALSE", "FROM",    "IN",   "IS",        "LIKE",
                                          "NOT",   "NULL",    "OR",   "TIMESTAMP", "TRUE"};
constexpr std::string_view kSymbols[] = {"<=>", "<>", "!=", "<=", ">=", "=", "<",
                                         ">",   "(",  ")",  ",",  ".",  "+", "-"};

/// End of a number that starts at `at`: digits, a point, digits, an exponent.
std::size_t EndOfNumber(std::string_view text, std::size_t at) {
  const auto digits = [&] {
    while (at < text.size() && IsDigit(text[at])) ++at;
  };
  digits();
  if (at < text.size() && text[at] == '.') {
    ++at;
    digits();
  }
  if (at < text.size() && Upper(text[at]) == 'E') {
    std::size_t exponent = at + 1;
    if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
    if (exponent < text.size() && IsDigit(text[exponent])) {
      at = exponent;
      digits();
    }
  }
  return at;
}

/// Reads what stands between quotes from `at`, which is behind the opening one; a doubled quote is
/// one. Returns the byte behind the closing quote, or npos.
std::size_t ReadQuoted(std::string_view text, std::size_t at, char quote, std::string* value) {
  while (at < text.size()) {
    const std::size_t close = text.find(quote, at);
    if (close == std::string_view::npos) return close;
    value->append(text.substr(at, close - at));
    if (close + 1 >= text.size() || text[close + 1] != quote) return close + 1;
    value->push_back(quote);
    at = close + 2;
  }
  return std::string_view::npos;
}

/// Whether a point behind `token` leads to a field of it.
bool MayHaveFields(const Token& token) {
  return token.kind == TokenKind::kQuoted ||
         (token.kind == TokenKind::kName && !IsReserved(token.value));
}

}  // namespace

bool Token::IsKeyword(std::string_view keyword) const {
  return kind == TokenKind::kName &&
         std::equal(value.begin(), value.end(), keyword.begin(), keyword.end(),
                    [](char a, char b) { return Upper(a) == b; });
}

bool IsReserved(std::string_view word) {
  std::string upper(word);
  std::transform(upper.begin(), upper.end(), upper.begin(), Upper);
  return std::find(std::begin(kReserved), std::end(kReserved), upper) != std::end(kReserved);
}

std::string Marked(std::string_view text, const Token& token) {
  constexpr std::size_t kBefore = 60;
  constexpr std::size_t kAfter = 40;
  std::size_t begin = token.position > kBefore ? token.position - kBefore : 0;
  std::size_t end = std::min(text.size(), token.position + token.length + kAfter);
  const auto inside_character = [&](std::size_t at) {
    return at > 0 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  while (inside_character(begin)) --begin;
  while (inside_character(end)) ++end;
  std::string line(text.substr(begin, end - begin));
  std::replace_if(line.begin(), line.end(), IsSpace, ' ');
  const std::string_view before = std::string_view(line).substr(0, token.position - begin);
  const std::string_view marked = std::string_view(line).substr(before.size(), token.length);
  const std::string_view cut = begin > 0 ? "… " : "";
  const int indent = data::DisplayWidth(cut) + data::DisplayWidth(before);
  const int carets = std::max(1, data::DisplayWidth(marked));
  return "\n  " + std::string(cut) + line + (end < text.size() ? " …" : "") + "\n  " +
         std::string(static_cast<std::size_t>(indent), ' ') +
         std::string(static_cast<std::size_t>(carets), '^');
}

Status InvalidAt(std::string_view text, const Token& token, std::string_view reason) {
  const std::string_view written = text.substr(token.position, token.length);
  return Status(ErrorClass::kInvalidPredicate,
                "the predicate is wrong at " +
                    (written.empty() ? "its end" : std::string(written.substr(0, 100))) + ": " +
                    std::string(reason) + Marked(text, token))
      .With("position", std::to_string(token.position))
      .With("token", written)
      .With("reason", reason);
}

Result<std::vector<Token>> Tokenize(std::string_view text) {
  if (text.size() > kLongestText) {
    return Status(ErrorClass::kInvalidPredicate,
                  "the predicate is longer than " + std::to_string(kLongestText) + " bytes")
        .Mend("Shorten it; long lists of values can be joined in the source.")
        .With("position", std::to_string(kLongestText))
        .With("token", "");
  }
  if (const std::size_t valid = data::TextPrefix(text); valid < text.size()) {
    return Status(ErrorClass::kInvalidPredicate,
                  "the predicate holds a NUL or is not UTF-8 at byte " + std::to_string(valid))
        .With("position", std::to_string(valid))
        .With("token", "");
  }
  std::vector<Token> tokens;
  std::size_t at = 0;
  while (true) {
    while (at < text.size() && IsSpace(text[at])) ++at;
    Token token{.kind = TokenKind::kEnd, .value = {}, .position = at, .length = 0};
    if (at == text.size()) {
      tokens.push_back(token);
      return tokens;
    }
    const char c = text[at];
    std::size_t end = std::string_view::npos;
    if (c == '\'' || c == '"' || ((c == 'x' || c == 'X') && text.substr(at + 1, 1) == "'")) {
      const bool hex = c == 'x' || c == 'X';
      const char quote = hex ? '\'' : c;
      token.kind = hex ? TokenKind::kHex : quote == '"' ? TokenKind::kQuoted : TokenKind::kString;
      end = ReadQuoted(text, at + (hex ? 2 : 1), quote, &token.value);
      if (end == std::string_view::npos) {
        token.length = text.size() - at;
        return InvalidAt(text, token, "the closing quote is missing");
      }
    } else if (IsDigit(c) || (c == '.' && at + 1 < text.size() && IsDigit(text[at + 1]) &&
                              (tokens.empty() || !MayHaveFields(tokens.back())))) {
      token.kind = TokenKind::kNumber;
      end = EndOfNumber(text, at);
      if (end < text.size() && ContinuesName(text[end])) {
        while (end < text.size() && ContinuesName(text[end])) ++end;
        token.length = end - at;
        return InvalidAt(text, token, "it is neither a number nor a name");
      }
    } else if (StartsName(c)) {
      token.kind = TokenKind::kName;
      end = at;
      while (end < text.size() && ContinuesName(text[end])) ++end;
    } else {
      token.kind = TokenKind::kSymbol;
      for (const std::string_view symbol : kSymbols) {
        if (text.substr(at, symbol.size()) == symbol) {
          end = at + symbol.size();
          break;
        }
      }
      if (end == std::string_view::npos) {
        token.length = 1;
        return InvalidAt(text, token,
                         c == '`' ? "names are quoted with \"" : "nothing can start with this");
      }
    }
    token.length = end - at;
    if (token.kind != TokenKind::kString && token.kind != TokenKind::kQuoted &&
        token.kind != TokenKind::kHex) {
      token.value = text.substr(at, token.length);
    }
    tokens.push_back(std::move(token));
    at = end;
  }
}

}  // namespace spillway::expr
