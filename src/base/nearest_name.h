#ifndef SPILLWAY_BASE_NEAREST_NAME_H_
#define SPILLWAY_BASE_NEAREST_NAME_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace spillway::base {

/// Edits (insert, delete, replace, swap of neighbours; optimal string alignment, Damerau 1964)
/// between two texts, in bytes, ASCII case not counted.
std::size_t EditDistance(std::string_view a, std::string_view b);

/// The names that someone who wrote `wanted` most likely meant, best first, at most `limit`: within
/// a third of its length in edits (two at least), or containing it, or contained in it.
std::vector<std::string> NearestNames(std::string_view wanted, std::span<const std::string> names,
                                      std::size_t limit);

}  // namespace spillway::base

#endif  // SPILLWAY_BASE_NEAREST_NAME_H_
