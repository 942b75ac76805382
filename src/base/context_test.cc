#include "base/context.h"

#include <gtest/gtest.h>

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

TEST(Context, WithinOnlyShortens) {
  const Context context{Deadline::After(milliseconds(50)), {}};
  EXPECT_LE(*context.Within(hours(1)).deadline.Remaining(), milliseconds(50));
  EXPECT_LE(*Context{}.Within(milliseconds(20)).deadline.Remaining(), milliseconds(20));
}

}  // namespace
}  // namespace spillway::base
