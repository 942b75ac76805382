#include "data/error_json.h"

#include <gtest/gtest.h>

namespace spillway::data {
namespace {

using base::ErrorClass;
using base::Status;

TEST(ErrorJson, ReadsWhatLakeioWrites) {
  const Status error = ParseErrorJson(
      R"({"code":7,"retryable":0,"class":"STORE_AUTHENTICATION","message":"refused: 403","object":"s3://b/k",)"
      R"("details":{"status":"403"}})");
  EXPECT_EQ(error.error_class(), ErrorClass::kStoreAuthentication);
  EXPECT_EQ(error.message(), "refused: 403");
  EXPECT_EQ(error.detail("object"), "s3://b/k");
  EXPECT_EQ(error.detail("status"), "403");
}

TEST(ErrorJson, WhatItDoesNotKnowIsInternal) {
  const Status unknown = ParseErrorJson(R"({"class":"NEW_THING","message":"m"})");
  EXPECT_EQ(unknown.error_class(), ErrorClass::kInternal);
  EXPECT_NE(unknown.message().find("NEW_THING"), std::string_view::npos);
  for (const char* text : {"", "text", "[]", "{", "1"}) {
    EXPECT_EQ(ParseErrorJson(text).error_class(), ErrorClass::kInternal) << text;
  }
}

TEST(ErrorJson, RoundTrips) {
  const Status error =
      Status(ErrorClass::kValueOutOfRange, "too \"big\"").With("object", "o").With("column", "c");
  const Status back = ParseErrorJson(FormatErrorJson(error));
  EXPECT_EQ(back.error_class(), error.error_class());
  EXPECT_EQ(back.message(), error.message());
  EXPECT_EQ(back.detail("column"), "c");
  EXPECT_EQ(back.detail("object"), "o");
}

}  // namespace
}  // namespace spillway::data
