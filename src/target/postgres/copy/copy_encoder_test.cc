#include "target/postgres/copy/copy_encoder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/builder.h"
#include "target/postgres/copy/append_all_test.h"

namespace spillway::target::postgres {
namespace {

using base::ErrorClass;
using data::TypeKind;

/// A column by its source type and PostgreSQL's, and its values: canonical text, JSON for nested
/// types, nullopt for NULL.
struct Spec {
  data::Type type;
  std::string target;
  std::vector<std::optional<std::string>> values;
  bool not_null = false;
};

data::Type Of(TypeKind kind) { return data::ScalarType(kind); }

data::Batch Build(const std::vector<Spec>& specs) {
  data::Schema schema;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    schema.fields.push_back({.name = "c" + std::to_string(i), .type = specs[i].type});
  }
  data::BatchBuilder builder(std::make_shared<const data::Schema>(std::move(schema)));
  for (std::size_t row = 0; row < specs[0].values.size(); ++row) {
    for (std::size_t i = 0; i < specs.size(); ++i) {
      const std::optional<std::string>& value = specs[i].values[row];
      const base::Status status = !value                      ? builder.AppendNull(i)
                                  : specs[i].type.is_nested() ? builder.AppendJson(i, *value)
                                                              : builder.AppendText(i, *value);
      EXPECT_TRUE(status.ok()) << status.ToString();
    }
    EXPECT_TRUE(builder.FinishRow().ok());
  }
  auto batch = builder.Finish();
  EXPECT_TRUE(batch.ok());
  return *std::move(batch);
}

std::vector<Column> ColumnsOf(const std::vector<Spec>& specs) {
  std::vector<Column> columns;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    Column column;
    column.name = "c" + std::to_string(i);
    column.source_type = specs[i].type;
    column.target_type = specs[i].target;
    column.not_null = specs[i].not_null;
    columns.push_back(std::move(column));
  }
  return columns;
}

CopyEncoder EncoderFor(const data::Batch& batch, const std::vector<Spec>& specs,
                       std::vector<std::size_t> key = {}) {
  auto encoder = CopyEncoder::Make(batch.schema(), ColumnsOf(specs), std::move(key));
  EXPECT_TRUE(encoder.ok()) << encoder.status().ToString();
  return *std::move(encoder);
}

std::string Encode(const data::Batch& batch, const std::vector<Spec>& specs) {
  CopyEncoder encoder = EncoderFor(batch, specs);
  std::string bytes;
  CopyEncoder::AppendHeader(&bytes);
  const base::Status status = AppendAll(encoder, batch, 0, batch.rows(), &bytes);
  EXPECT_TRUE(status.ok()) << status.ToString();
  CopyEncoder::AppendTrailer(&bytes);
  return bytes;
}

std::string Hex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) {
    hex += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    hex += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

std::string EncodeHex(const std::vector<Spec>& specs) { return Hex(Encode(Build(specs), specs)); }

/// The error of encoding; the output must be as it was.
base::Status ErrorOf(const std::vector<Spec>& specs, std::vector<std::size_t> key = {}) {
  const data::Batch batch = Build(specs);
  CopyEncoder encoder = EncoderFor(batch, specs, std::move(key));
  std::string bytes = "before";
  base::Status status = AppendAll(encoder, batch, 0, batch.rows(), &bytes);
  EXPECT_EQ(bytes, "before");
  return status;
}

base::Status ErrorOf(const data::Type& type, const std::string& target, const std::string& value) {
  return ErrorOf({{type, target, {value}}});
}

// The goldens are what PostgreSQL 15.20 sent for
//   psql -Atc "SET timezone = 'UTC'" -c "COPY (SELECT …) TO STDOUT (FORMAT binary)" | tail -c +5 |
//   xxd -p
// with the SELECT that stands above each.

TEST(CopyEncoderGolden, NumbersAndNull) {
  // SELECT true, -2::int2, 100000::int4, '-9223372036854775808'::int8, 1.5::float4, '-0'::float8,
  // 'NaN'::float8, NULL::text
  EXPECT_EQ(
      EncodeHex({{Of(TypeKind::kBoolean), "boolean", {"true"}},
                 {Of(TypeKind::kByte), "smallint", {"-2"}},
                 {Of(TypeKind::kInt), "integer", {"100000"}},
                 {Of(TypeKind::kLong), "bigint", {"-9223372036854775808"}},
                 {Of(TypeKind::kFloat), "real", {"1.5"}},
                 {Of(TypeKind::kDouble), "double precision", {"-0"}},
                 {Of(TypeKind::kDouble), "double precision", {"NaN"}},
                 {Of(TypeKind::kString), "text", {std::nullopt}}}),
      "5047434f50590aff0d0a0000000000000000000008000000010100000002fffe00000004000186a0000000088000"
      "000000000000000000043fc00000000000088000000000000000000000087ff8000000000000ffffffffffff");
}

TEST(CopyEncoderGolden, Numeric) {
  // SELECT * FROM (VALUES (0::numeric(12,2)), (-12345.60), (0.01), (100000000.00), (9999999999.99))
  // v(a)
  EXPECT_EQ(
      EncodeHex({{data::DecimalType(12, 2),
                  "numeric(12,2)",
                  {"0.00", "-12345.60", "0.01", "100000000.00", "9999999999.99"}}}),
      "5047434f50590aff0d0a000000000000000000000100000008000000000000000200010000000e00030001400000"
      "02"
      "00010929177000010000000a0001ffff00000002006400010000000a000100020000000200010001000000100004"
      "0002000000020063270f270f26acffff");
}

TEST(CopyEncoderGolden, TextAndBytes) {
  // SELECT 'é'::text, 'ab'::char(4), '\x00ff'::bytea, '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid
  EXPECT_EQ(
      EncodeHex({{Of(TypeKind::kString), "text", {"é"}},
                 {Of(TypeKind::kString), "char(4)", {"ab"}},
                 {Of(TypeKind::kBinary), "bytea", {std::string("\0\xFF", 2)}},
                 {Of(TypeKind::kString), "uuid", {"6BA7B810-9dad-11d1-80b4-00c04fd430c8"}}}),
      "5047434f50590aff0d0a000000000000000000000400000002c3a900000004616220200000000200ff00000010"
      "6ba7b8109dad11d180b400c04fd430c8ffff");
}

TEST(CopyEncoderGolden, DatesTimesAndIntervals) {
  // SELECT '1970-01-01'::date, '4713-11-24 BC'::date, '1970-01-01 00:00:00.000001+00'::timestamptz,
  //        '2000-01-01'::timestamp, '1 year 2 mons'::interval, '-1 days -00:00:00.5'::interval
  EXPECT_EQ(
      EncodeHex({{Of(TypeKind::kDate), "date", {"1970-01-01"}},
                 {Of(TypeKind::kDate), "date", {"-4712-11-24"}},
                 {Of(TypeKind::kTimestamp), "timestamptz", {"1"}},
                 {Of(TypeKind::kTimestampNtz), "timestamp", {"946684800000000"}},
                 {Of(TypeKind::kYearMonthInterval), "interval", {"14"}},
                 {Of(TypeKind::kDayTimeInterval), "interval", {"-86400500000"}}}),
      "5047434f50590aff0d0a000000000000000000000600000004ffffd53300000004ffda991500000008fffca2fec4"
      "c8"
      "2001000000080000000000000000000000100000000000000000000000000000000e00000010fffffffffff85ee0"
      "ffffffff00000000ffff");
}

TEST(CopyEncoderGolden, DocumentsAndArrays) {
  // SELECT '{"a":1}'::json, '[1]'::jsonb, ARRAY['x',NULL,'']::text[], '{}'::int8[]
  const data::Type record = data::StructType({{.name = "a", .type = Of(TypeKind::kInt)}});
  EXPECT_EQ(
      EncodeHex({{record, "json", {R"({"a":1})"}},
                 {data::ArrayType(Of(TypeKind::kInt)), "jsonb", {"[1]"}},
                 {data::ArrayType(Of(TypeKind::kString)), "text[]", {R"(["x",null,""])"}},
                 {data::ArrayType(Of(TypeKind::kLong)), "bigint[]", {"[]"}}}),
      "5047434f50590aff0d0a0000000000000000000004000000077b2261223a317d00000004015b315d000000210000"
      "0001000000010000001900000003000000010000000178ffffffff000000000000000c0000000000000000000000"
      "14ffff");
}

TEST(CopyEncoder, BadValuesAreErrorsOfTheirClass) {
  const data::Type text = Of(TypeKind::kString);
  struct Case {
    data::Type type;
    std::string target, value, reason;
    ErrorClass error_class = ErrorClass::kValueOutOfRange;
  };
  const ErrorClass character = ErrorClass::kCharacterNotInRepertoire;
  const data::Type texts = data::ArrayType(text);
  const data::Type floats = data::ArrayType(Of(TypeKind::kDouble));
  const std::vector<Case> cases = {
      {text, "text", std::string("ab\0c", 4), "a NUL byte at byte 2", character},
      {text, "text", "caf\xE9", "invalid UTF-8 at byte 3", character},
      {text, "varchar(3)", "abcd", "4 characters do not fit varchar(3)"},
      {text, "varchar(3)", "abc ", "4 characters do not fit varchar(3)"},
      {text, "char(2)", "äöü", "3 characters do not fit char(2)"},
      {text, "uuid", "6ba7b810", "the text is no UUID"},
      {text, "jsonb", "{", "a member's name is expected at byte 1"},
      {text, "jsonb", R"("\u0000")", "\\u0000 in a JSON string at byte 1", character},
      {text, "json", "", "the JSON text ends early at byte 0"},
      {text, "jsonb", "\"\xFF\"", "invalid UTF-8 at byte 1", character},
      {Of(TypeKind::kBinary), "uuid", "0123", "4 bytes are no UUID (16 bytes)"},
      {Of(TypeKind::kInt), "smallint", "32768", "32768 is outside the range of smallint"},
      {Of(TypeKind::kLong), "integer", "-2147483649",
       "-2147483649 is outside the range of integer"},
      {Of(TypeKind::kInt), "numeric(3,1)", "100",
       "100 is outside the range of the column's numeric precision"},
      {data::DecimalType(6, 2), "numeric(3,1)", "1.25",
       "1.25 is outside the range of the column's numeric scale"},
      {data::DecimalType(6, 2), "numeric(3,1)", "100.00",
       "100.00 is outside the range of the column's numeric precision"},
      {data::DecimalType(38, 0), "bigint", "9223372036854775808",
       "9223372036854775808 is outside the range of bigint"},
      {Of(TypeKind::kDate), "date", "-4713-11-23",
       "-4713-11-23 is outside the range of date (4714-11-24 BC to 5874897-12-31)"},
      {Of(TypeKind::kDate), "date", "5874898-01-01",
       "5874898-01-01 is outside the range of date (4714-11-24 BC to 5874897-12-31)"},
      {Of(TypeKind::kTimestamp), "timestamptz", "-210866803200000001",
       "-4713-11-23T23:59:59.999999Z is outside the range of timestamptz (from 4714-11-24 BC)"},
      {Of(TypeKind::kTimestampNtz), "timestamp", "-9223372036854775808",
       "-290308-12-21T19:59:05.224192 is outside the range of timestamp (from 4714-11-24 BC)"},
      {texts, "text[]", R"(["a","\u0000"])", "element 2: a NUL byte at byte 0", character},
      {texts, "varchar(1)[]", R"(["a",null,"bc"])",
       "element 3: 2 characters do not fit varchar(1)"},
      {floats, "jsonb", R"([1,"NaN"])", "NaN inside JSON at element"},
      {floats, "vector(2)", "[1]", "1 elements do not fit vector(2)"},
      {floats, "vector", "[]", "0 elements do not fit vector(1 to 16000)"},
      {floats, "vector(2)", "[1,null]", "element 2 is NULL"},
      {floats, "vector(1)", "[1e39]", "element 1 is outside the range of vector"},
      {floats, "halfvec(1)", "[65520]", "element 1 is outside the range of halfvec"},
      {floats, "vector(1)", R"(["Infinity"])", "element 1 is outside the range of vector"},
  };
  for (const Case& c : cases) {
    const base::Status status = ErrorOf(c.type, c.target, c.value);
    ASSERT_FALSE(status.ok()) << c.target << " " << c.reason;
    EXPECT_EQ(status.error_class(), c.error_class) << c.reason;
    EXPECT_EQ(status.detail("reason"), c.reason);
    EXPECT_EQ(status.detail("column"), "c0");
    EXPECT_EQ(status.detail("row"), "0");
    EXPECT_EQ(status.code(), base::Code::kBadRow);
  }
}

TEST(CopyEncoder, TheFirstBadRowIsNamedWithItsKey) {
  std::vector<Spec> specs = {{Of(TypeKind::kLong), "bigint", {}},
                             {Of(TypeKind::kString), "text", {}},
                             {Of(TypeKind::kInt), "smallint", {}}};
  for (int row = 0; row < 2000; ++row) {
    specs[0].values.push_back(std::to_string(row * 10));
    specs[1].values.push_back(row == 1500 ? "\x80" : "k" + std::to_string(row));
    specs[2].values.push_back(row == 1400 || row == 1999 ? "99999" : "1");
  }
  const base::Status status = ErrorOf(specs, {0, 1});
  EXPECT_EQ(status.error_class(), ErrorClass::kValueOutOfRange);
  EXPECT_EQ(status.detail("column"), "c2");
  EXPECT_EQ(status.detail("row"), "1400");
  EXPECT_EQ(status.detail("key"), "14000, k1400");
  EXPECT_EQ(status.detail("reason"), "99999 is outside the range of smallint");
}

TEST(CopyEncoder, KeysAreShownReadably) {
  const std::vector<Spec> specs = {
      {Of(TypeKind::kString), "text", {std::string("a\n\xFF", 3) + std::string(200, 'x')}},
      {Of(TypeKind::kDate), "date", {"2024-02-29"}}};
  const base::Status status = ErrorOf(specs, {0, 1});
  EXPECT_EQ(status.detail("key"), "a\\x0a\\xff" + std::string(91, 'x') + "…, 2024-02-29");
}

TEST(CopyEncoder, NullsWhereThereMustBeNone) {
  const Spec id = {Of(TypeKind::kInt), "integer", {"1", std::nullopt}};
  const Spec name = {Of(TypeKind::kString), "text", {"a", std::nullopt}, true};
  const base::Status key = ErrorOf({id, name}, {0});
  EXPECT_EQ(key.error_class(), ErrorClass::kPrimaryKeyConstraintViolation);
  EXPECT_EQ(key.detail("column"), "c0");
  EXPECT_EQ(key.detail("key"), "NULL");
  EXPECT_EQ(key.detail("row"), "1");
  const base::Status required = ErrorOf({id, name});
  EXPECT_EQ(required.error_class(), ErrorClass::kValueOutOfRange);
  EXPECT_EQ(required.detail("reason"), "NULL in a column that is NOT NULL");
}

/// Columns of every layout, `rows` of them, a third NULL.
std::vector<Spec> EveryLayout(int rows) {
  std::vector<Spec> specs = {{Of(TypeKind::kLong), "bigint", {}},
                             {Of(TypeKind::kBoolean), "boolean", {}},
                             {Of(TypeKind::kByte), "smallint", {}},
                             {Of(TypeKind::kFloat), "double precision", {}},
                             {data::DecimalType(38, 5), "numeric(38,5)", {}},
                             {Of(TypeKind::kDate), "date", {}},
                             {Of(TypeKind::kTimestamp), "timestamptz", {}},
                             {Of(TypeKind::kString), "text", {}},
                             {Of(TypeKind::kString), "jsonb", {}},
                             {data::ArrayType(Of(TypeKind::kString)), "text[]", {}},
                             {data::ArrayType(Of(TypeKind::kInt)), "halfvec(2)", {}},
                             {data::ArrayType(Of(TypeKind::kDate)), "jsonb", {}},
                             {Of(TypeKind::kDayTimeInterval), "interval", {}}};
  for (int row = 0; row < rows; ++row) {
    const std::string number = std::to_string(row * 7919 % 100000);
    const std::vector<std::string> values = {number,
                                             row % 2 == 0 ? "true" : "false",
                                             std::to_string(row % 100),
                                             number + ".5",
                                             number + number + number + number + ".12345",
                                             "2024-01-" + std::to_string(10 + row % 20),
                                             number + "000000",
                                             std::string(static_cast<std::size_t>(row % 40), 'x'),
                                             "[" + number + "]",
                                             "[\"" + number + "\",null]",
                                             "[1," + std::to_string(row % 1000) + "]",
                                             "[\"2024-01-01\"]",
                                             number};
    for (std::size_t i = 0; i < specs.size(); ++i) {
      const bool null = (static_cast<std::size_t>(row) * 31 + i * 17) % 3 == 0;
      specs[i].values.push_back(null ? std::nullopt : std::optional(values[i]));
    }
  }
  return specs;
}

TEST(CopyEncoder, PiecesTogetherAreTheWhole) {
  const std::vector<Spec> specs = EveryLayout(1500);
  const data::Batch batch = Build(specs);
  CopyEncoder encoder = EncoderFor(batch, specs);
  std::string whole;
  ASSERT_TRUE(AppendAll(encoder, batch, 0, batch.rows(), &whole).ok());
  for (const std::int64_t step : {1, 3, 64, 511, 513}) {
    std::string pieces;
    for (std::int64_t first = 0; first < batch.rows(); first += step) {
      const std::int64_t count = std::min(step, batch.rows() - first);
      ASSERT_TRUE(AppendAll(encoder, batch, first, count, &pieces).ok());
    }
    EXPECT_EQ(pieces, whole) << step;
  }
  std::string none;
  ASSERT_TRUE(AppendAll(encoder, batch, 7, 0, &none).ok());
  EXPECT_EQ(none, "");
}

TEST(CopyEncoder, AnArrayThatStartsWithinItsBuffers) {
  const std::vector<Spec> specs = EveryLayout(100);
  const data::Batch batch = Build(specs);
  CopyEncoder encoder = EncoderFor(batch, specs);
  std::string expected;
  ASSERT_TRUE(AppendAll(encoder, batch, 13, 80, &expected).ok());
  const auto schema = std::make_shared<const data::Schema>(batch.schema());
  ArrowArray array = Build(specs).Release();
  array.offset = 13;
  array.length = 80;
  const auto sliced = data::Batch::Import(schema, array);
  ASSERT_TRUE(sliced.ok()) << sliced.status().ToString();
  std::string actual;
  ASSERT_TRUE(AppendAll(encoder, *sliced, 0, 80, &actual).ok());
  EXPECT_EQ(actual, expected);
}

TEST(CopyEncoder, WhatIsUnderANullDoesNotMatter) {
  const std::vector<Spec> specs = {
      {Of(TypeKind::kDate), "date", {"2024-01-01", "2024-01-02"}},
      {Of(TypeKind::kTimestamp), "timestamptz", {"0", "1"}},
      {Of(TypeKind::kString), "text", {"a", "b"}},
      {Of(TypeKind::kString), "varchar(1)", {"a", "b"}},
      {Of(TypeKind::kString), "uuid", {"00000000000000000000000000000000", "00"}},
      {Of(TypeKind::kLong), "smallint", {"1", "99999"}},
      {data::DecimalType(38, 0), "numeric(2,0)", {"1", "99999"}},
      {data::ArrayType(Of(TypeKind::kString)), "text[]", {"[\"a\"]", "[\"b\",\"c\"]"}},
      {data::ArrayType(Of(TypeKind::kFloat)), "vector(1)", {"[1]", "[1,2,3]"}}};
  const auto schema = std::make_shared<const data::Schema>(Build(specs).schema());
  ArrowArray array = Build(specs).Release();
  // The second row becomes NULL over values that cannot be stored.
  static const std::uint8_t kFirstOnly = 1;
  std::vector<std::pair<const void**, const void*>> restore;
  for (std::int64_t i = 0; i < array.n_children; ++i) {
    ArrowArray* const column = array.children[i];
    restore.emplace_back(&column->buffers[0], column->buffers[0]);
    column->buffers[0] = &kFirstOnly;
    column->null_count = 1;
  }
  const auto writable = [&](ArrowArray* column, int buffer) {
    return static_cast<char*>(const_cast<void*>(column->buffers[buffer]));
  };
  std::memset(writable(array.children[0], 1) + 4, 0x7F, 4);
  std::memset(writable(array.children[1], 1) + 8, 0x80, 8);
  writable(array.children[2], 2)[1] = '\xFF';
  writable(array.children[3], 2)[1] = '\xFF';
  writable(array.children[7]->children[0], 2)[1] = '\0';
  const auto batch = data::Batch::Import(schema, array);
  ASSERT_TRUE(batch.ok()) << batch.status().ToString();
  CopyEncoder encoder = EncoderFor(*batch, specs);
  std::string bytes;
  const base::Status status = AppendAll(encoder, *batch, 0, 2, &bytes);
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(Hex(bytes.substr(bytes.size() - 4 * specs.size())), std::string(8 * specs.size(), 'f'));
  // The buffers go back to their owner as they were.
  for (const auto& [place, buffer] : restore) *place = buffer;
}

TEST(CopyEncoder, EveryNaNIsTheServersOwn) {
  const std::vector<Spec> specs = {{Of(TypeKind::kFloat), "real", {"1", "1"}},
                                   {Of(TypeKind::kDouble), "double precision", {"1", "1"}}};
  const auto schema = std::make_shared<const data::Schema>(Build(specs).schema());
  ArrowArray array = Build(specs).Release();
  std::memset(const_cast<void*>(array.children[0]->buffers[1]), 0xFF, 8);
  std::memset(const_cast<void*>(array.children[1]->buffers[1]), 0xFF, 16);
  const auto batch = data::Batch::Import(schema, array);
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(Hex(Encode(*batch, specs)).substr(38, 44),
            "0002"
            "00000004"
            "7fc00000"
            "00000008"
            "7ff8000000000000");
}

TEST(CopyEncoder, JsonOfOthersInsideADocumentIsChecked) {
  const std::vector<Spec> specs = {
      {data::ArrayType(Of(TypeKind::kVariant)), "jsonb", {R"(["abcdef"])"}}};
  const auto schema = std::make_shared<const data::Schema>(Build(specs).schema());
  ArrowArray array = Build(specs).Release();
  char* const text =
      static_cast<char*>(const_cast<void*>(array.children[0]->children[0]->buffers[2]));
  ASSERT_EQ(std::string_view(text, 8), "\"abcdef\"");
  std::memcpy(text, "\"\\ud800\"", 8);
  const auto batch = data::Batch::Import(schema, array);
  ASSERT_TRUE(batch.ok());
  CopyEncoder encoder = EncoderFor(*batch, specs);
  std::string bytes;
  const base::Status status = AppendAll(encoder, *batch, 0, 1, &bytes);
  EXPECT_EQ(status.error_class(), ErrorClass::kCharacterNotInRepertoire);
  EXPECT_EQ(status.detail("reason"), "half a surrogate pair at byte 8");
}

TEST(CopyEncoder, LongValuesAreEncodedFewAtATime) {
  std::vector<Spec> specs = {{Of(TypeKind::kString), "text", {}},
                             {Of(TypeKind::kString), "jsonb", {}},
                             {data::ArrayType(Of(TypeKind::kString)), "text[]", {}},
                             {Of(TypeKind::kInt), "integer", {}}};
  std::string expected;
  for (int row = 0; row < 40; ++row) {
    const std::string text(static_cast<std::size_t>(row) * 20000,
                           static_cast<char>('a' + row % 26));
    specs[0].values.push_back(text);
    specs[1].values.push_back("\"" + text + "\"");
    specs[2].values.push_back("[\"" + text + "\"]");
    specs[3].values.push_back(std::to_string(row));
    expected += "t" + std::to_string(text.size());
  }
  const std::string bytes = Encode(Build(specs), specs);
  // Walked as the server would: the lengths tell where each value is.
  const auto read = [&](std::size_t at) {
    std::uint32_t value;
    std::memcpy(&value, bytes.data() + at, 4);
    return __builtin_bswap32(value);
  };
  std::size_t at = 19;
  std::string actual;
  for (int row = 0; row < 40; ++row) {
    at += 2;
    const std::uint32_t length = read(at);
    actual += "t" + std::to_string(length);
    EXPECT_EQ(read(at + 4 + length), length + 3);
    for (int field = 0; field < 4; ++field) at += 4 + read(at);
  }
  EXPECT_EQ(actual, expected);
  EXPECT_EQ(at + 2, bytes.size());
}

TEST(CopyEncoder, MakeRefusesWhatHasNoEncoding) {
  const data::Schema schema{{{.name = "c0", .type = Of(TypeKind::kString)}}};
  for (const char* words : {"integer", "no_such_type", ""}) {
    const auto encoder =
        CopyEncoder::Make(schema, ColumnsOf({{Of(TypeKind::kString), words, {}}}), {});
    ASSERT_FALSE(encoder.ok());
    EXPECT_EQ(encoder.status().error_class(), ErrorClass::kInvalidDefinition);
    EXPECT_EQ(encoder.status().detail("column"), "c0");
  }
  EXPECT_EQ(CopyEncoder::Make(schema, {}, {}).status().error_class(), ErrorClass::kInternal);
}

TEST(CopyEncoder, ABatchOfOtherRowsIsRefused) {
  const std::vector<Spec> specs = {{Of(TypeKind::kInt), "integer", {"1"}}};
  const data::Batch batch = Build(specs);
  CopyEncoder encoder = EncoderFor(batch, specs);
  std::string bytes;
  EXPECT_EQ(AppendAll(encoder, batch, 0, 2, &bytes).error_class(), ErrorClass::kInternal);
  EXPECT_EQ(AppendAll(encoder, batch, -1, 1, &bytes).error_class(), ErrorClass::kInternal);
  EXPECT_EQ(bytes, "");
}

}  // namespace
}  // namespace spillway::target::postgres
