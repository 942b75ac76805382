// A damaged checkpoint, sidecar or pointer to one: refused by class or read, never more.

#include "lake/testing/damaged_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace spillway;
  static auto& tables = *new lake::testing::DamagedTables(
      {"v2ckpt", "v2ckpt_parquet", "ckpt_multipart"}, [](const std::string& path) {
        return path.find("checkpoint") != std::string::npos ||
               path.find("_sidecars/") != std::string::npos;
      });
  tables.Try(base::testing::AsText(bytes, size));
  return 0;
}
