#include "base/absolute_path.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace spillway::base {
namespace {

TEST(AbsolutePath, BeginsAtTheFolder) {
  EXPECT_EQ(AbsolutePath("/work", "lake/t"), "/work/lake/t");
  EXPECT_EQ(AbsolutePath("/work/", "./lake//t/"), "/work/lake/t");
  EXPECT_EQ(AbsolutePath("/work", "../t"), "/t");
  EXPECT_EQ(AbsolutePath("/work", "../../../t"), "/t");
  EXPECT_EQ(AbsolutePath("/work", "/other/./t"), "/other/t");
  EXPECT_EQ(AbsolutePath("/work", "no/such/../t"), "/work/no/t");
  EXPECT_EQ(AbsolutePath("/work", ""), "/work");
  EXPECT_EQ(AbsolutePath("/", "."), "/");
}

TEST(AbsolutePath, AboveALinkIsAboveOfWhereItLeads) {
  const std::string folder = ::testing::TempDir() + "absolute_path_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder + "/a");
  std::filesystem::create_directories(folder + "/b/deep");
  std::filesystem::create_directory_symlink("../b/deep", folder + "/a/link");
  const std::string real = std::filesystem::canonical(folder).string();
  EXPECT_EQ(AbsolutePath(real + "/a", "link/../t"), real + "/b/t");
  EXPECT_EQ(AbsolutePath(real + "/a", "link/t"), real + "/a/link/t");
  EXPECT_EQ(AbsolutePath(real + "/a/link", "../t"), real + "/b/t");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace spillway::base
