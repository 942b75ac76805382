#include "lakebase/passage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/durable_file.h"
#include "state/test_folder.h"

namespace spillway::lakebase {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class PassageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root needs to open a passage";
    ASSERT_TRUE(state::MakeFolders(deep_, 0700).ok());
  }

  static mode_t Mode(const std::string& path) {
    struct stat found{};
    EXPECT_EQ(stat(path.c_str(), &found), 0);
    return found.st_mode & 07777;
  }

  const state::TestFolder folder_;
  const std::string home_ = folder_.path() + "/above/home";
  const std::string deep_ = home_ + "/lakebase/local";
};

TEST_F(PassageTest, IsOpenedForTheOneUser) {
  const OsUser nobody = *UserByNumber(65534);
  const OsUser other = *UserByNumber(65533);
  ASSERT_FALSE(CanEnter(nobody, deep_));
  const auto notes = OpenPassage(nobody, home_, deep_);
  ASSERT_TRUE(notes.ok()) << notes.status().ToString();
  EXPECT_TRUE(CanEnter(nobody, deep_));
  EXPECT_FALSE(CanEnter(other, folder_.path()));
  // Two folders above the home were closed: the test's own and "above".
  ASSERT_THAT(*notes, SizeIs(2));
  EXPECT_THAT((*notes)[0], HasSubstr("setfacl -x u:" + nobody.name + " " + folder_.path()));
  EXPECT_EQ(Mode(folder_.path()) & 0007, 0u);
  const auto again = OpenPassage(nobody, home_, deep_);
  EXPECT_THAT(*again, IsEmpty());
  // A second user is added beside the first.
  ASSERT_TRUE(OpenPassage(other, home_, deep_).ok());
  EXPECT_TRUE(CanEnter(nobody, deep_));
  EXPECT_TRUE(CanEnter(other, deep_));
}

TEST_F(PassageTest, KeepsTheRightsOfTheGroup) {
  const OsUser nobody = *UserByNumber(65534);
  OsUser member = *UserByNumber(65533);
  member.groups = {4242};
  member.gid = 4242;
  ASSERT_EQ(chown(home_.c_str(), 0, 4242), 0);
  ASSERT_EQ(chmod(home_.c_str(), 0750), 0);
  ASSERT_TRUE(OpenPassage(nobody, home_, deep_).ok());
  ASSERT_TRUE(OpenPassage(member, folder_.path(), home_).ok());
  EXPECT_TRUE(CanEnter(member, home_));
  EXPECT_EQ(Mode(home_) & 0050, 0050u);
}

TEST_F(PassageTest, IsNothingToOurselves) {
  const auto notes = OpenPassage(*UserByNumber(geteuid()), home_, deep_);
  ASSERT_TRUE(notes.ok());
  EXPECT_THAT(*notes, IsEmpty());
  EXPECT_EQ(Mode(home_), 0700u);
}

TEST_F(PassageTest, NamesWhatStaysClosed) {
  const auto missing = OpenPassage(*UserByNumber(65534), home_, deep_ + "/missing");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().detail("path"), deep_ + "/missing");
}

}  // namespace
}  // namespace spillway::lakebase
