#include "expr/predicate.h"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <variant>

#include "data/column_lookup.h"
#include "data/utf8.h"
#include "expr/function_name.h"
#include "expr/literal.h"
#include "expr/predicate_tree.h"
#include "expr/token.h"
#include "expr/type_family.h"

namespace spillway::expr {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using data::Type;
using data::TypeKind;
using Json = nlohmann::ordered_json;

/// Deepest nesting of parentheses and NOT; lakeio accepts twice that.
constexpr int kMaxDepth = 100;

struct Column {
  std::vector<std::string> path;
  Type type;
  Token token;
  std::string sql;
};

using Operand = std::variant<Column, RawLiteral>;

struct Comparison {
  std::string_view symbol;   ///< as written
  std::string_view op;       ///< lakeio's
  std::string_view flipped;  ///< lakeio's with the sides exchanged
};
constexpr Comparison kComparisons[] = {
    {"=", "=", "="},    {"<>", "<>", "<>"},
    {"!=", "<>", "<>"}, {"<", "<", ">"},
    {"<=", "<=", ">="}, {">", ">", "<"},
    {">=", ">=", "<="}, {"<=>", "is_not_distinct", "is_not_distinct"},
};

std::string SqlOperator(std::string_view op) {
  if (op == "is_distinct") return "IS DISTINCT FROM";
  if (op == "is_not_distinct") return "IS NOT DISTINCT FROM";
  return std::string(op);
}

/// Recursive descent over the tokens; one level of the grammar a function.
class Parser {
 public:
  /// Without a schema, null, the syntax alone is parsed; the tree then means nothing.
  Parser(std::string_view text, std::vector<Token> tokens, const data::Schema* schema)
      : text_(text), tokens_(std::move(tokens)), schema_(schema) {}

  Result<Tree> Parse() {
    if (Peek().kind == TokenKind::kEnd) return InvalidAt(text_, Peek(), "a predicate is expected");
    SPILLWAY_ASSIGN(Tree tree, ParseOr());
    if (Peek().kind != TokenKind::kEnd) return Unexpected("AND, OR or the end is expected");
    return tree;
  }

  const std::set<std::size_t>& columns() const { return columns_; }

 private:
  const Token& Peek(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  Token Take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool TakeKeyword(std::string_view keyword) {
    if (!Peek().IsKeyword(keyword)) return false;
    Take();
    return true;
  }
  bool TakeSymbol(std::string_view symbol) {
    if (!Peek().IsSymbol(symbol)) return false;
    Take();
    return true;
  }
  Status Unexpected(std::string_view reason) const { return InvalidAt(text_, Peek(), reason); }

  Result<Tree> ParseOr() {
    std::vector<Tree> args;
    do {
      SPILLWAY_ASSIGN(Tree arg, ParseAnd());
      args.push_back(std::move(arg));
    } while (TakeKeyword("OR"));
    return Join(Tree::Shape::kOr, std::move(args));
  }

  Result<Tree> ParseAnd() {
    std::vector<Tree> args;
    do {
      SPILLWAY_ASSIGN(Tree arg, ParseNot());
      args.push_back(std::move(arg));
    } while (TakeKeyword("AND"));
    return Join(Tree::Shape::kAnd, std::move(args));
  }

  Result<Tree> ParseNot() {
    if (depth_ > kMaxDepth) return Unexpected("it is nested more than 100 levels deep");
    if (TakeKeyword("NOT")) {
      ++depth_;
      SPILLWAY_ASSIGN(Tree tree, ParseNot());
      --depth_;
      return Negate(std::move(tree));
    }
    if (TakeSymbol("(")) {
      ++depth_;
      SPILLWAY_ASSIGN(Tree tree, ParseOr());
      --depth_;
      if (!TakeSymbol(")")) return Unexpected("a closing parenthesis is expected");
      return tree;
    }
    return ParseTest();
  }

  /// A comparison, IS, IN, BETWEEN, LIKE, or a boolean on its own.
  Result<Tree> ParseTest() {
    SPILLWAY_ASSIGN(const Operand left, ParseOperand());
    for (const Comparison& comparison : kComparisons) {
      if (!Peek().IsSymbol(comparison.symbol)) continue;
      Take();
      SPILLWAY_ASSIGN(const Operand right, ParseOperand());
      return Compare(left, comparison.op, right);
    }
    if (TakeKeyword("IS")) return ParseIs(left);
    const bool negated = Peek().IsKeyword("NOT");
    const Token& word = Peek(negated ? 1 : 0);
    if (word.IsKeyword("IN") || word.IsKeyword("BETWEEN") || word.IsKeyword("LIKE")) {
      if (negated) Take();
      const Token taken = Take();
      auto tree = taken.IsKeyword("IN")        ? ParseIn(left)
                  : taken.IsKeyword("BETWEEN") ? ParseBetween(left)
                                               : ParseLike(left);
      if (!tree.ok()) return tree;
      return negated ? Negate(*std::move(tree)) : *std::move(tree);
    }
    return Alone(left);
  }

  /// A boolean column or constant that is a predicate by itself.
  Result<Tree> Alone(const Operand& operand) {
    if (const auto* column = std::get_if<Column>(&operand)) {
      if (schema_ == nullptr) return Tree();
      if (column->type.kind == TypeKind::kBoolean) {
        const RawLiteral yes{
            .kind = LiteralKind::kBoolean, .value = "TRUE", .token = column->token};
        return Compare(operand, "=", yes);
      }
      return Unexpected("a comparison of " + column->sql + " is expected");
    }
    const auto& literal = std::get<RawLiteral>(operand);
    if (literal.kind == LiteralKind::kBoolean) {
      return Leaf({{"op", "literal"}, {"value", literal.value == "TRUE"}}, literal.value);
    }
    if (literal.kind == LiteralKind::kNull) {
      return Leaf({{"op", "literal"}, {"value", nullptr}}, "NULL");
    }
    return Unexpected("a comparison is expected");
  }

  Result<Tree> ParseIs(const Operand& left) {
    const bool negated = TakeKeyword("NOT");
    if (TakeKeyword("DISTINCT")) {
      if (!TakeKeyword("FROM")) return Unexpected("FROM is expected");
      SPILLWAY_ASSIGN(const Operand right, ParseOperand());
      return Compare(left, negated ? "is_not_distinct" : "is_distinct", right);
    }
    if (!TakeKeyword("NULL")) return Unexpected("NULL, NOT NULL or DISTINCT FROM is expected");
    SPILLWAY_ASSIGN(const Column column, WantColumn(left));
    return Leaf({{"op", negated ? "is_not_null" : "is_null"}, {"arg", ColumnJson(column)}},
                column.sql + (negated ? " IS NOT NULL" : " IS NULL"));
  }

  Result<Tree> ParseIn(const Operand& left) {
    SPILLWAY_TRY(CheckComparable(left));
    if (!TakeSymbol("(")) return Unexpected("an opening parenthesis is expected");
    const Type type = TypeOf(left);
    Json values = Json::array();
    std::string list;
    do {
      const Token token = Peek();
      SPILLWAY_ASSIGN(const Operand item, ParseOperand());
      const auto* literal = std::get_if<RawLiteral>(&item);
      if (literal == nullptr) return InvalidAt(text_, token, "IN takes constants");
      if (schema_ == nullptr) continue;
      SPILLWAY_ASSIGN(const TypedLiteral typed, TypeLiteral(*literal, type, NameOf(left), text_));
      values.push_back(LiteralJson(typed));
      list += (list.empty() ? "" : ", ") + typed.sql;
    } while (TakeSymbol(","));
    if (!TakeSymbol(")")) return Unexpected("a comma or a closing parenthesis is expected");
    if (schema_ == nullptr) return Tree();
    SPILLWAY_ASSIGN(const auto arg, OperandForms(left, type));
    return Leaf({{"op", "in"}, {"arg", arg.first}, {"values", std::move(values)}},
                arg.second + " IN (" + list + ")");
  }

  Result<Tree> ParseBetween(const Operand& left) {
    SPILLWAY_ASSIGN(const Operand low, ParseOperand());
    if (!TakeKeyword("AND")) return Unexpected("AND is expected");
    SPILLWAY_ASSIGN(const Operand high, ParseOperand());
    std::vector<Tree> bounds;
    SPILLWAY_ASSIGN(Tree lower, Compare(left, ">=", low));
    SPILLWAY_ASSIGN(Tree upper, Compare(left, "<=", high));
    bounds.push_back(std::move(lower));
    bounds.push_back(std::move(upper));
    return Join(Tree::Shape::kAnd, std::move(bounds));
  }

  Result<Tree> ParseLike(const Operand& left) {
    SPILLWAY_ASSIGN(const Column column, WantColumn(left));
    if (schema_ != nullptr && column.type.kind != TypeKind::kString) {
      return InvalidAt(text_, column.token,
                       "LIKE compares strings, this is " + column.type.ToString());
    }
    const Token pattern = Peek();
    if (pattern.kind != TokenKind::kString) return Unexpected("a 'pattern' is expected");
    Take();
    std::string escape = "\\";
    if (TakeKeyword("ESCAPE")) {
      const Token token = Peek();
      const auto* bytes = reinterpret_cast<const unsigned char*>(token.value.data());
      if (token.kind != TokenKind::kString || token.value.empty() ||
          data::Utf8SequenceLength(bytes, bytes + token.value.size()) != token.value.size() ||
          token.value == "%" || token.value == "_") {
        return Unexpected("one character in quotes, other than % and _, is expected");
      }
      Take();
      escape = token.value;
    }
    SPILLWAY_TRY(CheckPattern(pattern, escape));
    std::string sql = column.sql + " LIKE " + QuoteText(pattern.value);
    if (escape != "\\") sql += " ESCAPE " + QuoteText(escape);
    return Leaf({{"op", "like"},
                 {"arg", ColumnJson(column)},
                 {"pattern", pattern.value},
                 {"escape", escape}},
                std::move(sql));
  }

  /// The escape character must stand before %, _ or itself, as Spark has it.
  Status CheckPattern(const Token& pattern, const std::string& escape) const {
    const std::string& value = pattern.value;
    for (std::size_t at = value.find(escape); at != std::string::npos;
         at = value.find(escape, at)) {
      at += escape.size();
      if (at < value.size() && (value[at] == '%' || value[at] == '_')) {
        ++at;
      } else if (value.compare(at, escape.size(), escape) == 0 && at < value.size()) {
        at += escape.size();
      } else {
        return InvalidAt(
            text_, pattern,
            "the escape character " + escape + " stands before neither %, _ nor itself");
      }
    }
    return Status();
  }

  Result<Operand> ParseOperand() {
    const Token token = Peek();
    if (token.kind == TokenKind::kName) {
      for (const auto& [keyword, kind] : {std::pair{"DATE", LiteralKind::kDate},
                                          std::pair{"TIMESTAMP", LiteralKind::kTimestamp}}) {
        if (!token.IsKeyword(keyword) || Peek(1).kind != TokenKind::kString) continue;
        Take();
        const Token text = Take();
        return Operand(RawLiteral{.kind = kind, .value = text.value, .token = text});
      }
      if (token.IsKeyword("TRUE") || token.IsKeyword("FALSE")) {
        Take();
        return Operand(RawLiteral{.kind = LiteralKind::kBoolean,
                                  .value = token.IsKeyword("TRUE") ? "TRUE" : "FALSE",
                                  .token = token});
      }
      if (token.IsKeyword("NULL")) {
        Take();
        return Operand(RawLiteral{.kind = LiteralKind::kNull, .value = {}, .token = token});
      }
      for (const char* keyword : {"AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "IS"}) {
        if (token.IsKeyword(keyword)) return Unexpected("a column or a constant is expected");
      }
      if (Peek(1).IsSymbol("(")) {
        return Unexpected(FunctionRefusal(token.value, true));
      }
    }
    if (token.kind == TokenKind::kName || token.kind == TokenKind::kQuoted) return ParseColumn();
    if (token.kind == TokenKind::kString || token.kind == TokenKind::kHex) {
      Take();
      return Operand(RawLiteral{
          .kind = token.kind == TokenKind::kHex ? LiteralKind::kHex : LiteralKind::kString,
          .value = token.value,
          .token = token});
    }
    return ParseNumber();
  }

  Result<Operand> ParseNumber() {
    Token token = Peek();
    const bool is_signed = token.IsSymbol("-") || token.IsSymbol("+");
    const Token digits = Peek(is_signed ? 1 : 0);
    if (digits.kind != TokenKind::kNumber) {
      return Unexpected("a column or a constant is expected");
    }
    const std::string sign = token.IsSymbol("-") ? "-" : "";
    if (is_signed) Take();
    Take();
    token.length = digits.position + digits.length - token.position;
    return Operand(RawLiteral{
        .kind = LiteralKind::kNumber, .value = sign + digits.value, .token = std::move(token)});
  }

  /// A column's name, of which nothing is known.
  Result<Operand> ParseUnknownColumn() {
    Column column;
    column.token = Peek();
    do {
      const Token name = Peek();
      if (name.kind != TokenKind::kName && name.kind != TokenKind::kQuoted) {
        return Unexpected("a field's name is expected");
      }
      Take();
      column.sql += (column.sql.empty() ? "" : ".") + NameSql(name.value);
    } while (TakeSymbol("."));
    return Operand(std::move(column));
  }

  Result<Operand> ParseColumn() {
    if (schema_ == nullptr) return ParseUnknownColumn();
    Column column;
    column.token = Peek();
    const std::vector<data::Field>* fields = &schema_->fields;
    std::string path;
    while (true) {
      const Token name = Peek();
      if (name.kind != TokenKind::kName && name.kind != TokenKind::kQuoted) {
        return Unexpected("a field's name is expected");
      }
      Take();
      const auto index = name.kind == TokenKind::kQuoted
                             ? data::LookUpExactField(*fields, name.value, path)
                             : data::LookUpField(*fields, name.value, path);
      if (!index.ok() && path.empty() && name.kind == TokenKind::kName) {
        const std::string refusal = FunctionRefusal(name.value, Peek().IsSymbol("("));
        if (!refusal.empty()) return InvalidAt(text_, name, refusal);
      }
      if (!index.ok()) return NotFound(index.status(), name);
      if (column.path.empty()) columns_.insert(*index);
      const data::Field& field = (*fields)[*index];
      column.path.push_back(field.name);
      column.sql += (column.sql.empty() ? "" : ".") + NameSql(field.name);
      column.token.length = name.position + name.length - column.token.position;
      path += field.name + ".";
      if (!Peek().IsSymbol(".")) {
        column.type = field.type;
        if (field.type.kind == TypeKind::kVoid) {
          return InvalidAt(text_, column.token, "a column of type void has no values");
        }
        return Operand(std::move(column));
      }
      Take();
      if (field.type.kind != TypeKind::kStruct) {
        return Unexpected(column.sql + " is " + field.type.ToString() + " and has no fields");
      }
      fields = &field.type.children;
    }
  }

  /// COLUMN_NOT_FOUND of the look-up, with the place in the predicate.
  Status NotFound(const Status& error, const Token& token) const {
    return Status(error)
        .Restate(std::string(error.message()) + Marked(text_, token))
        .With("position", std::to_string(token.position))
        .With("token", text_.substr(token.position, token.length));
  }

  Result<Column> WantColumn(const Operand& operand) const {
    if (const auto* column = std::get_if<Column>(&operand)) return *column;
    return InvalidAt(text_, TokenOf(operand), "a column is expected here");
  }

  Status CheckComparable(const Operand& operand) const {
    const auto* column = std::get_if<Column>(&operand);
    if (column == nullptr || schema_ == nullptr || FamilyOf(column->type) != Family::kNone) {
      return Status();
    }
    return InvalidAt(text_, column->token,
                     "values of type " + column->type.ToString() + " cannot be compared");
  }

  Result<Tree> Compare(const Operand& left, std::string_view op, const Operand& right) {
    if (schema_ == nullptr) return Tree();
    SPILLWAY_TRY(CheckComparable(left));
    SPILLWAY_TRY(CheckComparable(right));
    const auto* left_column = std::get_if<Column>(&left);
    const auto* right_column = std::get_if<Column>(&right);
    if (left_column == nullptr && right_column != nullptr) {
      for (const Comparison& comparison : kComparisons) {
        if (comparison.op == op) return Compare(right, comparison.flipped, left);
      }
      return Compare(right, op, left);
    }
    if (left_column != nullptr && right_column != nullptr &&
        FamilyOf(left_column->type) != FamilyOf(right_column->type)) {
      return InvalidAt(text_, right_column->token,
                       left_column->sql + " is " + left_column->type.ToString() + " and " +
                           right_column->sql + " is " + right_column->type.ToString() +
                           ": they cannot be compared");
    }
    // Of two constants, one that is not NULL gives the type.
    const bool null_first =
        left_column == nullptr && std::get<RawLiteral>(left).kind == LiteralKind::kNull;
    const Type type = TypeOf(null_first ? right : left);
    SPILLWAY_ASSIGN(const auto left_forms, OperandForms(left, type));
    SPILLWAY_ASSIGN(const auto right_forms, OperandForms(right, type, NameOf(left)));
    return Leaf({{"op", op}, {"left", left_forms.first}, {"right", right_forms.first}},
                left_forms.second + " " + SqlOperator(op) + " " + right_forms.second);
  }

  /// lakeio's JSON and the SQL of an operand that is compared as `type`.
  Result<std::pair<Json, std::string>> OperandForms(const Operand& operand, const Type& type,
                                                    const std::string& other = {}) const {
    if (const auto* column = std::get_if<Column>(&operand)) {
      return std::pair{ColumnJson(*column), column->sql};
    }
    SPILLWAY_ASSIGN(const TypedLiteral typed,
                    TypeLiteral(std::get<RawLiteral>(operand), type, other, text_));
    return std::pair{LiteralJson(typed), typed.sql};
  }

  static Type TypeOf(const Operand& operand) {
    if (const auto* column = std::get_if<Column>(&operand)) return column->type;
    return OwnType(std::get<RawLiteral>(operand));
  }
  static std::string NameOf(const Operand& operand) {
    const auto* column = std::get_if<Column>(&operand);
    return column == nullptr ? std::string() : column->sql;
  }
  static const Token& TokenOf(const Operand& operand) {
    if (const auto* column = std::get_if<Column>(&operand)) return column->token;
    return std::get<RawLiteral>(operand).token;
  }
  static Json ColumnJson(const Column& column) { return {{"column", column.path}}; }
  static Json LiteralJson(const TypedLiteral& literal) {
    Json json = {{"type", literal.type}, {"value", nullptr}};
    if (literal.value) json["value"] = *literal.value;
    return json;
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  const data::Schema* schema_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::set<std::size_t> columns_;
};

}  // namespace

Status Predicate::CheckSyntax(std::string_view text) {
  SPILLWAY_ASSIGN(std::vector<Token> tokens, Tokenize(text));
  return Parser(text, std::move(tokens), nullptr).Parse().status();
}

Result<Predicate> Predicate::Parse(std::string_view text, const data::Schema& schema) {
  SPILLWAY_ASSIGN(std::vector<Token> tokens, Tokenize(text));
  Parser parser(text, std::move(tokens), &schema);
  SPILLWAY_ASSIGN(const Tree tree, parser.Parse());
  Predicate predicate;
  predicate.text_ = ToSql(tree);
  predicate.json_ = ToJson(tree).dump();
  for (const std::size_t index : parser.columns()) {
    predicate.columns_.push_back(schema.fields[index].name);
  }
  return predicate;
}

}  // namespace spillway::expr
