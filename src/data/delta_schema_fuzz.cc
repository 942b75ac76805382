// Any bytes as a Delta schema document: read or refused; what was read is written, and reads back
// to the same.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "data/schema.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace spillway::data;
  auto schema = ParseDeltaSchema({reinterpret_cast<const char*>(bytes), size});
  if (!schema.ok()) return 0;
  const auto again = ParseDeltaSchema(FormatDeltaSchema(*schema));
  if (!again.ok() || FormatDeltaSchema(*again) != FormatDeltaSchema(*schema)) std::abort();
  ArrowSchema arrow{};
  if (SchemaToArrow(*schema, &arrow).ok()) {
    if (!SchemaFromArrow(arrow).ok()) std::abort();
    arrow.release(&arrow);
  }
  return 0;
}
