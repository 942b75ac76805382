// A damaged Parquet file of a table: refused by class or read, never more.

#include "lake/testing/damaged_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace spillway;
  static auto& tables = *new lake::testing::DamagedTables(
      {"variant", "variant_shredded", "typewiden", "part_types", "colmap_id"},
      [](const std::string& path) { return path.ends_with(".parquet") && !path.starts_with("_"); });
  tables.Try(base::testing::AsText(bytes, size));
  return 0;
}
