#include "state/table_lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include "state/test_folder.h"

namespace spillway::state {
namespace {

TEST(TableLock, NamesTheRunThatHoldsIt) {
  const TestFolder folder;
  const auto home = Home::Resolve(folder.path() + "/home", ProcessEnvironment());
  ASSERT_TRUE(home.ok());
  ASSERT_TRUE(home->Prepare().ok());
  auto first = LockTable(*home, "id-1", "shop.public.products", "run-1");
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_TRUE(LockTable(*home, "id-2", "shop.public.orders", "run-2").ok());
  const auto second = LockTable(*home, "id-1", "shop.public.products", "run-3");
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().error_class(), base::ErrorClass::kRunInProgress);
  EXPECT_EQ(second.status().detail("run"), "run-1");
  EXPECT_EQ(second.status().detail("pid"), std::to_string(getpid()));
  const std::string path = home->locks() + "/id-3.lock";
  const int unnamed = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(flock(unnamed, LOCK_EX), 0);
  const auto just_now = LockTable(*home, "id-3", "shop.public.lines", "run-4");
  EXPECT_EQ(just_now.status().message(), "another run holds the table shop.public.lines");
  EXPECT_EQ(just_now.status().detail("pid"), "");
  close(unnamed);
  EXPECT_TRUE(IsTableLocked(*home, "id-1"));
  EXPECT_FALSE(IsTableLocked(*home, "id-3"));
  (*first).reset();
  EXPECT_FALSE(IsTableLocked(*home, "id-1"));
  EXPECT_FALSE(IsTableLocked(*home, "no such"));
  EXPECT_TRUE(LockTable(*home, "id-1", "shop.public.products", "run-3").ok());
}

}  // namespace
}  // namespace spillway::state
