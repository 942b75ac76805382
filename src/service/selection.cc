#include "service/selection.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/name_list.h"
#include "service/table_name.h"

namespace spillway::service {

using base::ErrorClass;
using base::Result;
using base::Status;

namespace {

// A character of a pattern; a wildcard or one that stands for itself.
struct PatternPart {
  char c;
  bool wild;
  bool operator==(const PatternPart&) const = default;
};

constexpr PatternPart kAny{'*', true};
constexpr PatternPart kOne{'?', true};

// What is quoted is written as names are: in quotes only where it must be.
std::vector<PatternPart> ReadPattern(std::string_view pattern) {
  std::vector<PatternPart> parts;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '"') {
      parts.push_back({pattern[i], pattern[i] == '*' || pattern[i] == '?'});
      continue;
    }
    std::string quoted;
    for (++i; i < pattern.size(); ++i) {
      if (pattern[i] == '"' && !pattern.substr(i + 1).starts_with('"')) break;
      if (pattern[i] == '"') ++i;
      quoted.push_back(pattern[i]);
    }
    for (const char c : base::JoinNames(std::array{quoted}, '.')) parts.push_back({c, false});
  }
  return parts;
}

}  // namespace

bool FitsPattern(std::string_view text, std::string_view name) {
  const std::vector<PatternPart> pattern = ReadPattern(text);
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t retry = 0;
  while (n < name.size()) {
    if (p < pattern.size() && (pattern[p] == kOne || pattern[p] == PatternPart{name[n], false})) {
      ++p;
      ++n;
    } else if (p < pattern.size() && pattern[p] == kAny) {
      star = p++;
      retry = n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == kAny) ++p;
  return p == pattern.size();
}

bool IsPattern(std::string_view word) {
  return std::ranges::any_of(ReadPattern(word), &PatternPart::wild);
}

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
