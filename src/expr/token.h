#ifndef SPILLWAY_EXPR_TOKEN_H_
#define SPILLWAY_EXPR_TOKEN_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace spillway::expr {

enum class TokenKind : std::uint8_t {
  kName,    ///< a plain word: a column, a keyword
  kQuoted,  ///< a "quoted" column
  kNumber,  ///< without sign
  kString,  ///< a 'string'
  kHex,     ///< X'…'
  kSymbol,  ///< = <> != < <= > >= <=> ( ) , . + -
  kEnd,
};

/// A piece of a predicate's text.
struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string value;         ///< names, strings unquoted; numbers and symbols as written
  std::size_t position = 0;  ///< byte in the text
  std::size_t length = 0;    ///< in bytes, as written; 0 at the end

  bool IsSymbol(std::string_view symbol) const {
    return kind == TokenKind::kSymbol && value == symbol;
  }
  /// A plain word that is `keyword` (upper case) in any case.
  bool IsKeyword(std::string_view keyword) const;
};

/// Cuts `text` into tokens; the last is kEnd. Errors: INVALID_PREDICATE at the byte that starts no
/// token.
base::Result<std::vector<Token>> Tokenize(std::string_view text);

/// The text on one line, cut around `token` when it is long, and below it a line with a caret under
/// the token; both are indented and start with a line break.
std::string Marked(std::string_view text, const Token& token);

/// INVALID_PREDICATE: `reason`, then the text with a caret under `token`; details position and
/// token.
base::Status InvalidAt(std::string_view text, const Token& token, std::string_view reason);

/// The words that cannot be a plain column name.
bool IsReserved(std::string_view word);

}  // namespace spillway::expr

#endif  // SPILLWAY_EXPR_TOKEN_H_
