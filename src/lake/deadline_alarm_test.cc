#include "lake/deadline_alarm.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "lake/lakeio_call.h"

namespace spillway::lake {
namespace {

using base::Deadline;
using base::ErrorClass;

/// Whether a call under `flag` is turned away as cancelled.
bool IsRaised(const lakeio_cancel* flag) {
  lakeio_runtime* runtime = nullptr;
  EXPECT_TRUE(FromLakeio(lakeio_runtime_new("{}", nullptr, nullptr, &runtime)).ok());
  const LakeioRuntime owned(runtime);
  const lakeio_call call{.timeout_ms = 0, .cancel = flag};
  lakeio_table* table = nullptr;
  const base::Status status = FromLakeio(lakeio_table_open(
      runtime, &call, R"({"url":"/no/such/table","storage_options":{}})", &table));
  EXPECT_FALSE(status.ok());
  return status.error_class() == ErrorClass::kCancelled;
}

TEST(DeadlineAlarm, RaisesTheFlagsWhoseTimeIsOver) {
  DeadlineAlarm alarm;
  const LakeioCancel soon(lakeio_cancel_new());
  const LakeioCancel sooner(lakeio_cancel_new());
  const LakeioCancel late(lakeio_cancel_new());
  const DeadlineAlarm::Guard never(alarm, Deadline(), late.get());
  const DeadlineAlarm::Guard far(alarm, Deadline::After(std::chrono::hours(1)), late.get());
  const DeadlineAlarm::Guard near(alarm, Deadline::After(std::chrono::milliseconds(5)), soon.get());
  const DeadlineAlarm::Guard nearer(alarm, Deadline::After(std::chrono::milliseconds(1)),
                                    sooner.get());
  const Deadline patience = Deadline::After(std::chrono::seconds(20));
  while (!(IsRaised(soon.get()) && IsRaised(sooner.get()))) ASSERT_FALSE(patience.expired());
  EXPECT_FALSE(IsRaised(late.get()));
}

TEST(DeadlineAlarm, ForgetsFlagsWhoseGuardIsGone) {
  const LakeioCancel flag(lakeio_cancel_new());
  {
    DeadlineAlarm alarm;
    const DeadlineAlarm::Guard guard(alarm, Deadline::After(std::chrono::hours(1)), flag.get());
  }
  EXPECT_FALSE(IsRaised(flag.get()));
  DeadlineAlarm unused;
}

}  // namespace
}  // namespace spillway::lake
