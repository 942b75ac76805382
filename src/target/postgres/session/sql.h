#ifndef SPILLWAY_TARGET_POSTGRES_SESSION_SQL_H_
#define SPILLWAY_TARGET_POSTGRES_SESSION_SQL_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "target/table_state.h"

/// Assembly of SQL for PostgreSQL. Text enters a statement only as a literal of this program's
/// source, an Identifier, a Literal, a ColumnType, an IndexClause, a ColumnDeclaration or a
/// ServerSql, so that no input can change what a statement means. Values only; any thread.
namespace spillway::target::postgres {

/// NAMEDATALEN - 1: the server cuts longer names silently, so they are refused here.
inline constexpr std::size_t kMaxIdentifierBytes = 63;

/// True when `text` is well-formed UTF-8 without surrogates (RFC 3629) and holds no NUL.
bool IsStorableText(std::string_view text);

/// `text` cut to at most `max_bytes`, at the end of a character.
std::string_view CutUtf8(std::string_view text, std::size_t max_bytes);

/// A piece of SQL that stands in this program's source.
class SqlText {
 public:
  consteval SqlText(const char* text) : text_(text) {}  // NOLINT(google-explicit-constructor)
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

/// A name. Errors (kept until the statement is run): INVALID_ARGUMENT for an empty name, one over
/// 63 bytes, NUL or invalid UTF-8.
class Identifier {
 public:
  explicit Identifier(std::string_view name) : name_(name) {}
  std::string_view name() const { return name_; }

 private:
  std::string_view name_;
};

/// A constant of unknown type, written so that no server setting changes its meaning.
class Literal {
 public:
  explicit Literal(std::string_view text) : text_(text) {}
  explicit Literal(std::int64_t number) : text_(std::to_string(number)) {}
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// The name of a data type as the type table writes it: words, quoted parts, dots, (n) or (n,m),
/// [].
class ColumnType {
 public:
  explicit ColumnType(std::string_view type) : type_(type) {}
  std::string_view type() const { return type_; }

 private:
  std::string_view type_;
};

/// What a definition says of an index, between the table's name and the statement's end: "(a,
/// lower(b))", "using gin (tags)". Parentheses and quotes must balance; no semicolon or comment
/// outside quotes.
class IndexClause {
 public:
  explicit IndexClause(std::string_view clause) : clause_(clause) {}
  std::string_view clause() const { return clause_; }

 private:
  std::string_view clause_;
};

/// What a definition says of a target-only column, after its name: "text DEFAULT ''". Parentheses
/// and quotes must balance; no comma, semicolon or comment outside them.
class ColumnDeclaration {
 public:
  explicit ColumnDeclaration(std::string_view text) : text_(text) {}
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

/// SQL that the server itself wrote from its catalogs in this session, whose search_path is
/// pg_catalog: what format() with %I and %L, pg_get_viewdef and their like return.
class ServerSql {
 public:
  explicit ServerSql(std::string_view text) : text_(text) {}
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

/// A statement, or several separated by semicolons, being assembled.
class Sql {
 public:
  Sql() = default;
  Sql& operator<<(SqlText text);
  Sql& operator<<(Identifier identifier);
  Sql& operator<<(const Literal& literal);
  Sql& operator<<(ColumnType type);
  Sql& operator<<(IndexClause clause);
  Sql& operator<<(ColumnDeclaration declaration);
  Sql& operator<<(ServerSql text);
  Sql& operator<<(const TableName& table);  ///< "schema"."table"
  Sql& operator<<(const Sql& part);
  /// A number as such.
  Sql& operator<<(std::int64_t number);
  /// Names separated by commas.
  Sql& operator<<(std::span<const std::string> identifiers);

  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  /// The first error of assembly; a statement with one is never sent.
  const base::Status& status() const { return error_; }

 private:
  void Fail(base::Status error);
  std::string text_;
  base::Status error_;
};

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_SESSION_SQL_H_
