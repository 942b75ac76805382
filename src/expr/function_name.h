#ifndef SPILLWAY_EXPR_FUNCTION_NAME_H_
#define SPILLWAY_EXPR_FUNCTION_NAME_H_

#include <string>
#include <string_view>

namespace spillway::expr {

/// Why `name`, which is no column, may not stand in a predicate either: because its value is not
/// the rows' own (time, session, randomness), or because it is a function (`called`: a parenthesis
/// follows). "" when it is neither. Pure; any thread.
std::string FunctionRefusal(std::string_view name, bool called);

}  // namespace spillway::expr

#endif  // SPILLWAY_EXPR_FUNCTION_NAME_H_
