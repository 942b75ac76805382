#ifndef SPILLWAY_FACE_YAML_NODE_H_
#define SPILLWAY_FACE_YAML_NODE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

/// The tree of a YAML document with the place of everything, duplicate keys refused. Private to
/// this module: the types of YAML 1.2's core schema over what yaml-cpp parses.
namespace spillway::face::yaml {

enum class NodeKind : std::uint8_t {
  kEmpty,  ///< nothing stands there
  kNull,   ///< `null` or `~`
  kBoolean,
  kInteger,  ///< decimal, octal or hexadecimal, as written
  kFloat,
  kText,
  kList,
  kMap,
};

/// "a text", "the number", … for messages.
std::string_view Describe(NodeKind kind);

struct Node;
using NodePtr = std::shared_ptr<const Node>;  // shared: an alias is the node it names

struct Node {
  NodeKind kind = NodeKind::kEmpty;
  std::size_t byte = 0;  ///< where it begins in the text
  std::string text;      ///< of all scalars
  std::vector<NodePtr> items;
  std::vector<std::pair<NodePtr, NodePtr>> members;
};

/// A text with the name to call it by in messages.
struct Source {
  std::string file;
  std::string text;
};

/// INVALID_DEFINITION "file:line:column: WHAT" with the line and a caret under `length` bytes;
/// details file, line, column.
base::Status ErrorAt(const Source& source, std::size_t byte, std::size_t length,
                     std::string_view what);

/// The one document of `source`. Errors: INVALID_DEFINITION with the place, for what is no YAML,
/// not UTF-8, a duplicate key, a key that is no scalar, a tag other than !!str, a second document.
base::Result<NodePtr> Parse(const Source& source);

}  // namespace spillway::face::yaml

#endif  // SPILLWAY_FACE_YAML_NODE_H_
