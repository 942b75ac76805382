#include "service/selection.h"

#include <algorithm>
#include <set>

#include "service/table_name.h"

namespace spillway::service {

using base::ErrorClass;
using base::Result;
using base::Status;

namespace {

// A byte of a name, or what stands for others.
struct Part {
  enum Kind { kByte, kDot, kAny, kOne };
  Kind kind;
  char byte;
  bool operator==(const Part&) const = default;
};

bool ContinuesCharacter(const Part& part) {
  return part.kind == Part::kByte && (static_cast<unsigned char>(part.byte) & 0xC0) == 0x80;
}

Part ReadBare(char c) {
  return {c == '*' ? Part::kAny : c == '?' ? Part::kOne : c == '.' ? Part::kDot : Part::kByte, c};
}

// A pattern, or a name in the form of one: in quotes everything stands for itself.
std::vector<Part> ReadPattern(std::string_view text) {
  std::vector<Part> parts;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool doubled = quoted && text.substr(i).starts_with("\"\"");
    if (text[i] == '"' && !doubled) {
      quoted = !quoted;
      continue;
    }
    if (doubled) ++i;
    parts.push_back(quoted ? Part{Part::kByte, text[i]} : ReadBare(text[i]));
  }
  return parts;
}

// The place in `name` behind the character at `at`.
std::size_t AfterCharacter(const std::vector<Part>& name, std::size_t at) {
  do {
    ++at;
  } while (at < name.size() && ContinuesCharacter(name[at]));
  return at;
}

}  // namespace

bool FitsPattern(std::string_view pattern_text, std::string_view name_text) {
  const std::vector<Part> pattern = ReadPattern(pattern_text);
  const std::vector<Part> name = ReadPattern(name_text);
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t retry = 0;
  while (n < name.size()) {
    const bool is_one = p < pattern.size() && pattern[p].kind == Part::kOne;
    if (is_one && name[n].kind == Part::kByte && !ContinuesCharacter(name[n])) {
      ++p;
      n = AfterCharacter(name, n);
    } else if (p < pattern.size() && pattern[p].kind == Part::kAny) {
      star = p++;
      retry = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p].kind == Part::kAny) ++p;
  return p == pattern.size();
}

bool IsPattern(std::string_view word) {
  return std::ranges::any_of(ReadPattern(word), [](const Part& part) {
    return part.kind == Part::kAny || part.kind == Part::kOne;
  });
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
