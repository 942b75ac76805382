#ifndef SPILLWAY_EXPR_PREDICATE_H_
#define SPILLWAY_EXPR_PREDICATE_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/schema.h"

namespace spillway::expr {

/// A row predicate over a table's columns: parsed, checked against a schema, printable. It is not
/// evaluated here; lakeio prunes with it and filters every row. An immutable value.
class Predicate {
 public:
  /// Parses SQL: columns plain or "quoted", nested by dot; literals: numbers, 'strings', TRUE,
  /// FALSE, NULL, DATE '…', TIMESTAMP '…' (no zone: UTC), X'hex'; comparisons = <> != < <= > >=
  /// <=>, IS [NOT] DISTINCT FROM, AND OR NOT, IN, BETWEEN, LIKE [ESCAPE], IS [NOT] NULL. Resolves
  /// columns in `schema` (exact name first, else a unique match regardless of case) and types
  /// literals by what they are compared with. A quoted column is meant to the letter. Errors:
  /// INVALID_PREDICATE with details "position" (byte, from 0) and "token", the message showing the
  /// text with a caret; COLUMN_NOT_FOUND with the nearest names.
  static base::Result<Predicate> Parse(std::string_view text, const data::Schema& schema);

  /// What of `text` can be checked without a schema: its syntax, and that it calls no function.
  /// Both are errors of Parse with any schema: INVALID_PREDICATE.
  static base::Status CheckSyntax(std::string_view text);

  /// Canonical SQL: equal predicates print equally; parses back to an equal predicate.
  const std::string& text() const { return text_; }
  /// The tree of lakeio.h (PREDICATE, version 1) as JSON.
  const std::string& lakeio_json() const { return json_; }
  /// Top-level columns used, each once, in schema order.
  const std::vector<std::string>& columns() const { return columns_; }

 private:
  std::string text_;
  std::string json_;
  std::vector<std::string> columns_;
};

}  // namespace spillway::expr

#endif  // SPILLWAY_EXPR_PREDICATE_H_
