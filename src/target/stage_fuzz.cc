// Any bytes as a stage handle: refused, or the same handle when written and read again.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "target/stage.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using spillway::target::Stage;
  const auto stage = Stage::Parse({reinterpret_cast<const char*>(bytes), size});
  if (!stage.ok()) {
    if (stage.status().code() == spillway::base::Code::kInternal) std::abort();
    return 0;
  }
  const std::string written = stage->Serialize();
  const auto again = Stage::Parse(written);
  if (!again.ok() || again->Serialize() != written) std::abort();
  return 0;
}
