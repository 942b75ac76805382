#include "lakebase/postmaster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "state/durable_file.h"
#include "state/test_folder.h"

namespace spillway::lakebase {
namespace {

class PostmasterTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) { ASSERT_TRUE(state::ReplaceFile(path_, text, 0600).ok()); }

  const state::TestFolder folder_;
  const std::string path_ = folder_.path() + "/postmaster.pid";
};

// As PostgreSQL 15 writes it.
constexpr const char* kReady =
    "4711\n/data\n1700000000\n15432\n/run\n127.0.0.1\n  1234567    32801\nready   \n";

TEST_F(PostmasterTest, ReadsItsFile) {
  EXPECT_EQ(*ReadPostmasterFile(folder_.path()), std::nullopt);
  Write(kReady);
  const auto file = ReadPostmasterFile(folder_.path());
  ASSERT_TRUE(file.ok() && *file);
  EXPECT_EQ((*file)->pid, 4711);
  EXPECT_EQ((*file)->port, 15432);
  EXPECT_EQ((*file)->status, "ready");
}

TEST_F(PostmasterTest, BearsEveryTruncation) {
  const std::string whole(kReady);
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    Write(whole.substr(0, length));
    const auto file = ReadPostmasterFile(folder_.path());
    ASSERT_TRUE(file.ok()) << length;
    EXPECT_EQ(file->has_value(), length > 0) << length;
  }
  for (const char* text : {"\n", "abc\n", "-17\n", "0\n", "99999999999999999999\n"}) {
    Write(text);
    EXPECT_FALSE(ReadPostmasterFile(folder_.path())->has_value()) << text;
  }
}

TEST_F(PostmasterTest, IsNoOtherProgram) {
  // The test's working folder is the data folder, and its number is in the file; yet it is no
  // server.
  Write(std::to_string(getpid()) + "\n");
  char* before = getcwd(nullptr, 0);
  ASSERT_EQ(chdir(folder_.path().c_str()), 0);
  EXPECT_FALSE(IsServerProcess(getpid(), folder_.path()));
  EXPECT_EQ(*FindPostmaster(folder_.path()), std::nullopt);
  EXPECT_TRUE(ServerProcesses(folder_.path()).empty());
  EXPECT_TRUE(EndOrphans(base::Context(), folder_.path()).ok());
  ASSERT_EQ(chdir(before), 0);
  free(before);
  EXPECT_TRUE(RemoveStalePostmasterFile(folder_.path()).ok());
  EXPECT_NE(access(path_.c_str(), F_OK), 0);
}

TEST_F(PostmasterTest, LeavesAFileWhoseNumberIsFreeToPostgres) {
  Write("4194305\n");  // above the largest number that Linux gives
  EXPECT_TRUE(RemoveStalePostmasterFile(folder_.path()).ok());
  EXPECT_EQ(access(path_.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace spillway::lakebase
