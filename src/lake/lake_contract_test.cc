// The contract of the port Lake, which every store behind every adapter keeps. It runs on the file
// system, and on the object stores that the environment names (README.md).

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "data/batch.h"
#include "data/batch_writer.h"
#include "data/testing/rows.h"
#include "lake/lake.h"

namespace spillway::lake {
namespace {

using base::Context;
using base::Deadline;
using base::ErrorClass;
using base::Result;
using base::Status;
using data::ScalarType;
using data::TypeKind;
using data::testing::MakeStream;
using data::testing::Rows;

/// In what stores differ.
struct Quirks {
  const char* name;
  const char* variable;  ///< environment variable with {"url", "storage_options"}; nullptr: a
                         ///< temporary directory
  /// Whether a folder can exist without an object in it, so that a table without a log is told from
  /// none.
  bool has_folders;
};

constexpr Quirks kStores[] = {
    {.name = "File", .variable = nullptr, .has_folders = true},
    {.name = "S3", .variable = "SPILLWAY_TEST_S3", .has_folders = false},
    {.name = "Azure", .variable = "SPILLWAY_TEST_AZURE", .has_folders = false},
    {.name = "Gcs", .variable = "SPILLWAY_TEST_GCS", .has_folders = false},
};

data::Schema PlainSchema() {
  return {{{.name = "id", .type = ScalarType(TypeKind::kLong), .nullable = false},
           {.name = "Name", .type = ScalarType(TypeKind::kString)}}};
}

class LakeContract : public testing::TestWithParam<Quirks> {
 protected:
  void SetUp() override {
    const Quirks& quirks = GetParam();
    if (quirks.variable == nullptr) {
      std::string pattern =
          (std::filesystem::temp_directory_path() / "spillway-lake-XXXXXX").string();
      ASSERT_NE(mkdtemp(pattern.data()), nullptr);
      directory_ = pattern;
      root_.url = pattern;
    } else {
      const auto json = nlohmann::json::parse(std::getenv(quirks.variable));
      root_.url =
          json.at("url").get<std::string>() + "/contract-" + std::to_string(std::random_device()());
      json.at("storage_options").get_to(root_.storage_options);
    }
    auto lake = OpenDeltaLake();
    ASSERT_TRUE(lake.ok()) << lake.status().ToString();
    lake_ = *std::move(lake);
  }
  void TearDown() override {
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }

  Location At(const std::string& name) const {
    Location location = root_;
    location.url += "/" + name;
    return location;
  }

  /// A table "name" of PlainSchema with one commit for each of `appends`.
  Location Make(const std::string& name, const std::vector<Rows>& appends) {
    const Location location = At(name);
    const Status created = lake_->Create(
        {}, location,
        {.schema = PlainSchema(), .partition_columns = {}, .properties = {}, .name = {}});
    EXPECT_EQ(created.ToString(), "ok");
    for (const Rows& rows : appends) {
      const auto appended =
          lake_->Append({}, location, MakeStream(PlainSchema(), rows), std::nullopt);
      EXPECT_TRUE(appended.ok()) << appended.status().ToString();
    }
    return location;
  }

  std::unique_ptr<Table> Open(const Location& location, VersionSpec version = {}) {
    auto table = lake_->Open({}, location, version);
    EXPECT_TRUE(table.ok()) << table.status().ToString();
    return table.ok() ? *std::move(table) : nullptr;
  }

  std::vector<Split> Splits(const Table& table, const Scan& scan) {
    std::vector<Split> splits;
    auto stream = table.Splits({}, scan, 0);
    EXPECT_TRUE(stream.ok()) << stream.status().ToString();
    while (stream.ok()) {
      auto split = (*stream)->Next({});
      EXPECT_TRUE(split.ok()) << split.status().ToString();
      if (!split.ok() || !*split) break;
      splits.push_back(**std::move(split));
    }
    return splits;
  }

  /// The rows of a read as sorted lines of JSON.
  std::vector<std::string> Read(const Location& location, const Table& table,
                                const ReadSpec& spec) {
    auto scan = table.Plan({}, spec);
    EXPECT_TRUE(scan.ok()) << scan.status().ToString();
    std::vector<std::string> lines;
    if (!scan.ok()) return lines;
    for (const Split& split : Splits(table, *scan)) {
      auto rows = lake_->Read({}, location, *scan, split.bytes, {});
      EXPECT_TRUE(rows.ok()) << rows.status().ToString();
      if (!rows.ok()) continue;
      auto writer = data::MakeNdjsonWriter(scan->schema, [&](std::string_view text) {
        for (std::size_t end = text.find('\n'); end != std::string_view::npos;
             end = text.find('\n')) {
          lines.emplace_back(text.substr(0, end));
          text.remove_prefix(end + 1);
        }
        return Status();
      });
      while (true) {
        auto batch = (*rows)->Next({});
        EXPECT_TRUE(batch.ok()) << batch.status().ToString();
        if (!batch.ok() || !*batch) break;
        EXPECT_EQ((*writer)->Write(**batch).ToString(), "ok");
      }
      EXPECT_TRUE((*writer)->Finish().ok());
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  std::vector<std::string> ReadAll(const Location& location, VersionSpec version = {}) {
    const auto table = Open(location, version);
    return table == nullptr ? std::vector<std::string>() : Read(location, *table, {});
  }

  std::filesystem::path directory_;
  Location root_;
  std::unique_ptr<Lake> lake_;
};

const Rows kTwo = {{"1", "\"a\""}, {"2", "NULL"}};
const Rows kThird = {{"3", "\"ä\""}};

TEST_P(LakeContract, CreatesAppendsAndReads) {
  const Location location = Make("t", {kTwo, kThird});
  const auto table = Open(location);
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->description().version, 2);
  EXPECT_EQ(table->position().version, 2);
  EXPECT_FALSE(table->description().table_id.empty());
  EXPECT_EQ(table->schema(), PlainSchema());
  const auto totals = table->Sum({});
  ASSERT_TRUE(totals.ok()) << totals.status().ToString();
  EXPECT_EQ(totals->rows, 3);
  EXPECT_EQ(totals->files, 2);
  EXPECT_GT(totals->byte_size, 0);
  EXPECT_EQ(Read(location, *table, {}),
            (std::vector<std::string>{R"({"id":1,"Name":"a"})", R"({"id":2,"Name":null})",
                                      R"({"id":3,"Name":"ä"})"}));
}

TEST_P(LakeContract, CarriesEveryType) {
  data::Schema schema;
  const auto add = [&](const char* name, data::Type type) {
    schema.fields.push_back({.name = name, .type = std::move(type)});
  };
  add("b", ScalarType(TypeKind::kBoolean));
  add("i8", ScalarType(TypeKind::kByte));
  add("i16", ScalarType(TypeKind::kShort));
  add("i32", ScalarType(TypeKind::kInt));
  add("f", ScalarType(TypeKind::kFloat));
  add("d", ScalarType(TypeKind::kDouble));
  add("dec", data::DecimalType(38, 3));
  add("bin", ScalarType(TypeKind::kBinary));
  add("dt", ScalarType(TypeKind::kDate));
  add("ts", ScalarType(TypeKind::kTimestamp));
  add("ntz", ScalarType(TypeKind::kTimestampNtz));
  add("a", data::ArrayType(data::ArrayType(ScalarType(TypeKind::kLong))));
  add("m", data::MapType(ScalarType(TypeKind::kString), data::DecimalType(9, 2)));
  add("s", data::StructType({{.name = "x_y", .type = ScalarType(TypeKind::kDate)}}));
  const Location location = At("types");
  ASSERT_EQ(lake_
                ->Create({}, location,
                         {.schema = schema, .partition_columns = {}, .properties = {}, .name = {}})
                .ToString(),
            "ok");
  const Rows rows = {{"true", "-128", "32767", "-2147483648", "0.1", "\"-Infinity\"",
                      "\"-99999999999999999999999999999999999.999\"", "\"00ff\"", "\"0001-01-01\"",
                      "253402300799999999", "-62135596800000000", "[[1,null],null,[]]",
                      "[[\"k\",1.50],[\"\",null]]", "{\"x_y\":\"9999-12-31\"}"},
                     {"NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL",
                      "NULL", "NULL", "NULL", "NULL", "NULL"}};
  const auto appended = lake_->Append({}, location, MakeStream(schema, rows), std::nullopt);
  ASSERT_TRUE(appended.ok()) << appended.status().ToString();
  EXPECT_EQ(appended->rows, 2);
  const auto table = Open(location);
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->schema(), schema);
  EXPECT_EQ(
      ReadAll(location),
      (std::vector<std::string>{
          R"({"b":null,"i8":null,"i16":null,"i32":null,"f":null,"d":null,"dec":null,"bin":null,"dt":null,)"
          R"("ts":null,"ntz":null,"a":null,"m":null,"s":null})",
          R"({"b":true,"i8":-128,"i16":32767,"i32":-2147483648,"f":0.1,"d":"-Infinity",)"
          R"("dec":-99999999999999999999999999999999999.999,"bin":"AP8=","dt":"0001-01-01",)"
          R"("ts":"9999-12-31T23:59:59.999999Z","ntz":"0001-01-01T00:00:00","a":[[1,null],null,[]],)"
          R"("m":{"k":1.50,"":null},"s":{"x_y":"9999-12-31"}})"}));
}

TEST_P(LakeContract, OpensVersionsAndTimes) {
  const Location location = Make("t", {kTwo, kThird});
  EXPECT_EQ(ReadAll(location, Version{1}).size(), 2U);
  EXPECT_EQ(ReadAll(location, Version{0}).size(), 0U);
  const auto second = Open(location, Version{1});
  const auto by_time = Open(location, VersionSpec(second->description().committed_at));
  ASSERT_NE(by_time, nullptr);
  EXPECT_GE(by_time->description().version, 1);
  EXPECT_LE(by_time->description().committed_at, second->description().committed_at);
  const auto future = lake_->Open({}, location, Version{9});
  ASSERT_FALSE(future.ok());
  EXPECT_EQ(future.status().error_class(), ErrorClass::kVersionNotFound);
  const auto past = lake_->Open({}, location, VersionSpec(Timestamp(std::chrono::microseconds(1))));
  ASSERT_FALSE(past.ok());
  EXPECT_EQ(past.status().error_class(), ErrorClass::kVersionNotFound);
}

TEST_P(LakeContract, ProjectsAndFilters) {
  const Location location = Make("t", {kTwo, kThird});
  const auto table = Open(location);
  ASSERT_NE(table, nullptr);
  const auto where = [&](std::string_view text) {
    auto predicate = expr::Predicate::Parse(text, table->schema());
    EXPECT_TRUE(predicate.ok()) << predicate.status().ToString();
    return *std::move(predicate);
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(Read(location, *table, {.columns = Names{"Name"}, .where = where("id >= 2")}),
            (Names{R"({"Name":"ä"})", R"({"Name":null})"}));
  EXPECT_EQ(Read(location, *table, {.columns = Names{"Name", "id"}, .where = where("Name <> 'a'")}),
            (Names{R"({"Name":"ä","id":3})"}));
  EXPECT_EQ(Read(location, *table, {.columns = std::nullopt, .where = where("id > 100")}), Names{});
  EXPECT_EQ(Read(location, *table, {.columns = Names{"NAME"}, .where = where("id = 1")}),
            (Names{R"({"Name":"a"})"}));
  const auto missing = table->Plan({}, {.columns = Names{"nmae"}, .where = std::nullopt});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().error_class(), ErrorClass::kColumnNotFound);
}

TEST_P(LakeContract, TellsFileAndRow) {
  const Location location = Make("t", {kTwo});
  const auto table = Open(location);
  ASSERT_NE(table, nullptr);
  const auto lines = Read(
      location, *table,
      {.columns = std::vector<std::string>{"id"}, .where = std::nullopt, .row_position = true});
  ASSERT_EQ(lines.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto row = nlohmann::json::parse(lines[i]);
    EXPECT_EQ(row["_row"].get<std::size_t>() + 1, row["id"].get<std::size_t>());
    EXPECT_TRUE(row["_file"].get<std::string>().ends_with(".parquet"));
  }
}

TEST_P(LakeContract, PlansTheSameTwice) {
  const Location location = Make("t", {kTwo, kThird, kTwo});
  const auto first = Open(location);
  const auto second = Open(location);
  const auto a = first->Plan({}, {});
  const auto b = second->Plan({}, {});
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(a->document, b->document);
  const auto splits = Splits(*first, *a);
  const auto again = Splits(*second, *b);
  ASSERT_EQ(splits.size(), 3U);
  ASSERT_EQ(again.size(), 3U);
  for (std::size_t i = 0; i < splits.size(); ++i) {
    EXPECT_EQ(splits[i].bytes, again[i].bytes);
    EXPECT_EQ(splits[i].path, again[i].path);
    EXPECT_GT(splits[i].byte_size, 0);
  }
}

TEST_P(LakeContract, ReadsASplitFromAnotherProcessesWords) {
  const Location location = Make("t", {kTwo});
  const auto table = Open(location);
  const auto scan = table->Plan({}, {});
  ASSERT_TRUE(scan.ok());
  const auto splits = Splits(*table, *scan);
  ASSERT_EQ(splits.size(), 1U);
  for (const auto& [option, value] : location.storage_options) {
    if (option.find("secret") == std::string::npos && option.find("key") == std::string::npos)
      continue;
    EXPECT_EQ((scan->document + splits[0].bytes).find(value), std::string::npos) << option;
  }
  auto other = OpenDeltaLake();
  ASSERT_TRUE(other.ok());
  auto rows = (*other)->Read({}, location, {.document = scan->document, .schema = nullptr},
                             splits[0].bytes, {});
  ASSERT_TRUE(rows.ok()) << rows.status().ToString();
  const auto batch = (*rows)->Next({});
  ASSERT_TRUE(batch.ok() && *batch);
  EXPECT_EQ((**batch).rows(), 2);
  auto broken = (*other)->Read({}, location, *scan, "no split", {});
  EXPECT_FALSE(broken.ok());
}

TEST_P(LakeContract, HonoursBatchRows) {
  Rows rows;
  for (int i = 0; i < 100; ++i) rows.push_back({std::to_string(i), "NULL"});
  const Location location = Make("t", {rows});
  const auto table = Open(location);
  const auto scan = table->Plan({}, {});
  const auto splits = Splits(*table, *scan);
  auto stream = lake_->Read({}, location, *scan, splits.at(0).bytes, {.batch_rows = 7});
  ASSERT_TRUE(stream.ok());
  std::int64_t total = 0;
  while (true) {
    const auto batch = (*stream)->Next({});
    ASSERT_TRUE(batch.ok());
    if (!*batch) break;
    EXPECT_LE((**batch).rows(), 7);
    total += (**batch).rows();
  }
  EXPECT_EQ(total, 100);
}

TEST_P(LakeContract, ListsHistoryNewestFirst) {
  const Location location = Make("t", {kTwo, kThird});
  const auto all = lake_->History({}, location, 0);
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  ASSERT_EQ(all->size(), 3U);
  EXPECT_EQ((*all)[0].version, 2);
  EXPECT_EQ((*all)[2].version, 0);
  EXPECT_EQ((*all)[0].operation, "WRITE");
  EXPECT_GE((*all)[0].committed_at, (*all)[2].committed_at);
  EXPECT_TRUE(nlohmann::json::accept((*all)[0].parameters));
  const auto some = lake_->History({}, location, 2);
  ASSERT_TRUE(some.ok());
  EXPECT_EQ(some->size(), 2U);
}

TEST_P(LakeContract, AppendsATransactionOnce) {
  const Location location = Make("t", {});
  const Transaction transaction{.application = "app", .version = 7};
  const auto first = lake_->Append({}, location, MakeStream(PlainSchema(), kTwo), transaction);
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_FALSE(first->already);
  EXPECT_EQ(first->version, 1);
  const auto again = lake_->Append({}, location, MakeStream(PlainSchema(), kTwo), transaction);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_TRUE(again->already);
  EXPECT_EQ(ReadAll(location).size(), 2U);
  const auto next = lake_->Append({}, location, MakeStream(PlainSchema(), kThird),
                                  Transaction{.application = "app", .version = 8});
  ASSERT_TRUE(next.ok());
  EXPECT_FALSE(next->already);
}

TEST_P(LakeContract, AFailedAppendLeavesNothing) {
  const Location location = Make("t", {kTwo});
  const auto failed = lake_->Append(
      {}, location,
      MakeStream(PlainSchema(), kThird, Status(ErrorClass::kValueOutOfRange, "row 7 does not fit")),
      std::nullopt);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.status().error_class(), ErrorClass::kValueOutOfRange);
  EXPECT_NE(failed.status().message().find("row 7 does not fit"), std::string_view::npos);
  EXPECT_EQ(Open(location)->description().version, 1);
  EXPECT_EQ(ReadAll(location).size(), 2U);
}

TEST_P(LakeContract, CreatesOnlyWhereNothingIs) {
  const Location location = Make("t", {});
  const Status again = lake_->Create(
      {}, location,
      {.schema = PlainSchema(), .partition_columns = {}, .properties = {}, .name = {}});
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error_class(), ErrorClass::kAlreadyExists);
}

TEST_P(LakeContract, ComparesPositions) {
  const Location location = Make("t", {kTwo});
  const Position position = Open(location)->position();
  const auto observe = [&](const Position& recorded) {
    const auto observed = lake_->Observe({}, location, recorded);
    EXPECT_TRUE(observed.ok()) << observed.status().ToString();
    if (!observed.ok()) return Relation::kReplaced;
    if (observed->table != nullptr) {
      EXPECT_EQ(observed->table->position(), Open(location)->position()) << "the latest version";
    }
    return observed->relation;
  };
  EXPECT_EQ(observe(position), Relation::kSame);
  ASSERT_TRUE(lake_->Append({}, location, MakeStream(PlainSchema(), kThird), std::nullopt).ok());
  EXPECT_EQ(observe(position), Relation::kFollows);
  EXPECT_EQ(observe(Open(location)->position()), Relation::kSame);
  const Location other = Make("other", {kTwo, kThird, kThird});
  EXPECT_EQ(observe(Open(other, Version{1})->position()), Relation::kOther);
  EXPECT_EQ(observe(Open(other)->position()), Relation::kOther) << "a version this table never had";
  const auto foreign = lake_->Observe({}, location, {.document = "{}", .version = 0});
  ASSERT_FALSE(foreign.ok());
  EXPECT_EQ(foreign.status().error_class(), ErrorClass::kTargetChanged);
}

TEST_P(LakeContract, NamesAMissingTable) {
  const Location nowhere = At("nowhere");
  const auto missing = lake_->Open({}, nowhere, {});
  ASSERT_FALSE(missing.ok());
  const ErrorClass error_class = missing.status().error_class();
  EXPECT_TRUE(error_class == ErrorClass::kSourceNotFound ||
              (!GetParam().has_folders && error_class == ErrorClass::kDeltaLogMissing))
      << missing.status().ToString();
  if (GetParam().has_folders) {
    std::filesystem::create_directory(directory_ / "empty");
    const auto empty = lake_->Open({}, At("empty"), {});
    ASSERT_FALSE(empty.ok());
    EXPECT_EQ(empty.status().error_class(), ErrorClass::kDeltaLogMissing);
  }
  EXPECT_FALSE(lake_->History({}, nowhere, 0).ok());
  EXPECT_FALSE(lake_->Append({}, nowhere, MakeStream(PlainSchema(), kTwo), std::nullopt).ok());
}

TEST_P(LakeContract, WritesAParquetFile) {
  const Location file = At("rows.parquet");
  const auto written = lake_->WriteParquet({}, file, MakeStream(PlainSchema(), kTwo));
  ASSERT_TRUE(written.ok()) << written.status().ToString();
  EXPECT_EQ(*written, 2);
  const auto failed = lake_->WriteParquet(
      {}, At("failed.parquet"),
      MakeStream(PlainSchema(), kTwo, Status(ErrorClass::kDataFileMissing, "gone")));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.status().error_class(), ErrorClass::kDataFileMissing);
  if (GetParam().has_folders) {
    EXPECT_TRUE(std::filesystem::exists(directory_ / "rows.parquet"));
    EXPECT_FALSE(std::filesystem::exists(directory_ / "failed.parquet"));
  }
}

TEST_P(LakeContract, ProbesTheStore) {
  const auto probe = lake_->Check({}, Make("t", {}));
  ASSERT_TRUE(probe.ok()) << probe.status().ToString();
  EXPECT_EQ(probe->outcome.ToString(), "ok");
  EXPECT_FALSE(probe->store.empty());
}

TEST_P(LakeContract, EveryCallHeedsItsContext) {
  const Location location = Make("t", {kTwo});
  const auto table = Open(location);
  const Position position = table->position();
  const auto scan = table->Plan({}, {});
  ASSERT_TRUE(scan.ok());
  const auto splits = Splits(*table, *scan);
  std::stop_source source;
  source.request_stop();
  const std::pair<Context, ErrorClass> contexts[] = {
      {{.deadline = {}, .stop = source.get_token()}, ErrorClass::kCancelled},
      {{.deadline = Deadline::After(std::chrono::seconds(-1)), .stop = {}},
       ErrorClass::kDeadlineExceeded}};
  for (const auto& [context, expected] : contexts) {
    const auto check = [&, want = expected](const Status& status) {
      ASSERT_FALSE(status.ok());
      EXPECT_EQ(status.error_class(), want) << status.ToString();
    };
    check(lake_->Open(context, location, {}).status());
    check(lake_->Observe(context, location, position).status());
    check(lake_->History(context, location, 0).status());
    check(lake_->Check(context, location).status());
    check(lake_->Create(
        context, At("never"),
        {.schema = PlainSchema(), .partition_columns = {}, .properties = {}, .name = {}}));
    check(lake_->Append(context, location, MakeStream(PlainSchema(), kTwo), std::nullopt).status());
    check(lake_->WriteParquet(context, At("never.parquet"), MakeStream(PlainSchema(), kTwo))
              .status());
    check(lake_->Read(context, location, *scan, splits.at(0).bytes, {}).status());
    check(table->Sum(context).status());
    check(table->Plan(context, {}).status());
    check(table->Splits(context, *scan, 0).status());
    auto rows = lake_->Read({}, location, *scan, splits.at(0).bytes, {});
    ASSERT_TRUE(rows.ok());
    check((*rows)->Next(context).status());
    auto stream = table->Splits({}, *scan, 0);
    ASSERT_TRUE(stream.ok());
    check((*stream)->Next(context).status());
  }
  EXPECT_EQ(ReadAll(location).size(), 2U);
}

TEST_P(LakeContract, StreamsOutliveTablesAndLakes) {
  const Location location = Make("t", {kTwo});
  auto table = Open(location);
  const auto scan = table->Plan({}, {});
  const auto splits = Splits(*table, *scan);
  auto split_stream = table->Splits({}, *scan, 0);
  auto rows = lake_->Read({}, location, *scan, splits.at(0).bytes, {});
  table.reset();
  lake_.reset();
  const Context bounded = Context().Within(std::chrono::minutes(1));
  ASSERT_TRUE((*split_stream)->Next(bounded).ok());
  const auto batch = (*rows)->Next(bounded);
  ASSERT_TRUE(batch.ok() && *batch);
  EXPECT_EQ((**batch).rows(), 2);
}

/// The stores that can be reached.
std::vector<Quirks> GivenStores() {
  std::vector<Quirks> given;
  for (const Quirks& store : kStores) {
    if (store.variable == nullptr || std::getenv(store.variable) != nullptr) given.push_back(store);
  }
  return given;
}

INSTANTIATE_TEST_SUITE_P(Stores, LakeContract, testing::ValuesIn(GivenStores()),
                         [](const auto& param) { return std::string(param.param.name); });

/// One skip for each store that the environment does not name.
class ObjectStore : public testing::TestWithParam<Quirks> {};

TEST_P(ObjectStore, IsTested) {
  if (std::getenv(GetParam().variable) == nullptr) {
    GTEST_SKIP() << GetParam().variable << " is not set: the contract was not tried on this store";
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, ObjectStore,
                         testing::ValuesIn(std::begin(kStores) + 1, std::end(kStores)),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace spillway::lake
