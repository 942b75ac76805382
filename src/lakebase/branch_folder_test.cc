#include "lakebase/branch_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "state/durable_file.h"
#include "state/test_folder.h"

namespace spillway::lakebase {
namespace {

class BranchFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(state::MakeFolders(BranchFolder::ProjectFolder(home_), 0700).ok());
  }

  const state::TestFolder folder_;
  const state::Home home_ =
      *state::Home::Resolve(folder_.path() + "/home", state::ProcessEnvironment());
};

TEST_F(BranchFolderTest, RoundTripsTheRecord) {
  EXPECT_EQ(ReadBranchRecord(home_)->has_value(), false);
  ASSERT_TRUE(WriteBranchRecord(home_, {"br-1", std::nullopt}).ok());
  auto record = ReadBranchRecord(home_);
  ASSERT_TRUE(record.ok() && *record);
  EXPECT_EQ((*record)->uid, "br-1");
  EXPECT_EQ((*record)->port, std::nullopt);
  ASSERT_TRUE(WriteBranchRecord(home_, {"br-1", 15432}).ok());
  record = ReadBranchRecord(home_);
  EXPECT_EQ((*record)->port, 15432);
}

TEST_F(BranchFolderTest, MakesAPasswordOnce) {
  const BranchFolder branch(home_, "br-1");
  EXPECT_FALSE(ReadPassword(branch).ok());
  ASSERT_TRUE(state::MakeFolders(branch.path(), 0700).ok());
  const auto made = MakePassword(branch);
  ASSERT_TRUE(made.ok());
  EXPECT_GE(made->Reveal().size(), 32u);
  EXPECT_EQ(MakePassword(branch)->Reveal(), made->Reveal());
  EXPECT_EQ(ReadPassword(branch)->Reveal(), made->Reveal());
  struct stat file{};
  ASSERT_EQ(stat(branch.password_file().c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  ASSERT_TRUE(state::ReplaceFile(branch.password_file(), "half", 0600).ok());
  EXPECT_EQ(ReadPassword(branch).status().error_class(), base::ErrorClass::kLocalPostgres);
}

TEST_F(BranchFolderTest, FindsAShortPlaceForTheSocket) {
  for (std::size_t length = 1; length < 200; ++length) {
    const auto home =
        state::Home::Resolve("/" + std::string(length, 'x'), state::ProcessEnvironment());
    const std::string socket =
        BranchFolder(*home, "br-0123456789abcdef").socket_folder() + "/.s.PGSQL.65535";
    EXPECT_LE(socket.size(), 107u);
  }
}

}  // namespace
}  // namespace spillway::lakebase
