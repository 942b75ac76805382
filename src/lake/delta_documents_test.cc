#include "lake/delta_documents.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace spillway::lake {
namespace {

using base::ErrorClass;
using nlohmann::json;

const Location kLocation{.url = "s3://b/t", .storage_options = {{"k", "v"}}};

TEST(DeltaDocuments, WritesRequests) {
  EXPECT_EQ(json::parse(FormatOpen(kLocation, VersionSpec())),
            json::parse(R"({"url":"s3://b/t","storage_options":{"k":"v"}})"));
  EXPECT_EQ(json::parse(FormatOpen(kLocation, Version{3}))["version"], 3);
  EXPECT_EQ(
      json::parse(FormatOpen(kLocation, Timestamp(std::chrono::microseconds(-5))))["timestamp_us"],
      -5);
  const auto append =
      json::parse(FormatAppend(kLocation, Transaction{.application = "a", .version = 2}));
  EXPECT_EQ(append["transaction"], json::parse(R"({"app_id":"a","version":2})"));
  EXPECT_FALSE(json::parse(FormatAppend(kLocation, std::nullopt)).contains("transaction"));
  EXPECT_EQ(json::parse(FormatReadSpec({})),
            json::parse(R"({"row_position":false,"partition_zone":"UTC"})"));
  EXPECT_EQ(json::parse(FormatReadOptions(kLocation, {}))["location"]["url"], "s3://b/t");
}

TEST(DeltaDocuments, ReadsADescription) {
  const auto parsed =
      ParseDescription(R"({"url":"file:///t","version":4,"table_id":"id","commit_fingerprint":"ab",
    "timestamp_us":5,"schema":{"type":"struct","fields":[{"name":"c","type":"void","nullable":true,"metadata":{}}]},
    "partition_columns":["p"],"clustering_columns":[],"properties":{"a":"b"},"reader_version":3,"writer_version":7,
    "features":["deletionVectors"],"primary_key":["k"],"name":null,"description":"d","created_us":1,"warnings":["w"]})");
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_EQ(parsed->description.version, 4);
  EXPECT_EQ(parsed->description.primary_key, std::vector<std::string>{"k"});
  EXPECT_EQ(parsed->description.name, "");
  EXPECT_EQ(parsed->schema.fields[0].type.kind, data::TypeKind::kVoid);
  const auto broken = ParseDescription(R"({"url":"x"})");
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.status().error_class(), ErrorClass::kInternal);
}

TEST(DeltaDocuments, ReadsAnswers) {
  const auto totals = ParseTotals(R"({"files":1,"bytes":2,"rows":null,"deletion_vectors":3})");
  ASSERT_TRUE(totals.ok());
  EXPECT_EQ(totals->rows, std::nullopt);
  EXPECT_EQ(totals->deletion_vectors, 3);
  EXPECT_EQ(*ParseObserved(R"({"state":"follows","latest_version":9})"), ObservedState::kFollows);
  EXPECT_FALSE(ParseObserved(R"({"state":"maybe"})").ok());
  const auto history = ParseHistory(
      R"([{"version":1,"timestamp_us":2,"operation":"WRITE","parameters":{"mode":"Append"},"metrics":{},"engine":null,"user":null}])");
  ASSERT_TRUE(history.ok()) << history.status().ToString();
  EXPECT_EQ((*history)[0].parameters, R"({"mode":"Append"})");
  const auto probe = ParseProbe(
      R"({"store":"s3","credential":"environment","reachable":true,"listable":false,
          "error":{"code":7,"class":"STORE_AUTHENTICATION","message":"403","object":"","details":{}}})");
  ASSERT_TRUE(probe.ok());
  EXPECT_EQ(probe->outcome.error_class(), ErrorClass::kStoreAuthentication);
}

TEST(DeltaDocuments, PositionsRoundTripInEqualBytes) {
  const DeltaPosition position{
      .log_root = "s3://b/t", .table_id = "id", .version = 12, .commit_fingerprint = "00ff"};
  const std::string document = FormatPosition(position);
  EXPECT_EQ(
      document,
      R"({"adapter":"delta","commit_fingerprint":"00ff","format":1,"log_root":"s3://b/t","table_id":"id","version":12})");
  const auto back = ParsePosition(document);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(FormatPosition(*back), document);
  for (std::size_t length = 0; length < document.size(); ++length) {
    const auto cut = ParsePosition(document.substr(0, length));
    ASSERT_FALSE(cut.ok());
    EXPECT_EQ(cut.status().error_class(), ErrorClass::kTargetChanged);
  }
  EXPECT_FALSE(ParsePosition(R"({"adapter":"iceberg","format":1})").ok());
}

TEST(DeltaDocuments, PlacesAreAScanOfNoColumns) {
  const auto places =
      PlacesDocument(R"({"columns":["id"],"row_position":false,"table":"file:///t/"})");
  ASSERT_TRUE(places.ok());
  EXPECT_EQ(*places, R"({"columns":[],"row_position":true,"table":"file:///t/"})");
  for (const char* wrong : {"", "[]", "{}", R"({"columns":[]})"}) {
    EXPECT_EQ(PlacesDocument(wrong).status().error_class(), ErrorClass::kInvalidArgument) << wrong;
  }
}

}  // namespace
}  // namespace spillway::lake
