#include "target/key_register.h"

#include <gtest/gtest.h>

#include <thread>

namespace spillway::target {
namespace {

TEST(KeyRegister, NotesWhereARepeatedKeyWasFirst) {
  KeyRegister keys(100, 7);
  EXPECT_FALSE(keys.IsRepeated("a", {0, 5}));
  EXPECT_FALSE(keys.IsRepeated("b", {0, 6}));
  EXPECT_TRUE(keys.IsRepeated("a", {3, 0}));
  EXPECT_TRUE(keys.IsRepeated("a", {2, 9}));
  EXPECT_FALSE(keys.IsRepeated("a", {0, 5}));  // the same row, tried again
  const auto repeated = keys.TakeRepeated();
  ASSERT_EQ(repeated.size(), 1u);
  EXPECT_EQ(repeated[0].first, (KeyRegister::Place{0, 5}));
  EXPECT_EQ(repeated[0].image, "a");
  EXPECT_TRUE(keys.TakeRepeated().empty());
}

TEST(KeyRegister, FullItRemembersNoMoreAndClaimsNothingFalse) {
  KeyRegister keys(10, 1);
  std::int64_t repeated = 0;
  for (std::int64_t i = 0; i < 20'000; ++i) {
    repeated += keys.IsRepeated(std::to_string(i), {1, i}) ? 1 : 0;
  }
  EXPECT_EQ(repeated, 0);
  EXPECT_TRUE(keys.IsRepeated("3", {2, 0}));
}

TEST(KeyRegister, ThreadsAgreeOnOneFirstRow) {
  constexpr std::int64_t kKeys = 20'000, kThreads = 4;
  KeyRegister keys(kKeys, 99);
  std::atomic<std::int64_t> repeated = 0;
  {
    std::vector<std::jthread> threads;
    for (std::int64_t task = 0; task < kThreads; ++task) {
      threads.emplace_back([&, task] {
        for (std::int64_t i = 0; i < kKeys; ++i) {
          if (keys.IsRepeated(std::to_string(i), {task, i})) ++repeated;
        }
      });
    }
  }
  EXPECT_EQ(repeated, kKeys * (kThreads - 1) > 50'000 ? 50'000 : kKeys * (kThreads - 1));
}

}  // namespace
}  // namespace spillway::target
