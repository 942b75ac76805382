#include "state/home.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "state/durable_file.h"
#include "state/test_folder.h"

namespace spillway::state {
namespace {

using base::ErrorClass;

Environment Of(std::map<std::string, std::string> variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

TEST(Home, IsChosenInOrder) {
  EXPECT_EQ(Home::Resolve("/a", Of({{"SPILLWAY_HOME", "/b"}}))->path(), "/a");
  EXPECT_EQ(Home::Resolve("", Of({{"SPILLWAY_HOME", "/b/./c/"}}))->path(), "/b/c");
  if (geteuid() == 0) {
    EXPECT_EQ(Home::Resolve("", Of({{"HOME", "/root"}}))->path(), "/var/lib/spillway");
  } else {
    EXPECT_EQ(Home::Resolve("", Of({{"HOME", "/h"}}))->path(), "/h/.local/share/spillway");
    EXPECT_EQ(Home::Resolve("", Of({{"HOME", "/h"}, {"XDG_DATA_HOME", "/x"}}))->path(),
              "/x/spillway");
    EXPECT_EQ(Home::Resolve("", Of({{"HOME", "/h"}, {"XDG_DATA_HOME", "x"}}))->path(),
              "/h/.local/share/spillway");
    EXPECT_EQ(Home::Resolve("", Of({})).status().error_class(), ErrorClass::kFileUnusable);
  }
}

TEST(Home, IsMadeAbsolute) {
  const auto home = Home::Resolve("relative/../here", Of({}));
  ASSERT_TRUE(home.ok());
  EXPECT_TRUE(home->path().starts_with("/"));
  EXPECT_TRUE(home->path().ends_with("/here"));
  EXPECT_EQ(home->state_file(), home->path() + "/state.db");
}

TEST(Home, IsPreparedAndLeftAlone) {
  const TestFolder folder;
  const auto home = Home::Resolve(folder.path() + "/a/b", Of({}));
  ASSERT_TRUE(home->Prepare().ok());
  struct stat made{};
  ASSERT_EQ(stat(home->path().c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777, geteuid() == 0 ? 0711u : 0700u);
  ASSERT_EQ(chmod(home->path().c_str(), 0750), 0);
  ASSERT_TRUE(home->Prepare().ok());
  ASSERT_EQ(stat(home->path().c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777, 0750u);
}

TEST(Home, RefusesAFile) {
  const TestFolder folder;
  ASSERT_TRUE(ReplaceFile(folder.path() + "/file", "x", 0600).ok());
  EXPECT_EQ(Home::Resolve(folder.path() + "/file", Of({}))->Prepare().error_class(),
            ErrorClass::kFileUnusable);
  EXPECT_EQ(Home::Resolve(folder.path() + "/file/sub", Of({}))->Prepare().error_class(),
            ErrorClass::kFileUnusable);
  ASSERT_EQ(symlink("nowhere", (folder.path() + "/link").c_str()), 0);
  const base::Status link = Home::Resolve(folder.path() + "/link", Of({}))->Prepare();
  EXPECT_NE(std::string(link.message()).find("leads nowhere"), std::string::npos)
      << link.ToString();
}

}  // namespace
}  // namespace spillway::state
