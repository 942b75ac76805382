#include "lakebase/folder_sync.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "state/durable_file.h"
#include "state/test_folder.h"

namespace spillway::lakebase {
namespace {

using base::Context;
using base::ErrorClass;

TEST(SyncTree, TakesFilesAndFolders) {
  const state::TestFolder folder;
  for (int i = 0; i < 50; ++i) {
    const std::string below = folder.path() + "/" + std::to_string(i);
    ASSERT_TRUE(state::MakeFolders(below, 0700).ok());
    ASSERT_TRUE(state::ReplaceFile(below + "/file", "content", 0600).ok());
  }
  std::filesystem::create_symlink("nowhere", folder.path() + "/link");
  EXPECT_TRUE(SyncTree(Context(), folder.path()).ok());
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(SyncTree({base::Deadline(), stop.get_token()}, folder.path()).error_class(),
            ErrorClass::kCancelled);
  EXPECT_EQ(SyncTree(Context(), folder.path() + "/none").error_class(), ErrorClass::kFileUnusable);
}

}  // namespace
}  // namespace spillway::lakebase
