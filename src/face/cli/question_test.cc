#include "face/cli/question.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string_view>
#include <thread>

namespace spillway::face::cli {
namespace {

// A pipe that stands in for the terminal.
class ReadAnswerTest : public testing::Test {
 protected:
  ReadAnswerTest() { EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC), 0); }
  ~ReadAnswerTest() override {
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

TEST_F(ReadAnswerTest, GivesALineAfterTheOther) {
  Type("yes\n\nlast");
  EndInput();
  EXPECT_EQ(*ReadAnswer(ends_[0], {}), "yes");
  EXPECT_EQ(*ReadAnswer(ends_[0], {}), "");
  EXPECT_EQ(*ReadAnswer(ends_[0], {}), "last");
  EXPECT_EQ(*ReadAnswer(ends_[0], {}), std::nullopt);
}

TEST_F(ReadAnswerTest, AStopEndsTheWait) {
  std::stop_source stop;
  std::jthread presses([&] { stop.request_stop(); });
  const auto answer = ReadAnswer(ends_[0], stop.get_token());
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.status().error_class(), base::ErrorClass::kCancelled);
}

}  // namespace
}  // namespace spillway::face::cli
