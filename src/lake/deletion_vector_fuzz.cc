// A damaged file of deletion vectors: refused by class or read, never more.

#include "lake/testing/damaged_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace spillway;
  static auto& tables = *new lake::testing::DamagedTables(
      {"cdf_dv"}, [](const std::string& path) { return path.ends_with(".bin"); });
  tables.Try(base::testing::AsText(bytes, size));
  return 0;
}
