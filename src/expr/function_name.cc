#include "expr/function_name.h"

#include <algorithm>
#include <array>

namespace spillway::expr {
namespace {

// Functions and words of SQL whose value is not the rows' own. A column of such a name is a column.
struct Unsteady {
  std::string_view name;
  std::string_view source;
};
constexpr auto kUnsteady = std::to_array<Unsteady>({{"clock_timestamp", "time"},
                                                    {"curdate", "time"},
                                                    {"current_date", "time"},
                                                    {"current_time", "time"},
                                                    {"current_timestamp", "time"},
                                                    {"getdate", "time"},
                                                    {"localtime", "time"},
                                                    {"localtimestamp", "time"},
                                                    {"now", "time"},
                                                    {"statement_timestamp", "time"},
                                                    {"sysdate", "time"},
                                                    {"transaction_timestamp", "time"},
                                                    {"unix_timestamp", "time"},
                                                    {"current_catalog", "the session"},
                                                    {"current_database", "the session"},
                                                    {"current_role", "the session"},
                                                    {"current_schema", "the session"},
                                                    {"current_setting", "the session"},
                                                    {"current_timezone", "the session"},
                                                    {"current_user", "the session"},
                                                    {"session_user", "the session"},
                                                    {"user", "the session"},
                                                    {"gen_random_uuid", "randomness"},
                                                    {"newid", "randomness"},
                                                    {"rand", "randomness"},
                                                    {"randn", "randomness"},
                                                    {"random", "randomness"},
                                                    {"uuid", "randomness"}});

}  // namespace

std::string FunctionRefusal(std::string_view name, bool called) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const auto* const found = std::ranges::find(kUnsteady, lower, &Unsteady::name);
  if (found != kUnsteady.end()) {
    return lower + " depends on " + std::string(found->source) +
           ": a predicate must choose the same rows whenever and by whomever it is evaluated";
  }
  return called ? "functions are not part of predicates" : "";
}

}  // namespace spillway::expr
