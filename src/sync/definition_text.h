#ifndef SPILLWAY_SYNC_DEFINITION_TEXT_H_
#define SPILLWAY_SYNC_DEFINITION_TEXT_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sync/definition_fields.h"

/// The value of a field as texts: what flags carry, and what a quoted value of the SQL form may be.
/// Column lists are `id, "a,b"`, maps `tags=text[],"odd=name"=varchar(10)`, other lists one text
/// each. Pure; any thread.
namespace spillway::sync {

/// The value that `texts`, each given by one flag, mean together. Lists and maps add up; a kind
/// that has one value takes one text. Errors: INVALID_DEFINITION with detail `field`.
base::Result<FieldValue> ValueFromTexts(const Field& field, std::span<const std::string> texts);

/// The inverse, for values of a definition that Validate accepts: one text, or one for each element
/// of kTexts and of maps.
std::vector<std::string> TextsFromValue(const Field& field, const FieldValue& value);

/// The value on one line for people: what stands in a plan and in the reference.
std::string ValueForPeople(const Field& field, const FieldValue& value);

}  // namespace spillway::sync

#endif  // SPILLWAY_SYNC_DEFINITION_TEXT_H_
