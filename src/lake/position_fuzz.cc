// Any bytes as the position that a target keeps: refused, or the same after writing and reading.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lake/delta_documents.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace spillway::lake;
  const auto position = ParsePosition({reinterpret_cast<const char*>(bytes), size});
  if (!position.ok()) return 0;
  const auto again = ParsePosition(FormatPosition(*position));
  if (!again.ok() || again->log_root != position->log_root ||
      again->table_id != position->table_id || again->version != position->version ||
      again->commit_fingerprint != position->commit_fingerprint) {
    std::abort();
  }
  return 0;
}
