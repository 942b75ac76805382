#include "base/hex.h"

#include <gtest/gtest.h>

namespace spillway::base {
namespace {

TEST(Hex, TwoDigitsAByte) {
  const std::string bytes("\0\x7f\xff\x0a", 4);
  EXPECT_EQ(HexText(bytes), "007fff0a");
  EXPECT_EQ(BytesOfHex("007fFF0A"), bytes);
  EXPECT_EQ(HexText(""), "");
  EXPECT_EQ(BytesOfHex(""), "");
}

TEST(Hex, WhatAreNoDigitsAreNoBytes) {
  EXPECT_EQ(BytesOfHex("0"), "");
  EXPECT_EQ(BytesOfHex("0g"), "");
  EXPECT_EQ(BytesOfHex("x0"), "");
}

}  // namespace
}  // namespace spillway::base
