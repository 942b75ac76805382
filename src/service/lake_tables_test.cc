#include "service/lake_tables.h"

#include <gtest/gtest.h>

namespace spillway::service {
namespace {

using std::chrono::microseconds;

std::int64_t Parse(std::string_view text) {
  const auto parsed = ParseTimestamp(text);
  EXPECT_TRUE(parsed.ok()) << text << ": " << parsed.status().ToString();
  return parsed.ok() ? parsed->time.time_since_epoch().count() : -1;
}

TEST(Timestamp, ReadsRfc3339) {
  EXPECT_EQ(Parse("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(Parse("1970-01-01 00:00:01.5Z"), 1'500'000);
  EXPECT_EQ(Parse("1970-01-01T01:00:00+01:00"), 0);
  EXPECT_EQ(Parse("1969-12-31T19:00:00-05:00"), 0);
  EXPECT_EQ(Parse("2024-02-29T23:59:59.123456Z"), 1709251199123456);
  EXPECT_EQ(Parse("0001-01-01T00:00:00Z"), -62135596800000000);
}

TEST(Timestamp, WithoutAZoneItIsUtcAndSaysSo) {
  EXPECT_EQ(Parse("2026-01-31"), 1769817600000000);
  EXPECT_TRUE(ParseTimestamp("2026-01-31 08:00")->assumed_utc);
  EXPECT_FALSE(ParseTimestamp("2026-01-31T08:00Z")->assumed_utc);
}

TEST(Timestamp, RefusesWhatIsNoTime) {
  for (const char* wrong :
       {"", "yesterday", "2026", "2026-13-01", "2026-02-30", "2026-01-01T25:00:00Z",
        "2026-01-01T00:60:00Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx",
        "2026-01-01T00:00:00+1", "2026-01-01X00:00:00Z", "+026-01-01"}) {
    EXPECT_FALSE(ParseTimestamp(wrong).ok()) << wrong;
  }
}

TEST(Timestamp, FormatsBack) {
  for (const char* text : {"1970-01-01T00:00:00Z", "2024-02-29T23:59:59.123456Z",
                           "1969-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999999Z"}) {
    EXPECT_EQ(FormatTimestamp(lake::Timestamp(microseconds(Parse(text)))), text);
  }
}

}  // namespace
}  // namespace spillway::service
