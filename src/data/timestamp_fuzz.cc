// Any bytes as a moment: parsed or refused; what was parsed is written, and reads back to the same.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "data/value_parse.h"
#include "data/value_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace spillway::data;
  const auto parsed = ParseTimestamp({reinterpret_cast<const char*>(bytes), size});
  if (!parsed) return 0;
  char room[kMaxScalarText];
  const char* const end = WriteTimestamp(parsed->micros, parsed->has_zone, room);
  const auto again = ParseTimestamp({room, static_cast<std::size_t>(end - room)});
  if (!again || again->micros != parsed->micros || again->has_zone != parsed->has_zone) {
    std::abort();
  }
  return 0;
}
