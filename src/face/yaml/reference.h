#ifndef SPILLWAY_FACE_YAML_REFERENCE_H_
#define SPILLWAY_FACE_YAML_REFERENCE_H_

#include <string>
#include <string_view>

#include "base/result.h"
#include "state/home.h"

namespace spillway::face::yaml {

/// `text` with each `${env:NAME}` and `${file:PATH}` replaced by what it leads to; of a file,
/// relative to `folder`, without one line break at its end. Errors: SECRET_UNAVAILABLE when it
/// leads to nothing, INVALID_DEFINITION for another `${…}`.
base::Result<std::string> ExpandReferences(std::string_view text, std::string_view folder,
                                           const state::Environment& environment);

}  // namespace spillway::face::yaml

#endif  // SPILLWAY_FACE_YAML_REFERENCE_H_
