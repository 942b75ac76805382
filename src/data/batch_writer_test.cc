#include "data/batch_writer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/builder.h"

namespace spillway::data {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using Rows = std::vector<std::vector<std::string>>;

std::shared_ptr<const Schema> Make(std::vector<Field> fields) {
  return std::make_shared<const Schema>(Schema{std::move(fields)});
}

Batch Build(const std::shared_ptr<const Schema>& schema, const Rows& rows) {
  BatchBuilder builder(schema);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const Status status =
          row[i] == "NULL" ? builder.AppendNull(i) : builder.AppendJson(i, row[i]);
      EXPECT_EQ(status.ToString(), "ok") << row[i];
    }
    EXPECT_TRUE(builder.FinishRow().ok());
  }
  return *builder.Finish();
}

TextSink To(std::string* out) {
  return [out](std::string_view text) {
    out->append(text);
    return Status();
  };
}

using Factory =
    std::function<Result<std::unique_ptr<BatchWriter>>(std::shared_ptr<const Schema>, TextSink)>;

std::string Written(const Factory& make, const std::shared_ptr<const Schema>& schema,
                    const Rows& rows) {
  std::string out;
  auto writer = make(schema, To(&out));
  EXPECT_TRUE(writer.ok());
  EXPECT_EQ((*writer)->Write(Build(schema, rows)).ToString(), "ok");
  EXPECT_EQ((*writer)->Finish().ToString(), "ok");
  return out;
}

Factory Table(TableOptions options = {}) {
  return [options](std::shared_ptr<const Schema> schema, TextSink sink) {
    return MakeTableWriter(std::move(schema), options, std::move(sink));
  };
}

const Type kLong = ScalarType(TypeKind::kLong);
const Type kString = ScalarType(TypeKind::kString);

TEST(CsvWriter, TellsNullFromTheEmptyString) {
  const auto schema = Make({{.name = "a,b", .type = kString}, {.name = "n", .type = kLong}});
  EXPECT_EQ(Written(MakeCsvWriter, schema,
                    {{"\"\"", "1"},
                     {"NULL", "NULL"},
                     {"\"say \\\"x\\\"\"", "-2"},
                     {"\"two\\nlines\"", "3"},
                     {"\"cr\\r\"", "4"},
                     {"\" plain \"", "5"}}),
            "\"a,b\",n\r\n\"\",1\r\n,\r\n\"say \"\"x\"\"\",-2\r\n\"two\nlines\",3\r\n\"cr\r\",4\r\n"
            " plain ,5\r\n");
}

TEST(CsvWriter, WritesEveryType) {
  const auto schema = Make({{.name = "d", .type = ScalarType(TypeKind::kDouble)},
                            {.name = "dec", .type = DecimalType(38, 2)},
                            {.name = "bin", .type = ScalarType(TypeKind::kBinary)},
                            {.name = "ts", .type = ScalarType(TypeKind::kTimestamp)},
                            {.name = "ntz", .type = ScalarType(TypeKind::kTimestampNtz)},
                            {.name = "arr", .type = ArrayType(kString)},
                            {.name = "v", .type = ScalarType(TypeKind::kVariant)},
                            {.name = "b", .type = ScalarType(TypeKind::kBoolean)},
                            {.name = "dt", .type = ScalarType(TypeKind::kDate)},
                            {.name = "f", .type = ScalarType(TypeKind::kFloat)}});
  EXPECT_EQ(
      Written(MakeCsvWriter, schema,
              {{"\"NaN\"", "\"-0.01\"", "\"00ff\"", "0", "0", "[\"a\",null]", "null", "true",
                "\"2024-01-01\"", "0.1"}}),
      "d,dec,bin,ts,ntz,arr,v,b,dt,f\r\n"
      "NaN,-0.01,AP8=,1970-01-01T00:00:00Z,1970-01-01T00:00:00,\"[\"\"a\"\",null]\",null,true,"
      "2024-01-01,0.1\r\n");
}

TEST(CsvWriter, WritesTheHeaderOfNoRows) {
  const auto schema = Make({{.name = "", .type = kLong}, {.name = "b", .type = kLong}});
  EXPECT_EQ(Written(MakeCsvWriter, schema, {}), "\"\",b\r\n");
}

TEST(NdjsonWriter, WritesObjectsInColumnOrder) {
  const auto schema = Make({{.name = "z", .type = kLong},
                            {.name = "a \"q\"", .type = ArrayType(ScalarType(TypeKind::kDouble))}});
  const std::string text = Written(MakeNdjsonWriter, schema,
                                   {{"9223372036854775807", "[\"NaN\",1.5]"}, {"NULL", "NULL"}});
  EXPECT_EQ(text,
            "{\"z\":9223372036854775807,\"a \\\"q\\\"\":[\"NaN\",1.5]}\n"
            "{\"z\":null,\"a \\\"q\\\"\":null}\n");
  EXPECT_EQ(Written(MakeNdjsonWriter, schema, {}), "");
}

TEST(NdjsonWriter, WritesNoPartOfABadRow) {
  const auto schema = Make({{.name = "s", .type = kString}});
  BatchBuilder builder(schema);
  for (const char* value : {"good", "\xFF"}) {
    ASSERT_TRUE(builder.AppendText(0, value).ok());
    ASSERT_TRUE(builder.FinishRow().ok());
  }
  const auto batch = builder.Finish();
  std::string out;
  auto writer = MakeNdjsonWriter(schema, To(&out));
  const Status status = (*writer)->Write(*batch);
  EXPECT_EQ(status.error_class(), ErrorClass::kCharacterNotInRepertoire);
  EXPECT_EQ(status.detail("row"), "1");
  ASSERT_TRUE((*writer)->Finish().ok());
  EXPECT_EQ(out, "{\"s\":\"good\"}\n");
}

TEST(TableWriter, AlignsAndCuts) {
  const auto schema = Make({{.name = "id", .type = kLong},
                            {.name = "name", .type = kString},
                            {.name = "x", .type = kLong}});
  EXPECT_EQ(
      Written(
          Table({.max_column_width = 6}), schema,
          {{"1", "\"ä\"", "5"}, {"-200", "\"東京都\"", "NULL"}, {"NULL", "\"line\\nbreak\"", "1"}}),
      "  id  name       x\n"
      "────  ──────  ────\n"
      "   1  ä          5\n"
      "-200  東京都  NULL\n"
      "NULL  line…      1\n");
}

TEST(TableWriter, FixesWidthsByTheFirstRows) {
  const auto schema = Make({{.name = "s", .type = kString}});
  EXPECT_EQ(Written(Table({.rows_for_widths = 1}), schema, {{"\"ab\""}, {"\"abcdef\""}}),
            "s\n──\nab\na…\n");
  EXPECT_EQ(Written(Table(), schema, {}), "s\n─\n");
}

TEST(FileSink, NamesTheFileThatIsFull) {
  std::FILE* const full = std::fopen("/dev/full", "w");
  ASSERT_NE(full, nullptr);
  const Status status = FileSink(full, "/dev/full")("text");
  std::fclose(full);
  EXPECT_EQ(status.error_class(), ErrorClass::kStoreNoSpace);
  EXPECT_EQ(status.detail("object"), "/dev/full");
}

}  // namespace
}  // namespace spillway::data
