#include "face/cli/stoppable_input.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string_view>
#include <thread>

namespace spillway::face::cli {
namespace {

// A pipe that stands in for the terminal.
class StoppableInputTest : public testing::Test {
 protected:
  StoppableInputTest() { EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC), 0); }
  ~StoppableInputTest() override {
    close(ends_[0]);
    EndInput();
  }
  void Type(std::string_view text) {
    EXPECT_EQ(write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void EndInput() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }
  std::array<int, 2> ends_{};
};

TEST_F(StoppableInputTest, GivesALineAfterTheOther) {
  Type("yes\n\nlast");
  EndInput();
  EXPECT_EQ(*ReadLine(ends_[0], {}), "yes");
  EXPECT_EQ(*ReadLine(ends_[0], {}), "");
  EXPECT_EQ(*ReadLine(ends_[0], {}), "last");
  EXPECT_EQ(*ReadLine(ends_[0], {}), std::nullopt);
}

TEST_F(StoppableInputTest, GivesTheRest) {
  Type("first\nsecond\nthird");
  EndInput();
  EXPECT_EQ(*ReadLine(ends_[0], {}), "first");
  EXPECT_EQ(*ReadAll(ends_[0], {}), "second\nthird");
  EXPECT_EQ(*ReadAll(ends_[0], {}), "");
}

TEST_F(StoppableInputTest, SaysThatItCannotRead) {
  const int unreadable = open("/dev/null", O_WRONLY | O_CLOEXEC);
  EXPECT_EQ(ReadAll(unreadable, {}).status().error_class(), base::ErrorClass::kFileUnusable);
  close(unreadable);
}

TEST_F(StoppableInputTest, AStopEndsTheWait) {
  std::stop_source stop;
  std::jthread presses([&] { stop.request_stop(); });
  const auto answer = ReadLine(ends_[0], stop.get_token());
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.status().error_class(), base::ErrorClass::kCancelled);
  EXPECT_EQ(ReadAll(ends_[0], stop.get_token()).status().error_class(),
            base::ErrorClass::kCancelled);
}

}  // namespace
}  // namespace spillway::face::cli
