#ifndef SPILLWAY_BASE_NAME_LIST_H_
#define SPILLWAY_BASE_NAME_LIST_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace spillway::base {

/// Splits `shop.public."odd.name"` ('.') or `id, "a,b"` (','). A name in double quotes is taken as
/// it is (`""` for a quote inside); another one is taken up to the separator, and of a list with
/// commas without the spaces around it. At least one name is returned, none is empty. Errors:
/// INVALID_ARGUMENT.
Result<std::vector<std::string>> SplitNames(std::string_view text, char separator);

/// The inverse: names that SplitNames would not take as they are, or that hold a double quote, are
/// quoted; with dots also those that hold * or ?, which would read as a pattern.
std::string JoinNames(std::span<const std::string> names, char separator);

}  // namespace spillway::base

#endif  // SPILLWAY_BASE_NAME_LIST_H_
