// Any bytes as a branch's record: damaged, or a uid that stays below its folder, which reads back
// as it was written.

#include <filesystem>

#include "base/testing/fuzz_folder.h"
#include "lakebase/branch_folder.h"

namespace {

using namespace spillway;

const state::Home& Home() {
  static const state::Home home = [] {
    auto made = state::Home::Resolve(base::testing::FuzzFolder().string(),
                                     [](const std::string&) { return std::nullopt; });
    if (!made.ok()) std::abort();
    std::filesystem::create_directories(lakebase::BranchFolder::ProjectFolder(*made));
    return *std::move(made);
  }();
  return home;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const state::Home& home = Home();
  base::testing::WriteFile(lakebase::BranchFolder::RecordFile(home),
                           base::testing::AsText(bytes, size));
  const auto record = lakebase::ReadBranchRecord(home);
  if (!record.ok()) {
    if (record.status().error_class() != base::ErrorClass::kLocalPostgres) std::abort();
    return 0;
  }
  if (!*record) std::abort();
  const lakebase::BranchFolder folder(home, (**record).uid);
  if (std::filesystem::path(folder.path()).lexically_normal() != folder.path()) std::abort();
  if (!lakebase::WriteBranchRecord(home, **record).ok()) std::abort();
  const auto again = lakebase::ReadBranchRecord(home);
  if (!again.ok() || !*again || (**again).uid != (**record).uid ||
      (**again).port != (**record).port) {
    std::abort();
  }
  return 0;
}
