// Any bytes as a connection string: refused, or parted so that nothing is left to part.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "source/connection_string.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using spillway::source::TakePassword;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto parted = TakePassword(text);
  if (!parted.ok()) return 0;
  const auto again = TakePassword(parted->url);
  if (!again.ok() || again->password || again->url != parted->url) std::abort();
  if (!parted->password && parted->url.size() > size) std::abort();
  return 0;
}
