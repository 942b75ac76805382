#ifndef SPILLWAY_EXPR_PREDICATE_TREE_H_
#define SPILLWAY_EXPR_PREDICATE_TREE_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

/// A checked predicate as a tree of AND, OR and NOT over leaves, and the two forms it is written
/// in: lakeio's JSON and SQL. Internal to `expr`. Values; any thread.
namespace spillway::expr {

/// A part of a predicate.
struct Tree {
  enum class Shape : std::uint8_t { kAnd, kOr, kNot, kLeaf };
  Shape shape = Shape::kLeaf;
  std::vector<Tree> args;
  nlohmann::ordered_json leaf;  ///< lakeio's form of a leaf
  std::string sql;              ///< of a leaf
};

/// What compares, tests or matches: its JSON form and its SQL.
Tree Leaf(nlohmann::ordered_json json, std::string sql);
/// NOT `tree`.
Tree Negate(Tree tree);
/// Joins by `shape`, AND or OR, without nesting a joint of the same kind. REQUIRES: `args`.
Tree Join(Tree::Shape shape, std::vector<Tree> args);

/// lakeio's form (docs/formats/lakeio.md).
nlohmann::ordered_json ToJson(const Tree& tree);
/// SQL that reads back as the same tree.
std::string ToSql(const Tree& tree);
/// A column's name in SQL: a plain word where that reads back, else quoted.
std::string NameSql(const std::string& name);

}  // namespace spillway::expr

#endif  // SPILLWAY_EXPR_PREDICATE_TREE_H_
