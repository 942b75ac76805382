// A damaged commit of a Delta log: refused by class or read, never more.

#include "lake/testing/damaged_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace spillway;
  static auto& tables = *new lake::testing::DamagedTables(
      {"cdf_dv", "part_types", "colmap", "overwrite"}, [](const std::string& path) {
        return path.starts_with("_delta_log/") && path.ends_with(".json");
      });
  tables.Try(base::testing::AsText(bytes, size));
  return 0;
}
