// Any bytes as a script: parsed or refused, never more; what was created prints and reads back to
// the same.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "face/sql/statement.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace spillway::face::sql;
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  static_cast<void>(IsComplete(text));
  const auto statements = Parse({"", text});
  if (!statements.ok()) return 0;
  for (const Statement& statement : *statements) {
    const auto* create = std::get_if<CreateSyncedTable>(&statement.what);
    // What Validate refuses need not have a form.
    if (create == nullptr || !spillway::sync::Validate(create->definition).ok()) continue;
    const auto again = Parse({"", CreateStatement(create->definition)});
    if (!again.ok() || again->size() != 1 ||
        std::get<CreateSyncedTable>(again->front().what).definition != create->definition) {
      std::abort();
    }
  }
  return 0;
}
