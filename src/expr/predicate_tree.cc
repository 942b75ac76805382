#include "expr/predicate_tree.h"

#include <utility>

#include "expr/token.h"

namespace spillway::expr {

using Json = nlohmann::ordered_json;

Tree Leaf(Json json, std::string sql) {
  return {.shape = Tree::Shape::kLeaf, .args = {}, .leaf = std::move(json), .sql = std::move(sql)};
}

Tree Negate(Tree tree) {
  Tree negated{.shape = Tree::Shape::kNot, .args = {}, .leaf = {}, .sql = {}};
  negated.args.push_back(std::move(tree));
  return negated;
}

Tree Join(Tree::Shape shape, std::vector<Tree> args) {
  if (args.size() == 1) return std::move(args[0]);
  Tree joined{.shape = shape, .args = {}, .leaf = {}, .sql = {}};
  for (Tree& arg : args) {
    if (arg.shape == shape) {
      for (Tree& inner : arg.args) joined.args.push_back(std::move(inner));
    } else {
      joined.args.push_back(std::move(arg));
    }
  }
  return joined;
}

Json ToJson(const Tree& tree) {
  if (tree.shape == Tree::Shape::kLeaf) return tree.leaf;
  if (tree.shape == Tree::Shape::kNot) return {{"op", "not"}, {"arg", ToJson(tree.args[0])}};
  Json args = Json::array();
  for (const Tree& arg : tree.args) args.push_back(ToJson(arg));
  return {{"op", tree.shape == Tree::Shape::kAnd ? "and" : "or"}, {"args", std::move(args)}};
}

std::string ToSql(const Tree& tree) {
  if (tree.shape == Tree::Shape::kLeaf) return tree.sql;
  if (tree.shape == Tree::Shape::kNot) return "NOT (" + ToSql(tree.args[0]) + ")";
  std::string sql;
  for (const Tree& arg : tree.args) {
    if (!sql.empty()) sql += tree.shape == Tree::Shape::kAnd ? " AND " : " OR ";
    const bool joint = arg.shape == Tree::Shape::kAnd || arg.shape == Tree::Shape::kOr;
    sql += joint ? "(" + ToSql(arg) + ")" : ToSql(arg);
  }
  return sql;
}

std::string NameSql(const std::string& name) {
  bool plain = !name.empty() && !IsReserved(name) && !(name[0] >= '0' && name[0] <= '9');
  for (const char c : name) {
    plain = plain && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                      (c >= '0' && c <= '9'));
  }
  // "x" before a quote would be read as a hexadecimal literal, and a name never stands before one.
  if (plain) return name;
  std::string quoted = "\"";
  for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

}  // namespace spillway::expr
