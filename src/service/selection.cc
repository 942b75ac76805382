#include "service/selection.h"

#include <set>

#include "service/table_name.h"

namespace spillway::service {

using base::ErrorClass;
using base::Result;
using base::Status;

bool FitsPattern(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t retry = 0;
  while (n < name.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n]) && pattern[p] != '*') {
      ++p;
      ++n;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool IsPattern(std::string_view word) { return word.find_first_of("*?") != std::string_view::npos; }

Result<std::vector<state::SyncedTable>> SelectSyncedTables(const base::Context& context,
                                                           state::Store& store,
                                                           const std::vector<std::string>& wanted) {
  std::vector<state::SyncedTable> selected;
  std::set<std::string> taken;
  const auto take = [&](const state::SyncedTable& table) {
    if (taken.insert(table.id).second) selected.push_back(table);
  };
  for (const std::string& word : wanted) {
    if (!IsPattern(word)) {
      SPILLWAY_ASSIGN(const SyncedTableName parsed, ParseSyncedTableName(word));
      state::SyncedTable key;
      key.target = parsed.target;
      key.schema = parsed.table.schema;
      key.table = parsed.table.table;
      SPILLWAY_ASSIGN(const state::SyncedTable table, store.GetSyncedTable(context, key.name()));
      take(table);
      continue;
    }
    SPILLWAY_ASSIGN(const auto all, store.ListSyncedTables(context));
    bool any = false;
    for (const state::SyncedTable& table : all) {
      if (!FitsPattern(word, table.name())) continue;
      any = true;
      take(table);
    }
    if (!any) {
      return Status(ErrorClass::kSyncedTableNotFound, "no synced table fits the pattern " + word)
          .With("name", word);
    }
  }
  return selected;
}

}  // namespace spillway::service
