#ifndef SPILLWAY_FACE_YAML_JSON_H_
#define SPILLWAY_FACE_YAML_JSON_H_

#include <string>
#include <string_view>

/// Answers of the program as YAML. Pure; any thread.
namespace spillway::face::yaml {

/// The YAML document, with its line break, that every reader of 1.1 or 1.2 takes for the same
/// values as the JSON text. Maps and lists are blocks, lists of scalars stand on one line.
/// REQUIRES: `json` is JSON.
std::string FromJson(std::string_view json);

}  // namespace spillway::face::yaml

#endif  // SPILLWAY_FACE_YAML_JSON_H_
