#include "target/postgres/pause.h"

#include <gtest/gtest.h>

#include <thread>

namespace spillway::target::postgres {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

TEST(PauseTest, LastsItsTime) {
  const auto began = SteadyClock::now();
  EXPECT_TRUE(Pause(base::Context(), milliseconds(20)).ok());
  EXPECT_GE(SteadyClock::now() - began, milliseconds(20));
}

TEST(PauseTest, EndsAtAStopOrDeadline) {
  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(20));
    source.request_stop();
  });
  const auto began = SteadyClock::now();
  base::Status status = Pause({base::Deadline(), source.get_token()}, milliseconds(10000));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error_class(), base::ErrorClass::kCancelled);
  status = Pause({base::Deadline::After(milliseconds(20)), {}}, milliseconds(10000));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error_class(), base::ErrorClass::kDeadlineExceeded);
  EXPECT_LT(SteadyClock::now() - began, milliseconds(5000));
}

}  // namespace
}  // namespace spillway::target::postgres
