#ifndef SPILLWAY_DATA_COLUMN_LOOKUP_H_
#define SPILLWAY_DATA_COLUMN_LOOKUP_H_

#include <cstddef>
#include <span>
#include <string_view>

#include "base/result.h"
#include "data/schema.h"

namespace spillway::data {

/// Whether two names differ by letter case alone (ASCII) or not at all.
bool IsSameName(std::string_view a, std::string_view b);

/// Index of the field that a person means by `name`: the one of exactly that name, else the only
/// one that differs by letter case alone (ASCII). Errors: COLUMN_NOT_FOUND with details column and
/// nearest (names, comma-separated; at most three), also when several differ by case alone. `path`
/// is what stands before the name in messages: "" or "a.b.".
base::Result<std::size_t> LookUpField(std::span<const Field> fields, std::string_view name,
                                      std::string_view path);

/// The same for a name that is meant to the letter, as one in double quotes is.
base::Result<std::size_t> LookUpExactField(std::span<const Field> fields, std::string_view name,
                                           std::string_view path);

}  // namespace spillway::data

#endif  // SPILLWAY_DATA_COLUMN_LOOKUP_H_
