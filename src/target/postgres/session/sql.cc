#include "target/postgres/session/sql.h"

#include <utility>

namespace spillway::target::postgres {
namespace {

using base::ErrorClass;
using base::Status;

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

void AppendQuoted(std::string_view text, char quote, std::string* out) {
  out->push_back(quote);
  for (const char c : text) {
    if (c == quote) out->push_back(quote);
    out->push_back(c);
  }
  out->push_back(quote);
}

// Length of the quoted run that starts at text[0]; 0 when it does not end.
std::size_t QuotedRun(std::string_view text) {
  const char quote = text.front();
  std::size_t at = 1;
  while (at < text.size()) {
    if (text[at] != quote) {
      ++at;
    } else if (at + 1 < text.size() && text[at + 1] == quote) {
      at += 2;
    } else {
      return at + 1;
    }
  }
  return 0;
}

bool IsColumnType(std::string_view type) {
  if (type.empty() || !IsStorableText(type)) return false;
  std::size_t at = 0;
  while (at < type.size()) {
    const char c = type[at];
    if (c == '"') {
      const std::size_t run = QuotedRun(type.substr(at));
      if (run == 0) return false;
      at += run;
    } else if (c == '(') {
      const auto close = type.find(')', at);
      if (close == std::string_view::npos) return false;
      const auto inside = type.substr(at + 1, close - at - 1);
      if (inside.empty() || inside.find_first_not_of("0123456789, ") != std::string_view::npos) {
        return false;
      }
      at = close + 1;
    } else if (type.substr(at).starts_with("[]")) {
      at += 2;
    } else if (IsWordCharacter(c) || c == ' ' || c == '.') {
      ++at;
    } else {
      return false;
    }
  }
  return true;
}

// The reason why `clause` may not stand in a statement, or "".
std::string_view ClauseProblem(std::string_view clause, bool comma_allowed) {
  if (!IsStorableText(clause)) return "it holds a NUL byte or invalid UTF-8";
  std::string open;  // what closes the open brackets
  std::size_t at = 0;
  while (at < clause.size()) {
    const char c = clause[at];
    const std::string_view rest = clause.substr(at);
    if (c == '\'' || c == '"') {
      const std::size_t run = QuotedRun(rest);
      if (run == 0) return "a quote is not closed";
      // A backslash could end a string earlier or later than it seems, by the kind of string.
      if (rest.substr(0, run).find('\\') != std::string_view::npos) {
        return "a quoted part holds a backslash";
      }
      at += run;
      continue;
    }
    if (c == ';') return "it holds a semicolon";
    if (c == ',' && open.empty() && !comma_allowed) return "it holds a comma outside brackets";
    if (c == '$') return "it holds a dollar sign outside quotes";
    if (rest.starts_with("--") || rest.starts_with("/*")) return "it holds a comment";
    if (c == '(' || c == '[') {
      open.push_back(c == '(' ? ')' : ']');
    } else if (c == ')' || c == ']') {
      if (open.empty() || open.back() != c) return "a bracket closes that was not opened";
      open.pop_back();
    }
    ++at;
  }
  if (!open.empty()) return "a bracket is not closed";
  return {};
}

}  // namespace

bool IsStorableText(std::string_view text) {
  std::size_t at = 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  while (at < text.size()) {
    const unsigned char first = byte(at);
    if (first == 0) return false;
    if (first < 0x80) {
      ++at;
      continue;
    }
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || at + length > text.size()) return false;
    for (std::size_t i = 1; i < length; ++i) {
      if ((byte(at + i) & 0xC0) != 0x80) return false;
    }
    const unsigned char second = byte(at + 1);
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
        (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) {
      return false;
    }
    at += length;
  }
  return true;
}

std::string_view CutUtf8(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  std::size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

void Sql::Fail(Status error) {
  if (error_.ok()) error_ = std::move(error);
}

Sql& Sql::operator<<(SqlText text) {
  text_ += text.text();
  return *this;
}

Sql& Sql::operator<<(Identifier identifier) {
  const std::string_view name = identifier.name();
  if (name.empty()) {
    Fail(Status(ErrorClass::kInvalidArgument, "a name is empty"));
  } else if (name.size() > kMaxIdentifierBytes) {
    Fail(Status(ErrorClass::kInvalidArgument,
                "a name is longer than PostgreSQL's 63 bytes: " + std::string(name))
             .With("object", name));
  } else if (!IsStorableText(name)) {
    Fail(Status(ErrorClass::kInvalidArgument, "a name holds a NUL byte or invalid UTF-8"));
  }
  AppendQuoted(name, '"', &text_);
  return *this;
}

Sql& Sql::operator<<(const Literal& literal) {
  if (!IsStorableText(literal.text())) {
    Fail(Status(ErrorClass::kCharacterNotInRepertoire,
                "a value in a statement holds a NUL byte or invalid UTF-8"));
  }
  if (literal.text().find('\\') == std::string::npos) {
    AppendQuoted(literal.text(), '\'', &text_);
    return *this;
  }
  // With E'' a backslash means the same whatever standard_conforming_strings is.
  text_ += " E'";
  for (const char c : literal.text()) {
    if (c == '\'' || c == '\\') text_.push_back(c);
    text_.push_back(c);
  }
  text_.push_back('\'');
  return *this;
}

Sql& Sql::operator<<(ServerSql text) {
  text_ += text.text();
  return *this;
}

Sql& Sql::operator<<(ColumnType type) {
  if (!IsColumnType(type.type())) {
    Fail(Status(ErrorClass::kInvalidDefinition,
                "this is not the name of a data type: " + std::string(type.type())));
  }
  text_ += type.type();
  return *this;
}

Sql& Sql::operator<<(IndexClause clause) {
  auto problem = ClauseProblem(clause.clause(), true);
  if (problem.empty() && clause.clause().find('(') == std::string_view::npos) {
    problem = "it names no columns in parentheses";
  }
  if (!problem.empty()) {
    Fail(Status(ErrorClass::kInvalidDefinition,
                "an index cannot be used as written: " + std::string(problem) + ": " +
                    std::string(clause.clause()))
             .Mend("Write the part of CREATE INDEX after the table's name: (a, lower(b)).")
             .With("object", clause.clause()));
  }
  text_ += clause.clause();
  return *this;
}

Sql& Sql::operator<<(ColumnDeclaration declaration) {
  if (const auto problem = ClauseProblem(declaration.text(), false); !problem.empty()) {
    Fail(Status(ErrorClass::kInvalidDefinition,
                "an extra column cannot be declared as written: " + std::string(problem) + ": " +
                    std::string(declaration.text()))
             .Mend("Write what stands after a column's name in CREATE TABLE: text DEFAULT ''.")
             .With("object", declaration.text()));
  }
  text_ += declaration.text();
  return *this;
}

Sql& Sql::operator<<(const TableName& table) {
  return *this << Identifier(table.schema) << "." << Identifier(table.table);
}

Sql& Sql::operator<<(const Sql& part) {
  if (!part.error_.ok()) Fail(part.error_);
  text_ += part.text_;
  return *this;
}

Sql& Sql::operator<<(std::int64_t number) {
  text_ += std::to_string(number);
  return *this;
}

Sql& Sql::operator<<(std::span<const std::string> identifiers) {
  bool first = true;
  for (const std::string& name : identifiers) {
    if (!first) text_ += ", ";
    first = false;
    *this << Identifier(name);
  }
  return *this;
}

}  // namespace spillway::target::postgres
