#include "service/error_json.h"

#include <gtest/gtest.h>

namespace spillway::service {
namespace {

TEST(ErrorJson, HasEveryMember) {
  EXPECT_EQ(
      ErrorJson(base::Status(base::ErrorClass::kDataFileMissing, "gone: \"x\"")
                    .With("object", "s3://b/x")
                    .Mend("sync again")),
      R"({"code":"DataLoss","class":"DATA_FILE_MISSING","actor":"source owner","object":"s3://b/x",)"
      R"("message":"gone: \"x\"","mend":"sync again","details":{"object":"s3://b/x"}})");
}

TEST(ErrorJson, BytesThatAreNotUtf8DoNotBreakIt) {
  EXPECT_NE(ErrorJson(base::Status(base::ErrorClass::kInternal, "\xff")).find("INTERNAL"),
            std::string::npos);
}

}  // namespace
}  // namespace spillway::service
