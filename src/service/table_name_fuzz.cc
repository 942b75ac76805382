// Any bytes as a list of names and as a synced table's name: split or refused; what was split is
// joined, and splits into the same.

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/name_list.h"
#include "service/table_name.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace spillway;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  for (const char separator : {'.', ','}) {
    const auto names = base::SplitNames(text, separator);
    if (!names.ok()) continue;
    const auto again = base::SplitNames(base::JoinNames(*names, separator), separator);
    if (names->empty() || !again.ok() || *again != *names) std::abort();
  }
  const auto name = service::ParseSyncedTableName(text);
  if (!name.ok()) return 0;
  const std::array parts = {name->target, name->table.schema, name->table.table};
  const auto again = service::ParseSyncedTableName(base::JoinNames(parts, '.'));
  if (!again.ok() || again->target != name->target || !(again->table == name->table)) std::abort();
  return 0;
}
