#include "base/context.h"

#include <gtest/gtest.h>

#include <thread>

namespace spillway::base {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(Context, UnboundedNeverEnds) {
  const Context context;
  EXPECT_TRUE(context.Check().ok());
  EXPECT_EQ(context.deadline.Remaining(), std::nullopt);
}

TEST(Context, StopsAndExpires) {
  std::stop_source source;
  const Context context{Deadline(), source.get_token()};
  EXPECT_TRUE(context.Check().ok());
  EXPECT_EQ(context.Within(milliseconds(-1)).Check().code(), Code::kDeadlineExceeded);
  source.request_stop();
  EXPECT_EQ(context.Check().code(), Code::kCancelled);
}

TEST(Context, SleepLastsItsTime) {
  const auto began = std::chrono::steady_clock::now();
  EXPECT_TRUE(Context().Sleep(milliseconds(20)).ok());
  EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(20));
}

TEST(Context, SleepEndsAtAStopOrDeadline) {
  std::stop_source source;
  std::jthread stopper([&] { source.request_stop(); });
  const auto began = std::chrono::steady_clock::now();
  Status status = Context{Deadline(), source.get_token()}.Sleep(hours(1));
  EXPECT_EQ(status.error_class(), ErrorClass::kCancelled);
  status = Context{Deadline::After(milliseconds(20)), {}}.Sleep(hours(1));
  EXPECT_EQ(status.error_class(), ErrorClass::kDeadlineExceeded);
  EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(5000));
}

TEST(Context, WithinOnlyShortens) {
  const Context context{Deadline::After(milliseconds(50)), {}};
  EXPECT_LE(*context.Within(hours(1)).deadline.Remaining(), milliseconds(50));
  EXPECT_LE(*Context{}.Within(milliseconds(20)).deadline.Remaining(), milliseconds(20));
}

}  // namespace
}  // namespace spillway::base
