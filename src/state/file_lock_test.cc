#include "state/file_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "state/test_folder.h"

namespace spillway::state {
namespace {

using base::Context;
using base::ErrorClass;

class FileLockTest : public ::testing::Test {
 protected:
  TestFolder folder_;
  const std::string path_ = folder_.path() + "/a.lock";
};

TEST_F(FileLockTest, IsHeldByOneAndNamesIt) {
  std::optional<LockHolder> holder;
  auto first = FileLock::TryAcquire(path_, "run 17", &holder);
  ASSERT_TRUE(first.ok() && *first != nullptr);
  auto second = FileLock::TryAcquire(path_, "run 18", &holder);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(*second, nullptr);
  ASSERT_TRUE(holder.has_value());
  EXPECT_EQ(holder->pid, getpid());
  EXPECT_EQ(holder->purpose, "run 17");
  (*first).reset();
  second = FileLock::TryAcquire(path_, "run 18", &holder);
  ASSERT_TRUE(second.ok());
  EXPECT_NE(*second, nullptr);
}

TEST_F(FileLockTest, WaitsAndGivesUp) {
  auto first = FileLock::Acquire(Context(), path_, "one");
  ASSERT_TRUE(first.ok());
  const auto late =
      FileLock::Acquire(Context().Within(std::chrono::milliseconds(20)), path_, "two");
  EXPECT_EQ(late.status().error_class(), ErrorClass::kStateBusy);
  EXPECT_EQ(late.status().detail("pid"), std::to_string(getpid()));
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_EQ(
      FileLock::Acquire({base::Deadline(), stop.get_token()}, path_, "two").status().error_class(),
      ErrorClass::kCancelled);
  std::jthread releaser([&] { (*first).reset(); });
  EXPECT_TRUE(FileLock::Acquire(Context().Within(std::chrono::seconds(30)), path_, "two").ok());
}

TEST_F(FileLockTest, IsReleasedByDeath) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto lock = FileLock::Acquire(Context(), path_, "child");
    if (!lock.ok() || write(ends[1], "x", 1) != 1) _exit(1);
    for (;;) pause();
  }
  char ready = 0;
  ASSERT_EQ(read(ends[0], &ready, 1), 1);
  std::optional<LockHolder> holder;
  auto lock = FileLock::TryAcquire(path_, "parent", &holder);
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(*lock, nullptr);
  EXPECT_EQ(holder->pid, child);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  lock = FileLock::TryAcquire(path_, "parent", &holder);
  ASSERT_TRUE(lock.ok());
  EXPECT_NE(*lock, nullptr);
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace spillway::state
