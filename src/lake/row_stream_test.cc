#include "lake/row_stream.h"

#include <gtest/gtest.h>

#include <chrono>

#include "data/testing/rows.h"
#include "lake/lakeio_call.h"

namespace spillway::lake {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

using Stream = std::unique_ptr<data::BatchStream>;

const data::Schema kSchema{{{.name = "c", .type = data::ScalarType(data::TypeKind::kLong)}}};

/// A stream that lakeio would have made, of one batch and then `end`.
Result<Stream> Open(const Context& context, Status end) {
  return OpenRowStream(context, std::make_shared<Runtime>(), nullptr,
                       [&](const lakeio_call*, ArrowArrayStream* out) -> lakeio_error* {
                         data::ExportStream(
                             data::testing::MakeStream(kSchema, {{"1"}}, std::move(end)), {}, out);
                         return nullptr;
                       });
}

TEST(RowStream, GivesBatchesThenTheEnd) {
  auto stream = Open({}, Status());
  ASSERT_TRUE(stream.ok()) << stream.status().ToString();
  const Context bounded = Context().Within(std::chrono::minutes(1));
  auto batch = (*stream)->Next(bounded);
  ASSERT_TRUE(batch.ok() && *batch);
  EXPECT_EQ((**batch).column(0).values<std::int64_t>()[0], 1);
  batch = (*stream)->Next(bounded);
  ASSERT_TRUE(batch.ok());
  EXPECT_FALSE(*batch);
}

TEST(RowStream, TellsAStopFromADeadline) {
  std::stop_source source;
  auto stopped = Open({}, Status());
  source.request_stop();
  EXPECT_EQ((*stopped)->Next({{}, source.get_token()}).status().error_class(),
            ErrorClass::kCancelled);
  // lakeio says CANCELLED whoever raised the flag.
  auto late = Open({}, Status(ErrorClass::kCancelled, "the flag was raised"));
  ASSERT_TRUE((*late)->Next({}).ok());
  EXPECT_EQ((*late)->Next({}).status().error_class(), ErrorClass::kDeadlineExceeded);
}

TEST(RowStream, IsNotOpenedWhenTheContextIsOver) {
  const Context over = Context().Within(std::chrono::seconds(-1));
  EXPECT_EQ(Open(over, Status()).status().error_class(), ErrorClass::kDeadlineExceeded);
}

TEST(RowStream, PassesOnWhatWentWrong) {
  auto stream = Open({}, Status(ErrorClass::kDataFileMissing, "gone"));
  ASSERT_TRUE((*stream)->Next({}).ok());
  EXPECT_EQ((*stream)->Next({}).status().error_class(), ErrorClass::kDataFileMissing);
}

}  // namespace
}  // namespace spillway::lake
