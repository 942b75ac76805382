// Any bytes as a stored definition, as an item of SQL and as a schedule: read or refused; a
// definition that was read is written, and reads back to the same.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sync/definition.h"
#include "sync/definition_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace spillway::sync;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  static_cast<void>(CheckSqlItem(text));
  static_cast<void>(CheckSchedule(text));
  const auto definition = DefinitionFromJson(text);
  if (!definition.ok()) return 0;
  // One that is not valid need not be text that JSON can hold.
  if (!Validate(*definition).ok()) return 0;
  const auto again = DefinitionFromJson(ToJson(*definition));
  if (!again.ok() || !(*again == *definition) || RowHash(*again) != RowHash(*definition)) {
    std::abort();
  }
  return 0;
}
