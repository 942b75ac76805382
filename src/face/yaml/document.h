#ifndef SPILLWAY_FACE_YAML_DOCUMENT_H_
#define SPILLWAY_FACE_YAML_DOCUMENT_H_

#include <string>
#include <string_view>

#include "base/result.h"
#include "service/configuration.h"
#include "state/home.h"

/// The YAML form of definitions: docs/reference/definition-file.md. Parses and prints; what becomes
/// of it is service/apply.h's. Any thread.
namespace spillway::face::yaml {

/// Where a text comes from.
struct DocumentPlace {
  std::string file;    ///< the name in messages
  std::string folder;  ///< absolute; what relative paths in the text start from
};

/// Reads one document, strictly. Defaults are merged into the tables; `${env:}` and `${file:}` in
/// locations are replaced, those that are a secret are kept as references. Errors name file, line
/// and column: INVALID_DEFINITION (no YAML, an unknown key with the nearest right ones, a wrong
/// type, a duplicate), NOT_YET_SUPPORTED (another version), SECRET_UNAVAILABLE.
base::Result<service::Configuration> ReadDocument(std::string_view text, const DocumentPlace& place,
                                                  const state::Environment& environment);

/// The document that ReadDocument reads as `configuration`: what is left at its default is left
/// out. Ends with a line break.
std::string WriteDocument(const service::Configuration& configuration);

/// Whether `text` can stand in YAML as it is and every reader, of 1.1 or 1.2, takes it for this
/// text: no number, truth or nothing.
bool IsPlain(std::string_view text);

/// `text` as a YAML scalar that is read as this text, on one line: plain where it can be.
std::string Scalar(std::string_view text);

}  // namespace spillway::face::yaml

#endif  // SPILLWAY_FACE_YAML_DOCUMENT_H_
