// Any bytes as a postmaster.pid: half written, or numbers that a process and a port can have.

#include <filesystem>

#include "base/testing/fuzz_folder.h"
#include "lakebase/postmaster.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace spillway;
  const std::filesystem::path& folder = base::testing::FuzzFolder();
  base::testing::WriteFile(folder / "postmaster.pid", base::testing::AsText(bytes, size));
  const auto file = lakebase::ReadPostmasterFile(folder);
  if (!file.ok()) std::abort();
  if (*file && (**file).pid <= 0) std::abort();
  // No process works in that folder, whatever number the bytes name.
  const auto found = lakebase::FindPostmaster(folder);
  if (!found.ok() || *found) std::abort();
  return 0;
}
