#include "service/table_name.h"

#include <optional>
#include <vector>

namespace spillway::service {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

// Takes one name off the front of `rest`, up to `separator`; nullopt when a quote is never closed.
// `exact` tells that the name was quoted.
std::optional<std::string> TakeName(char separator, std::string_view* rest) {
  std::string name;
  if (!rest->starts_with('"')) {
    const std::size_t end = rest->find(separator);
    name = rest->substr(0, end);
    rest->remove_prefix(end == std::string_view::npos ? rest->size() : end);
    return name;
  }
  rest->remove_prefix(1);
  while (!rest->empty()) {
    if (rest->front() == '"') {
      rest->remove_prefix(1);
      if (!rest->starts_with('"')) return name;
    }
    name.push_back(rest->front());
    rest->remove_prefix(1);
  }
  return std::nullopt;
}

Result<std::vector<std::string>> SplitNames(std::string_view text, char separator) {
  std::vector<std::string> names;
  std::string_view rest = text;
  while (true) {
    std::optional<std::string> name = TakeName(separator, &rest);
    if (!name) {
      return Status(ErrorClass::kInvalidArgument,
                    "a quoted name is never closed: " + std::string(text));
    }
    if (name->empty()) {
      return Status(ErrorClass::kInvalidArgument, "a name is empty: '" + std::string(text) + "'");
    }
    names.push_back(*std::move(name));
    if (rest.empty()) return names;
    if (rest.front() != separator) {
      return Status(
          ErrorClass::kInvalidArgument,
          "after a quoted name comes '" + std::string(1, rest.front()) + "': " + std::string(text));
    }
    rest.remove_prefix(1);
  }
}

}  // namespace

Result<SyncedTableName> ParseSyncedTableName(std::string_view text) {
  SPILLWAY_ASSIGN(std::vector<std::string> parts, SplitNames(text, '.'));
  if (parts.size() != 3) {
    return Status(ErrorClass::kInvalidArgument,
                  "a synced table is named TARGET.schema.table, not '" + std::string(text) + "'")
        .Mend("For the PostgreSQL that Spillway runs itself write local.public." + parts.back() +
              "; quote a part that holds a dot.");
  }
  return SyncedTableName{std::move(parts[0]), {std::move(parts[1]), std::move(parts[2])}};
}

Result<std::vector<std::string>> ParseColumnList(std::string_view text) {
  return SplitNames(text, ',');
}

}  // namespace spillway::service
