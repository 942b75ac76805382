#include "sync/definition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spillway::sync {
namespace {

using base::ErrorClass;
using std::chrono::milliseconds;

Definition Full() {
  Definition d;
  d.id = "0190";
  d.target = "shop";
  d.table = {"public", "products"};
  d.source = "lake.sales.products";
  d.primary_key = {"id", "day"};
  d.columns = std::vector<std::string>{"id", "day", "tags"};
  d.where = "day > DATE '2024-01-01'";
  d.type_overrides = {{"tags", "text[]"}};
  d.indexes = {"(day)", "using gin (tags)"};
  d.batch_rows = 1;
  d.connections = 3;
  d.timeout = milliseconds(90'000);
  d.retries = 0;
  d.lock_timeout = milliseconds(1500);
  return d;
}

Definition Small() {
  Definition d;
  d.id = "0190";
  d.target = "local";
  d.table = {"public", "t"};
  d.source = "/lake/t";
  return d;
}

TEST(Definition, JsonRoundTripKeepsEveryField) {
  for (const Definition& d : {Full(), Small()}) {
    const base::Result<Definition> again = DefinitionFromJson(ToJson(d));
    ASSERT_TRUE(again.ok()) << again.status().ToString();
    EXPECT_EQ(*again, d);
  }
}

TEST(Definition, JsonLeavesDefaultsOut) {
  EXPECT_EQ(
      ToJson(Small()),
      R"({"id":"0190","target":"local","schema":"public","table":"t","source":"/lake/t","mode":"full"})");
}

TEST(Definition, JsonRefusesWhatItDoesNotKnow) {
  const auto error = [](std::string_view text) { return DefinitionFromJson(text).status(); };
  EXPECT_EQ(error("[]").error_class(), ErrorClass::kInvalidDefinition);
  EXPECT_THAT(error(R"({"id":"a","target":"b","schema":"c","table":"d"})").message(),
              testing::HasSubstr("source"));
  EXPECT_THAT(
      error(R"({"id":"a","target":"b","schema":"c","table":"d","source":"e","sourc":1})").message(),
      testing::HasSubstr("sourc: is no field"));
  EXPECT_THAT(error(R"({"id":1,"target":"b","schema":"c","table":"d","source":"e"})").message(),
              testing::HasSubstr("id: has the wrong type"));
}

TEST(Definition, EveryTruncationOfItsJsonIsRefused) {
  const std::string json = ToJson(Full());
  for (std::size_t size = 0; size < json.size(); ++size) {
    EXPECT_FALSE(DefinitionFromJson(json.substr(0, size)).ok()) << size;
  }
}

TEST(Definition, RowHashCoversWhatDeterminesRowsAndNothingElse) {
  const Definition base = Full();
  std::vector<Definition> other_rows(7, base);
  other_rows[0].source = "lake.sales.other";
  other_rows[1].primary_key = {"id"};
  other_rows[2].columns.reset();
  other_rows[3].where = "";
  other_rows[4].type_overrides.clear();
  other_rows[5].indexes.pop_back();
  other_rows[6].on_bad_row = OnBadRow::kReject;
  for (const Definition& d : other_rows) EXPECT_NE(RowHash(d), RowHash(base));

  Definition same_rows = base;
  same_rows.id = "another";
  same_rows.batch_rows = 77;
  same_rows.connections = 1;
  same_rows.timeout = milliseconds(1);
  same_rows.retries = 9;
  same_rows.lock_timeout = milliseconds(2);
  EXPECT_EQ(RowHash(same_rows), RowHash(base));
}

TEST(Definition, ValidateNamesTheField) {
  const auto field = [](const Definition& d) { return std::string(Validate(d).detail("field")); };
  EXPECT_TRUE(Validate(Full()).ok());
  Definition d = Full();
  d.columns = std::vector<std::string>{"day"};
  EXPECT_EQ(field(d), "primary_key");
  d = Full();
  d.primary_key = {"id", "id"};
  EXPECT_EQ(field(d), "primary_key");
  d = Full();
  d.columns->clear();
  d.primary_key.clear();
  EXPECT_EQ(field(d), "columns");
  d = Full();
  d.type_overrides = {{"absent", "text"}};
  EXPECT_EQ(field(d), "type_overrides");
  d = Full();
  d.batch_rows = 0;
  EXPECT_EQ(field(d), "batch_rows");
  d = Full();
  d.connections = 65;
  EXPECT_EQ(field(d), "connections");
  d = Full();
  d.source.clear();
  EXPECT_EQ(field(d), "source");
}

TEST(Definition, ValuesThatAreComingAreRefusedByName) {
  Definition d = Small();
  d.mode = Mode::kIncremental;
  EXPECT_EQ(Validate(d).error_class(), ErrorClass::kNotYetSupported);
  EXPECT_THAT(Validate(d).message(), testing::HasSubstr("'incremental' is coming"));
  d = Small();
  d.on_bad_row = OnBadRow::kReject;
  EXPECT_THAT(Validate(d).message(), testing::HasSubstr("'reject' is coming"));
  EXPECT_EQ(ParseMode("ful").status().error_class(), ErrorClass::kInvalidDefinition);
}

TEST(Duration, ParsesAndFormats) {
  EXPECT_EQ(*ParseDuration("500ms"), milliseconds(500));
  EXPECT_EQ(*ParseDuration("30s"), milliseconds(30'000));
  EXPECT_EQ(*ParseDuration("15m"), milliseconds(900'000));
  EXPECT_EQ(*ParseDuration("90d"), milliseconds(7'776'000'000));
  for (const char* wrong : {"", "5", "s", "-1s", "1.5s", "1 s", "9223372036854775807d", "1y"}) {
    EXPECT_FALSE(ParseDuration(wrong).ok()) << wrong;
  }
  for (const char* text : {"0ms", "1ms", "90s", "2h", "7d"}) {
    EXPECT_EQ(FormatDuration(*ParseDuration(text)), text);
  }
}

}  // namespace
}  // namespace spillway::sync
