#include "sync/definition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/definition_fields.h"
#include "sync/testing/random_definition.h"

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
  EXPECT_EQ(ToJson(Small()),
            R"({"id":"0190","target":"local","schema":"public","table":"t","source":"/lake/t"})");
}

TEST(Definition, JsonRefusesWhatItDoesNotKnow) {
  const auto error = [](std::string_view text) { return DefinitionFromJson(text).status(); };
  EXPECT_EQ(error("[]").error_class(), ErrorClass::kInvalidDefinition);
  EXPECT_THAT(error(R"({"id":"a","target":"b","schema":"c","table":"d"})").message(),
              ::testing::HasSubstr("source"));
  EXPECT_THAT(
      error(R"({"id":"a","target":"b","schema":"c","table":"d","source":"e","sourc":1})").message(),
      ::testing::HasSubstr("sourc: is no field"));
  EXPECT_THAT(error(R"({"id":1,"target":"b","schema":"c","table":"d","source":"e"})").message(),
              ::testing::HasSubstr("id: has the wrong type"));
}

TEST(Definition, EveryTruncationOfItsJsonIsRefused) {
  const std::string json = ToJson(Full());
  for (std::size_t size = 0; size < json.size(); ++size) {
    EXPECT_FALSE(DefinitionFromJson(json.substr(0, size)).ok()) << size;
  }
}

TEST(Definition, RandomOnesKeepEveryFieldInJson) {
  testing::RandomDefinitions definitions(3);
  for (int i = 0; i < 300; ++i) {
    const Definition d = definitions.Next();
    const base::Result<Definition> again = DefinitionFromJson(ToJson(d));
    ASSERT_TRUE(again.ok()) << again.status().ToString();
    ASSERT_EQ(*again, d);
  }
}

TEST(Definition, NameQuotesPartsThatNeedIt) {
  Definition d = Small();
  d.table = {"a.b", "Say \"x\""};
  EXPECT_EQ(d.name(), R"(local."a.b"."Say ""x""")");
}

TEST(Definition, RowHashCoversWhatDeterminesRowsAndNothingElse) {
  testing::RandomDefinitions definitions(5);
  for (int i = 0; i < 100; ++i) {
    const Definition d = definitions.Next();
    const Definition other = definitions.Next();
    Definition renamed = d;
    renamed.id = "another";
    renamed.target = "another";
    EXPECT_EQ(RowHash(renamed), RowHash(d));
    for (const Field& field : Fields()) {
      Definition changed = d;
      const auto value = field.get(other);
      if (value) {
        ASSERT_TRUE(Set(field, *value, &changed).ok());
      } else {
        field.unset(&changed);
      }
      const bool same_rows = !field.determines_rows || field.get(d) == value;
      EXPECT_EQ(RowHash(changed) == RowHash(d), same_rows) << field.key;
    }
  }
}

TEST(Definition, RowsAreDeterminedByThese) {
  std::vector<std::string_view> keys;
  for (const Field& field : Fields()) {
    if (field.determines_rows) keys.push_back(field.key);
  }
  EXPECT_THAT(keys, ::testing::ElementsAre("source", "incremental_column", "primary_key",
                                           "timeseries_key", "columns", "where", "partition_zone",
                                           "type_overrides", "extra_columns", "indexes",
                                           "json_nonfinite", "deletes", "history", "on_bad_row"));
}

TEST(Duration, ParsesAndFormats) {
  EXPECT_EQ(*ParseDuration("500ms"), milliseconds(500));
  EXPECT_EQ(*ParseDuration("30s"), milliseconds(30'000));
  EXPECT_EQ(*ParseDuration("15m"), milliseconds(900'000));
  EXPECT_EQ(*ParseDuration("90d"), milliseconds(7'776'000'000));
  for (const char* wrong : {"", "5", "s", "-1s", "1.5s", "1 s", "9223372036854775807d", "1y"}) {
    EXPECT_FALSE(ParseDuration(wrong).ok()) << wrong;
  }
  const auto mend = [](std::string_view text) {
    return std::string(ParseDuration(text).status().mend());
  };
  EXPECT_THAT(mend("5"), ::testing::HasSubstr("Write 5s for seconds"));
  EXPECT_THAT(mend("-5"), ::testing::HasSubstr("Write a whole number and a unit"));
  for (const char* text : {"0ms", "1ms", "90s", "2h", "7d"}) {
    EXPECT_EQ(FormatDuration(*ParseDuration(text)), text);
  }
}

}  // namespace
}  // namespace spillway::sync
