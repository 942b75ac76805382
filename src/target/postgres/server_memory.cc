#include "target/postgres/server_memory.h"

#include <algorithm>
#include <cctype>

namespace spillway::target::postgres {
namespace {

// The least that a process of a parallel build must have, or the server starts fewer of them.
constexpr std::int64_t kRunBytes = std::int64_t{32} << 20;
// A process merges about kRunBytes / 272 KiB = 120 runs at once (tuplesort.c). A row takes up to
// four times as much in a run as in the table: so much of the table, then, for each process.
constexpr std::int64_t kTableBytes = std::int64_t{1} << 30;

bool StartsWithWord(std::string_view text, std::string_view word) {
  return text.size() >= word.size() &&
         std::ranges::equal(text.substr(0, word.size()), word,
                            [](unsigned char a, char b) { return std::tolower(a) == b; });
}

std::string_view WithoutBlanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

Sql Raise(std::string_view setting, std::int64_t granted) {
  Sql sql;
  sql << "SELECT set_config(" << Literal(setting) << ", " << Literal(granted / 1024)
      << ", true) WHERE pg_size_bytes(current_setting(" << Literal(setting) << ")) < " << granted;
  return sql;
}

}  // namespace

bool IsBtree(std::string_view clause) {
  constexpr std::string_view kUsing = "using";
  clause = WithoutBlanks(clause);
  if (!StartsWithWord(clause, kUsing)) return true;
  return StartsWithWord(WithoutBlanks(clause.substr(kUsing.size())), "btree");
}

Sql SetSortMemory(const TableName& table, std::int64_t granted) {
  Sql sql;
  sql << "SELECT set_config('maintenance_work_mem', (CASE WHEN pg_relation_size(to_regclass("
      << Literal((Sql() << table).text()) << ")) <= processes * " << kTableBytes
      << " THEN processes * " << kRunBytes << " ELSE greatest(" << granted
      << ", pg_size_bytes(current_setting('maintenance_work_mem'))) END / 1024)::text, true)"
      << " FROM (SELECT 1 + current_setting('max_parallel_maintenance_workers')::bigint"
      << " AS processes) AS server";
  return sql;
}

Sql RaiseIndexMemory(std::int64_t granted) { return Raise("maintenance_work_mem", granted); }

Sql RaiseWorkMemory(std::int64_t granted) { return Raise("work_mem", granted); }

}  // namespace spillway::target::postgres
