#include "data/json_writer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "data/builder.h"

namespace spillway::data {
namespace {

using base::ErrorClass;
using base::Status;

Batch Column(const Type& type, const std::vector<std::string>& values) {
  BatchBuilder builder(std::make_shared<const Schema>(Schema{{{.name = "c", .type = type}}}));
  for (const std::string& value : values) {
    EXPECT_EQ(builder.AppendJson(0, value).ToString(), "ok") << value;
    EXPECT_TRUE(builder.FinishRow().ok());
  }
  return *builder.Finish();
}

std::string Written(const Type& type, const std::string& value, JsonOptions options = {}) {
  const Batch batch = Column(type, {value});
  auto writer = JsonWriter::Make(type, std::move(options));
  EXPECT_TRUE(writer.ok());
  std::string out;
  const Status status = writer->Append(batch.column(0), 0, &out);
  EXPECT_EQ(status.ToString(), "ok");
  return out;
}

Status Refused(const Type& type, const std::string& value) {
  const Batch batch = Column(type, {"null", value});
  auto writer = JsonWriter::Make(type, {.column = "c"});
  std::string out = "before";
  Status status = writer->Append(batch.column(0), 1, &out);
  EXPECT_FALSE(status.ok()) << out;
  EXPECT_EQ(out, "before");
  EXPECT_TRUE(writer->Append(batch.column(0), 0, &out).ok()) << "usable after an error";
  EXPECT_EQ(out, "beforenull");
  return status;
}

const Type kDouble = ScalarType(TypeKind::kDouble);
const Type kString = ScalarType(TypeKind::kString);

TEST(JsonWriter, Scalars) {
  EXPECT_EQ(Written(ScalarType(TypeKind::kBoolean), "true"), "true");
  EXPECT_EQ(Written(ScalarType(TypeKind::kByte), "-128"), "-128");
  EXPECT_EQ(Written(ScalarType(TypeKind::kLong), "-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(Written(ScalarType(TypeKind::kFloat), "0.1"), "0.1");
  EXPECT_EQ(Written(kDouble, "1e300"), "1e+300");
  EXPECT_EQ(Written(DecimalType(38, 2), "\"-0.10\""), "-0.10");
  EXPECT_EQ(Written(ScalarType(TypeKind::kBinary), "\"00ff10\""), "\"AP8Q\"");
  EXPECT_EQ(Written(ScalarType(TypeKind::kDate), "\"2024-02-29\""), "\"2024-02-29\"");
  EXPECT_EQ(Written(ScalarType(TypeKind::kTimestamp), "1500000"), "\"1970-01-01T00:00:01.5Z\"");
  EXPECT_EQ(Written(ScalarType(TypeKind::kTimestampNtz), "0"), "\"1970-01-01T00:00:00\"");
  EXPECT_EQ(Written(ScalarType(TypeKind::kYearMonthInterval), "13"), "\"P1Y1M\"");
  EXPECT_EQ(Written(ScalarType(TypeKind::kDayTimeInterval), "-1"), "\"PT-0.000001S\"");
  EXPECT_EQ(Written(ScalarType(TypeKind::kVariant), R"({"a":[1,1.50]})"), R"({"a":[1,1.50]})");
  EXPECT_EQ(Written(kString, "null"), "null");
}

TEST(JsonWriter, Nested) {
  const Type record =
      StructType({{.name = "b \"q\"", .type = ScalarType(TypeKind::kInt)},
                  {.name = "a", .type = ArrayType(MapType(kString, DecimalType(4, 1)))}});
  EXPECT_EQ(Written(record, R"({"a":[[["y",1.0],["x",null]],null,[]],"b \"q\"":7})"),
            R"({"b \"q\"":7,"a":[{"y":1.0,"x":null},null,{}]})");
  EXPECT_EQ(Written(ArrayType(kDouble), "[]"), "[]");
}

TEST(JsonWriter, MapKeysAreText) {
  const auto map = [](Type key) { return MapType(std::move(key), ScalarType(TypeKind::kInt)); };
  EXPECT_EQ(Written(map(ScalarType(TypeKind::kLong)), "[[-5,1],[7,2]]"), R"({"-5":1,"7":2})");
  EXPECT_EQ(Written(map(ScalarType(TypeKind::kBoolean)), "[[true,1]]"), R"({"true":1})");
  EXPECT_EQ(Written(map(ScalarType(TypeKind::kDate)), R"([["2024-01-01",1]])"),
            R"({"2024-01-01":1})");
  EXPECT_EQ(Written(map(ScalarType(TypeKind::kBinary)), R"([["ff",1]])"), R"({"/w==":1})");
  EXPECT_EQ(Written(map(DecimalType(3, 2)), "[[1.50,1]]"), R"({"1.50":1})");
  EXPECT_EQ(Written(map(ArrayType(kString)), R"([[["a","b\""],1]])"), R"({"[\"a\",\"b\\\"\"]":1})");
  EXPECT_EQ(
      Written(map(kDouble), R"([["NaN",1]])", {.non_finite = JsonOptions::NonFinite::kString}),
      R"({"NaN":1})");
}

TEST(JsonWriter, RefusesWhatJsonCannotHold) {
  const Type record = StructType({{.name = "x", .type = ArrayType(kDouble)}});
  const Status nan = Refused(record, R"({"x":[1,"NaN"]})");
  EXPECT_EQ(nan.error_class(), ErrorClass::kValueOutOfRange);
  EXPECT_EQ(nan.detail("column"), "c");
  EXPECT_EQ(nan.detail("path"), "x.element");
  EXPECT_EQ(nan.message(), "a value has no JSON form: column c.x.element: NaN inside JSON");
  EXPECT_EQ(Refused(kDouble, "\"-Infinity\"").detail("reason"), "-Infinity inside JSON");
  EXPECT_EQ(Refused(kString, R"("a\u0000b")").error_class(), ErrorClass::kCharacterNotInRepertoire);
  EXPECT_EQ(Refused(MapType(kString, kString), R"([["k\u0000",""]])").detail("path"), "key");
  EXPECT_EQ(Refused(MapType(kString, kDouble), R"([["k",1],["j",1],["k",2]])").detail("reason"),
            "a map repeats a key");
  std::string many = "[";
  for (int i = 0; i < 40; ++i) many += "[\"key " + std::to_string(i % 39) + "\",1],";
  many.back() = ']';
  EXPECT_EQ(Refused(MapType(kString, kDouble), many).detail("reason"), "a map repeats a key");
  EXPECT_EQ(Refused(ScalarType(TypeKind::kVariant), R"({"a":"\u0000"})").error_class(),
            ErrorClass::kCharacterNotInRepertoire);
  EXPECT_FALSE(JsonWriter::Make(ArrayType(ScalarType(TypeKind::kGeometry)), {}).ok());
}

TEST(JsonWriter, RefusesInvalidUtf8) {
  BatchBuilder builder(std::make_shared<const Schema>(Schema{{{.name = "c", .type = kString}}}));
  ASSERT_TRUE(builder.AppendText(0, "plain \xC3(").ok());
  ASSERT_TRUE(builder.FinishRow().ok());
  const auto batch = builder.Finish();
  auto writer = JsonWriter::Make(kString, {});
  std::string out;
  const Status status = writer->Append(batch->column(0), 0, &out);
  EXPECT_EQ(status.error_class(), ErrorClass::kCharacterNotInRepertoire);
  EXPECT_EQ(status.detail("reason"), "a string is not valid UTF-8");
}

TEST(JsonWriter, NumbersOfVariantsThatJsonLacks) {
  const std::string json = R"({"NaN":[NaN,-Infinity],"a\"Infinity":Infinity,"b\\":"-Infinity"})";
  // A variant travels as text, so a column of text with what the builder takes for no JSON will do.
  BatchBuilder builder(std::make_shared<const Schema>(Schema{{{.name = "c", .type = kString}}}));
  ASSERT_TRUE(builder.AppendText(0, json).ok());
  ASSERT_TRUE(builder.FinishRow().ok());
  const auto batch = builder.Finish();
  auto strict = JsonWriter::Make(ScalarType(TypeKind::kVariant), {.column = "c"});
  std::string out;
  const Status status = strict->Append(batch->column(0), 0, &out);
  EXPECT_EQ(status.error_class(), ErrorClass::kValueOutOfRange);
  EXPECT_EQ(status.detail("reason"), "NaN inside JSON");
  EXPECT_EQ(out, "");
  auto writer = JsonWriter::Make(ScalarType(TypeKind::kVariant),
                                 {.non_finite = JsonOptions::NonFinite::kString});
  ASSERT_TRUE(writer->Append(batch->column(0), 0, &out).ok());
  EXPECT_EQ(out, R"({"NaN":["NaN","-Infinity"],"a\"Infinity":"Infinity","b\\":"-Infinity"})");
}

TEST(JsonWriter, OptionsKeepWhatIsRefusedOtherwise) {
  const JsonOptions options{.non_finite = JsonOptions::NonFinite::kString,
                            .nul = JsonOptions::Nul::kEscape};
  EXPECT_EQ(Written(ArrayType(kDouble), R"(["NaN","Infinity","-Infinity",-0.0])", options),
            R"(["NaN","Infinity","-Infinity",-0])");
  EXPECT_EQ(Written(kString, R"("a\u0000b")", options), R"("a\u0000b")");
  EXPECT_EQ(Written(ScalarType(TypeKind::kVariant), R"({"a":"\\u0000"})"), R"({"a":"\\u0000"})");
}

TEST(JsonWriter, StringsReadBackByAnotherParser) {
  std::mt19937 random(3);
  const char* const pieces[] = {"\"",
                                "\\",
                                "\n",
                                "\x01",
                                "\x1f",
                                "\x7f",
                                "a",
                                "abcdefgh",
                                "ä",
                                "€",
                                "\xF0\x9F\x98\x80",
                                "/",
                                "\b",
                                "12345678901234567890"};
  for (int i = 0; i < 5'000; ++i) {
    std::string text;
    for (std::size_t n = random() % 9; n > 0; --n) text += pieces[random() % std::size(pieces)];
    std::string out;
    AppendJsonString(text, &out);
    ASSERT_EQ(nlohmann::json::parse(out), nlohmann::json(text)) << out;
    ASSERT_EQ(out, nlohmann::json(text).dump()) << "as minimal as another writer's";
  }
}

TEST(JsonWriter, LongStrings) {
  std::string text;
  for (int i = 0; i < 3'000; ++i) text += "a\"\n\x01ä";
  std::string out;
  AppendJsonString(text, &out);
  EXPECT_EQ(out, nlohmann::json(text).dump());
}

TEST(JsonWriter, BoundOncePerBatch) {
  const Type type = ArrayType(ScalarType(TypeKind::kInt));
  auto writer = JsonWriter::Make(type, {});
  for (int round = 0; round < 2; ++round) {
    const Batch batch = Column(type, {"[1]", "[2,3]", "null"});
    writer->Bind(batch.column(0));
    std::string out;
    for (std::int64_t row = 0; row < batch.rows(); ++row) {
      ASSERT_TRUE(writer->Append(row, &out).ok());
    }
    EXPECT_EQ(out, "[1][2,3]null");
  }
}

}  // namespace
}  // namespace spillway::data
