#include "lakebase/cluster_creation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "lakebase/passage.h"
#include "state/durable_file.h"
#include "state/test_folder.h"

namespace spillway::lakebase {
namespace {

using base::Context;
using base::ErrorClass;
using ::testing::HasSubstr;

class ClusterCreationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(state::MakeFolders(branch_.path(), 0711).ok());
    ASSERT_TRUE(OpenPassage(user_, home_.path(), branch_.path()).ok());
  }

  base::Status Create() {
    return CreateData(Context(), branch_, programs_, user_, base::Secret("hush"));
  }

  std::size_t FilesInBranch() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(branch_.path())) {
      ++count;
    }
    return count;
  }

  const state::TestFolder folder_;
  const state::Home home_ =
      *state::Home::Resolve(folder_.path() + "/home", state::ProcessEnvironment());
  const BranchFolder branch_{home_, "br-1"};
  const OsUser user_ = *ServerUser();
  const ServerPrograms programs_ = *FindPrograms(Context(), state::ProcessEnvironment(), 0);
};

TEST_F(ClusterCreationTest, LeavesACompleteFolderAndNothingElse) {
  const auto created = Create();
  ASSERT_TRUE(created.ok()) << created.ToString();
  EXPECT_EQ(FilesInBranch(), 1u);
  const auto configuration = state::ReadSmallFile(branch_.data() + "/postgresql.conf");
  ASSERT_TRUE(configuration.ok() && *configuration);
  EXPECT_THAT(**configuration, HasSubstr("include '../spillway.conf'"));
  const auto access = state::ReadSmallFile(branch_.data() + "/pg_hba.conf");
  EXPECT_EQ((*access)->find("trust"), std::string::npos);
  struct stat data{};
  ASSERT_EQ(stat(branch_.data().c_str(), &data), 0);
  EXPECT_EQ(data.st_uid, user_.uid);
}

TEST_F(ClusterCreationTest, RemovesWhatADeathLeft) {
  ASSERT_TRUE(state::MakeFolders(branch_.path() + "/making-abc/data", 0700).ok());
  ASSERT_TRUE(state::MakeFolders(branch_.data(), 0700).ok());
  RemoveUnfinishedData(branch_);
  EXPECT_EQ(FilesInBranch(), 1u);
  EXPECT_TRUE(std::filesystem::exists(branch_.data()));
}

TEST_F(ClusterCreationTest, LeavesNothingWhenTheDiskIsFull) {
  if (geteuid() != 0) GTEST_SKIP() << "mounting a tmpfs needs root";
  ASSERT_EQ(mount("none", branch_.path().c_str(), "tmpfs", 0, "size=8m,mode=711"), 0);
  const auto full = Create();
  EXPECT_EQ(full.error_class(), ErrorClass::kStoreNoSpace) << full.ToString();
  EXPECT_EQ(FilesInBranch(), 0u);
  EXPECT_EQ(umount2(branch_.path().c_str(), MNT_DETACH), 0);
}

TEST_F(ClusterCreationTest, RepeatsInitdbsWords) {
  ServerPrograms broken = programs_;
  broken.folder = folder_.path();
  ASSERT_EQ(chmod(folder_.path().c_str(), 0711), 0);
  ASSERT_TRUE(state::ReplaceFile(folder_.path() + "/initdb",
                                 "#!/bin/sh\necho 'initdb: error: it rains'; exit 3\n", 0755)
                  .ok());
  const auto created = CreateData(Context(), branch_, broken, user_, base::Secret("hush"));
  EXPECT_EQ(created.error_class(), ErrorClass::kLocalPostgres);
  EXPECT_THAT(std::string(created.message()), HasSubstr("exit code 3: initdb: error: it rains"));
  EXPECT_EQ(FilesInBranch(), 0u);
}

}  // namespace
}  // namespace spillway::lakebase
