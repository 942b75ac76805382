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

TEST_F(BranchFolderTest, ThePasswordIsForItsOwnHosts) {
  const BranchFolder branch(home_, "br-1");
  ASSERT_TRUE(state::MakeFolders(branch.path(), 0700).ok());
  const std::string of_any_host = "*:*:*:spillway:secret\n";
  ASSERT_TRUE(state::ReplaceFile(branch.password_file(), of_any_host, 0600).ok());
  EXPECT_EQ(ReadPassword(branch)->Reveal(), "secret");
  EXPECT_EQ(*state::ReadSmallFile(branch.password_file()), of_any_host);
  ASSERT_TRUE(KeepPassword(branch).ok());
  EXPECT_EQ(*state::ReadSmallFile(branch.password_file()),
            "127.0.0.1:*:*:spillway:secret\nlocalhost:*:*:spillway:secret\n" +
                branch.socket_folder() + ":*:*:spillway:secret\n");
  EXPECT_EQ(ReadPassword(branch)->Reveal(), "secret");
}

TEST_F(BranchFolderTest, OnlyABranchWithDataMissesItsRecord) {
  ASSERT_TRUE(state::MakeFolders(BranchFolder(home_, "br-2").path(), 0700).ok());
  const std::string aside = BranchFolder::ProjectFolder(home_) + "/br-1.old";
  ASSERT_TRUE(state::MakeFolders(aside + "/data", 0700).ok());
  ASSERT_TRUE(ReadBranchRecord(home_).ok());
  const BranchFolder branch(home_, "br-1");
  ASSERT_TRUE(state::MakeFolders(branch.data(), 0700).ok());
  const base::Status gone = ReadBranchRecord(home_).status();
  EXPECT_EQ(gone.detail("path"), BranchFolder::RecordFile(home_));
  const std::string mend(gone.mend());
  EXPECT_THAT(mend, ::testing::HasSubstr(R"("uid": "br-1")"));
  EXPECT_THAT(mend, ::testing::HasSubstr("mv " + branch.path() + " " + home_.path() + "/br-1"));
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
