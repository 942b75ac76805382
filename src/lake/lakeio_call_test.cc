#include "lake/lakeio_call.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace spillway::lake {
namespace {

using base::Context;
using base::Deadline;
using base::ErrorClass;
using base::Status;

LakeioRuntime MakeRuntime() {
  lakeio_runtime* runtime = nullptr;
  EXPECT_TRUE(FromLakeio(lakeio_runtime_new("{}", nullptr, nullptr, &runtime)).ok());
  return LakeioRuntime(runtime);
}

TEST(FromLakeio, KeepsClassObjectAndMessage) {
  EXPECT_TRUE(FromLakeio(nullptr).ok());
  const LakeioRuntime runtime = MakeRuntime();
  lakeio_table* table = nullptr;
  const Status missing = FromLakeio(lakeio_table_open(
      runtime.get(), nullptr, R"({"url":"/no/such/table","storage_options":{}})", &table));
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error_class(), ErrorClass::kSourceNotFound);
  EXPECT_NE(missing.detail("object").find("/no/such/table"), std::string_view::npos);
  EXPECT_FALSE(missing.message().empty());
  const Status misspelt =
      FromLakeio(lakeio_table_open(runtime.get(), nullptr, R"({"url":"/t","versoin":1})", &table));
  ASSERT_FALSE(misspelt.ok());
  EXPECT_EQ(misspelt.code(), base::Code::kInvalid);
}

TEST(LakeioCall, GivesTheTimeLeftAndAFlag) {
  const Context bounded = Context().Within(std::chrono::hours(1));
  const Status status = LakeioCall(bounded).Run([](const lakeio_call* call) -> lakeio_error* {
    EXPECT_GT(call->timeout_ms, 3'500'000);
    EXPECT_LE(call->timeout_ms, 3'600'000);
    EXPECT_NE(call->cancel, nullptr);
    return nullptr;
  });
  EXPECT_TRUE(status.ok());
  EXPECT_TRUE(LakeioCall(Context())
                  .Run([](const lakeio_call* call) -> lakeio_error* {
                    EXPECT_EQ(call->timeout_ms, 0);
                    return nullptr;
                  })
                  .ok());
}

TEST(LakeioCall, DoesNotBeginWhenTheContextIsOver) {
  const auto reach = [](const lakeio_call*) -> lakeio_error* {
    ADD_FAILURE() << "called";
    return nullptr;
  };
  std::stop_source source;
  source.request_stop();
  const Context stopped{.deadline = {}, .stop = source.get_token()};
  EXPECT_EQ(LakeioCall(stopped).Run(reach).error_class(), ErrorClass::kCancelled);
  const Context late{.deadline = Deadline::After(std::chrono::seconds(-1)), .stop = {}};
  EXPECT_EQ(LakeioCall(late).Run(reach).error_class(), ErrorClass::kDeadlineExceeded);
}

TEST(LakeioCall, AStopDuringTheCallRaisesItsFlag) {
  const LakeioRuntime runtime = MakeRuntime();
  std::stop_source source;
  const Context context{.deadline = {}, .stop = source.get_token()};
  const Status status = LakeioCall(context).Run([&](const lakeio_call* call) {
    source.request_stop();
    lakeio_table* table = nullptr;
    return lakeio_table_open(runtime.get(), call,
                             R"({"url":"/no/such/table","storage_options":{}})", &table);
  });
  EXPECT_EQ(status.error_class(), ErrorClass::kCancelled) << status.ToString();
}

}  // namespace
}  // namespace spillway::lake
