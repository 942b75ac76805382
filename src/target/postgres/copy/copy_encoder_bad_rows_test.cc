#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/builder.h"
#include "target/postgres/copy/append_all_test.h"
#include "target/postgres/copy/copy_encoder.h"

namespace spillway::target::postgres {
namespace {

using base::ErrorClass;
using data::TypeKind;

data::Type Of(TypeKind kind) { return data::ScalarType(kind); }

/// One column: its type here, there, and a good and a bad value in the builder's text form.
struct Kind {
  std::string name;
  data::Type type;
  std::string target;
  std::string good;
  std::string bad;
  ErrorClass error_class;
  std::string reason;  ///< part of it
};

data::Type MapOf(TypeKind value) {
  data::Type map = Of(TypeKind::kMap);
  map.children = {{"key", Of(TypeKind::kString), false, {}, ""},
                  {"value", Of(value), true, {}, ""}};
  return map;
}

std::vector<Kind> Kinds() {
  const auto character = ErrorClass::kCharacterNotInRepertoire;
  const auto range = ErrorClass::kValueOutOfRange;
  return {
      {"NUL in text", Of(TypeKind::kString), "text", "a", std::string("a\0b", 3), character,
       "a NUL byte at byte 1"},
      {"invalid UTF-8 in text", Of(TypeKind::kString), "text", "a", "a\xff", character,
       "invalid UTF-8 at byte 1"},
      {"surrogate in text", Of(TypeKind::kString), "varchar(9)", "a", "\xed\xa0\x80", character,
       "invalid UTF-8"},
      {"NUL in an array", data::ArrayType(Of(TypeKind::kString)), "jsonb", R"(["a"])",
       R"(["a\u0000"])", character, "a NUL byte"},
      {"NUL in text[]", data::ArrayType(Of(TypeKind::kString)), "text[]", R"(["a"])",
       R"(["b","a\u0000"])", character, "element 2: a NUL byte"},
      {"NUL in a map's key", MapOf(TypeKind::kLong), "jsonb", R"([["k",1]])", R"([["k\u0000",1]])",
       character, "a NUL byte"},
      {"NUL in JSON text", Of(TypeKind::kString), "jsonb", "{}", R"({"a":"\u0000"})", character,
       "u0000"},
      {"too many characters", Of(TypeKind::kString), "varchar(2)", "äö", "äöü", range,
       "3 characters do not fit varchar(2)"},
      {"too many for char", Of(TypeKind::kString), "char(2)", "a", "abc", range, "char(2)"},
      {"no UUID", Of(TypeKind::kString), "uuid", "00000000-0000-0000-0000-000000000001", "x", range,
       "no UUID"},
      {"no JSON", Of(TypeKind::kString), "jsonb", "1", "{", range, ""},
      {"date", Of(TypeKind::kDate), "date", "2024-01-01", "-9999-01-01", range,
       "outside the range of date"},
      {"timestamp", Of(TypeKind::kTimestamp), "timestamptz", "0", "-300000000000000000", range,
       "outside the range of timestamptz"},
      {"timestamp_ntz", Of(TypeKind::kTimestampNtz), "timestamp", "0", "-300000000000000000", range,
       "outside the range of timestamp"},
      {"decimal precision", data::DecimalType(9, 2), "numeric(5,2)", "999.99", "1000.00", range,
       "outside the range of the column's numeric precision"},
      {"decimal scale", data::DecimalType(9, 2), "numeric(9,1)", "1.50", "1.55", range, "scale"},
      {"integer", Of(TypeKind::kLong), "integer", "2147483647", "2147483648", range,
       "outside the range of integer"},
      {"NaN in JSON", data::ArrayType(Of(TypeKind::kDouble)), "jsonb", "[1]", R"(["NaN"])", range,
       "NaN inside JSON"},
      {"infinity in JSON", data::ArrayType(Of(TypeKind::kFloat)), "jsonb", "[1]",
       R"(["-Infinity"])", range, "-Infinity inside JSON"},
      {"repeated map key", MapOf(TypeKind::kLong), "jsonb", R"([["k",1],["l",2]])",
       R"([["k",1],["k",2]])", range, "a map repeats a key"},
      {"vector dimensions", data::ArrayType(Of(TypeKind::kFloat)), "vector(2)", "[1,2]", "[1]",
       range, "1 elements do not fit vector(2)"},
      {"halfvec range", data::ArrayType(Of(TypeKind::kFloat)), "halfvec(1)", "[1]", "[1000000]",
       range, "outside the range of halfvec"},
  };
}

/// Rows of a number and the column; nullopt is NULL.
data::Batch Build(const Kind& kind, const std::vector<std::optional<std::string>>& values) {
  auto schema = std::make_shared<data::Schema>();
  schema->fields = {{"id", Of(TypeKind::kLong), false, {}, ""}, {"c", kind.type, true, {}, ""}};
  data::BatchBuilder builder(schema);
  for (std::size_t row = 0; row < values.size(); ++row) {
    EXPECT_TRUE(builder.AppendText(0, std::to_string(row)).ok());
    const base::Status status = !values[row]            ? builder.AppendNull(1)
                                : kind.type.is_nested() ? builder.AppendJson(1, *values[row])
                                                        : builder.AppendText(1, *values[row]);
    EXPECT_TRUE(status.ok()) << kind.name << ": " << status.ToString();
    EXPECT_TRUE(builder.FinishRow().ok());
  }
  auto batch = builder.Finish();
  EXPECT_TRUE(batch.ok());
  return *std::move(batch);
}

CopyEncoder EncoderOf(const Kind& kind, const EncodeOptions& options = {}) {
  data::Schema schema;
  schema.fields = {{"id", Of(TypeKind::kLong), false, {}, ""}, {"c", kind.type, true, {}, ""}};
  const std::vector<Column> columns = {{"id", schema.fields[0].type, "bigint", true, ""},
                                       {"c", kind.type, kind.target, false, ""}};
  auto encoder = CopyEncoder::Make(schema, columns, {0}, options);
  EXPECT_TRUE(encoder.ok()) << kind.name << ": " << encoder.status().ToString();
  return *std::move(encoder);
}

TEST(CopyEncoderBadRows, EachKindIsNamedAndTheRowsAroundItAreEncoded) {
  for (const Kind& kind : Kinds()) {
    CopyEncoder encoder = EncoderOf(kind);
    const data::Batch batch =
        Build(kind, {kind.bad, kind.good, std::nullopt, kind.bad, kind.bad, kind.good, kind.bad});
    std::string bytes = "before";
    std::vector<BadRow> bad;
    const base::Status status = encoder.AppendGood(batch, 0, batch.rows(), &bytes, &bad);
    ASSERT_TRUE(status.ok()) << kind.name << ": " << status.ToString();
    ASSERT_EQ(bad.size(), 4u) << kind.name;
    const std::vector<std::int64_t> rows = {0, 3, 4, 6};
    for (std::size_t i = 0; i < bad.size(); ++i) {
      EXPECT_EQ(bad[i].row, rows[i]) << kind.name;
      EXPECT_EQ(bad[i].key, std::to_string(rows[i])) << kind.name;
      EXPECT_EQ(bad[i].column, "c") << kind.name;
      EXPECT_EQ(bad[i].error_class, kind.error_class) << kind.name;
      EXPECT_NE(bad[i].reason.find(kind.reason), std::string::npos)
          << kind.name << ": " << bad[i].reason;
    }
    std::string expected = "before";
    for (const std::int64_t row : {1, 2, 5}) {
      ASSERT_TRUE(AppendAll(encoder, batch, row, 1, &expected).ok()) << kind.name;
    }
    EXPECT_EQ(bytes, expected) << kind.name;
  }
}

TEST(CopyEncoderBadRows, RowsInManyBlocksAreFoundWhereverTheyLie) {
  const Kind kind = Kinds().front();
  std::vector<std::optional<std::string>> values(3000, kind.good);
  const std::vector<std::size_t> places = {0, 1, 511, 512, 513, 1700, 2999};
  for (const std::size_t place : places) values[place] = kind.bad;
  const data::Batch batch = Build(kind, values);
  CopyEncoder encoder = EncoderOf(kind);
  for (const std::int64_t piece : {1, 7, 512, 3000}) {
    std::string bytes;
    std::vector<BadRow> bad;
    for (std::int64_t first = 0; first < batch.rows(); first += piece) {
      const std::int64_t count = std::min(piece, batch.rows() - first);
      ASSERT_TRUE(encoder.AppendGood(batch, first, count, &bytes, &bad).ok());
    }
    ASSERT_EQ(bad.size(), places.size());
    for (std::size_t i = 0; i < places.size(); ++i) {
      EXPECT_EQ(bad[i].row, static_cast<std::int64_t>(places[i]));
    }
    // A row is its count, the number (4 + 8 bytes) and the text (4 + 1).
    EXPECT_EQ(bytes.size(), (values.size() - places.size()) * (2 + 12 + 5));
  }
}

TEST(CopyEncoderBadRows, ANullKeyIsABadRow) {
  Kind kind = Kinds().front();
  kind.target = "text";
  data::Schema schema;
  schema.fields = {{"id", Of(TypeKind::kLong), true, {}, ""}, {"c", kind.type, true, {}, ""}};
  const std::vector<Column> columns = {{"id", schema.fields[0].type, "bigint", true, ""},
                                       {"c", kind.type, "text", true, ""}};
  auto encoder = CopyEncoder::Make(schema, columns, {0});
  ASSERT_TRUE(encoder.ok());
  data::BatchBuilder builder(std::make_shared<const data::Schema>(schema));
  ASSERT_TRUE(builder.AppendNull(0).ok());
  ASSERT_TRUE(builder.AppendText(1, "x").ok());
  ASSERT_TRUE(builder.FinishRow().ok());
  ASSERT_TRUE(builder.AppendText(0, "1").ok());
  ASSERT_TRUE(builder.AppendNull(1).ok());
  ASSERT_TRUE(builder.FinishRow().ok());
  auto batch = builder.Finish();
  ASSERT_TRUE(batch.ok());
  std::string bytes;
  std::vector<BadRow> bad;
  ASSERT_TRUE(encoder->AppendGood(*batch, 0, 2, &bytes, &bad).ok());
  ASSERT_EQ(bad.size(), 2u);
  EXPECT_EQ(bad[0].error_class, ErrorClass::kPrimaryKeyConstraintViolation);
  EXPECT_EQ(bad[0].reason, "NULL in the primary key");
  EXPECT_EQ(bad[1].column, "c");
  EXPECT_EQ(bad[1].reason, "NULL in a column that is NOT NULL");
  EXPECT_EQ(bytes, "");
}

TEST(CopyEncoderBadRows, NonfiniteJsonMayBecomeStrings) {
  const data::Type type = data::ArrayType(Of(TypeKind::kDouble));
  const Kind kind{"", type, "jsonb", "[1]", R"(["NaN","Infinity"])", {}, ""};
  const data::Batch batch = Build(kind, {kind.bad});
  CopyEncoder encoder = EncoderOf(kind, {.json_nonfinite_strings = true});
  std::string bytes;
  ASSERT_TRUE(AppendAll(encoder, batch, 0, 1, &bytes).ok());
  EXPECT_NE(bytes.find(R"(["NaN","Infinity"])"), std::string::npos);
}

}  // namespace
}  // namespace spillway::target::postgres
