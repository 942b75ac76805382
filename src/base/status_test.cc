#include "base/status.h"

#include <gtest/gtest.h>

#include "base/result.h"

namespace spillway::base {
namespace {

Result<int> Half(int value) {
  if (value % 2 != 0) return Status(ErrorClass::kInvalidArgument, "odd: " + std::to_string(value));
  return value / 2;
}

Result<int> Quarter(int value) {
  SPILLWAY_ASSIGN(const int half, Half(value));
  return Half(half);
}

TEST(Status, SuccessIsEmpty) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.code(), Code::kOk);
  EXPECT_EQ(status.message(), "");
  EXPECT_EQ(status.ToString(), "ok");
}

TEST(Status, CarriesClassCodeDetailsAndMend) {
  const Status status =
      Status(ErrorClass::kDataFileMissing, "gone").With("object", "s3://x/y").While("read split");
  EXPECT_EQ(status.code(), Code::kDataLoss);
  EXPECT_EQ(status.detail("object"), "s3://x/y");
  EXPECT_EQ(status.ToString(), "DATA_FILE_MISSING: read split: gone");
  EXPECT_EQ(status.mend(), Describe(ErrorClass::kDataFileMissing).mend);
  const Status copy = status;
  EXPECT_EQ(copy.ToString(), status.ToString());
  EXPECT_EQ(Status(status).Mend("turn it on").mend(), "turn it on");
}

TEST(Status, IsSaidInOtherWords) {
  const Status gone =
      Status(ErrorClass::kDataFileMissing, "gone").With("object", "x").Mend("look there");
  const Status again = Status(gone).Restate("it is gone");
  EXPECT_EQ(again.ToString(), "DATA_FILE_MISSING: it is gone");
  EXPECT_EQ(again.detail("object"), "x");
  EXPECT_EQ(again.mend(), "look there");
  const Status other = Status(gone).Restate(ErrorClass::kFenced, "too late");
  EXPECT_EQ(other.ToString(), "FENCED: too late");
  EXPECT_EQ(other.detail("object"), "x");
  EXPECT_EQ(other.mend(), Describe(ErrorClass::kFenced).mend);
  EXPECT_TRUE(Status().Restate("nothing").ok());
}

TEST(Result, PassesValuesAndErrorsOn) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).status().ToString(), "INVALID_ARGUMENT: odd: 3");
}

}  // namespace
}  // namespace spillway::base
