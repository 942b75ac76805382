#ifndef SPILLWAY_FACE_SQL_PLACE_H_
#define SPILLWAY_FACE_SQL_PLACE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "base/status.h"
#include "face/sql/statement.h"

/// Where in a script an error stands. Internal to `face/sql`. Pure; any thread.
namespace spillway::face::sql {

/// The token that begins at byte `byte` of `text`, for a mark: a word, a quoted text, or one
/// character; nothing at the end.
Span TokenAt(std::string_view text, std::size_t byte);

/// The key of Statement::fields for a storage option, however its name is written.
std::string OptionPlace(std::string_view option);

/// "FILE:LINE:COLUMN: WHAT", the line, and carets under `span`; details file, line, column, token.
base::Status ErrorAt(const Script& script, Span span, base::ErrorClass error_class,
                     std::string_view what);

}  // namespace spillway::face::sql

#endif  // SPILLWAY_FACE_SQL_PLACE_H_
