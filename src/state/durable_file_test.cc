#include "state/durable_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "state/test_folder.h"

namespace spillway::state {
namespace {

using base::ErrorClass;

TEST(DurableFile, ReplacesAndReads) {
  const TestFolder folder;
  const std::string path = folder.path() + "/a";
  EXPECT_EQ(*ReadSmallFile(path), std::nullopt);
  const std::string content("with\0nul", 8);
  ASSERT_TRUE(ReplaceFile(path, content, 0640).ok());
  EXPECT_EQ(*ReadSmallFile(path), content);
  ASSERT_TRUE(ReplaceFile(path, "", 0600).ok());
  EXPECT_EQ(*ReadSmallFile(path), "");
  struct stat file{};
  ASSERT_EQ(stat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  EXPECT_NE(access((path + ".new").c_str(), F_OK), 0);
}

TEST(DurableFile, NamesWhatFailed) {
  const TestFolder folder;
  const auto missing = ReplaceFile(folder.path() + "/no/file", "x", 0600);
  EXPECT_EQ(missing.error_class(), ErrorClass::kFileUnusable);
  EXPECT_EQ(missing.detail("errno"), std::to_string(ENOENT));
  EXPECT_EQ(ReadSmallFile(folder.path()).status().error_class(), ErrorClass::kFileUnusable);
  EXPECT_EQ(FileError(ENOSPC, "write", "x").error_class(), ErrorClass::kStoreNoSpace);
}

TEST(DurableFile, MakesFoldersOnce) {
  const TestFolder folder;
  const std::string path = folder.path() + "/a/b/c";
  ASSERT_TRUE(MakeFolders(path, 0700).ok());
  ASSERT_TRUE(MakeFolders(path, 0755).ok());
  struct stat made{};
  ASSERT_EQ(stat(path.c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777, 0700u);
}

}  // namespace
}  // namespace spillway::state
