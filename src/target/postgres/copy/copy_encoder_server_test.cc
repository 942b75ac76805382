// Compares the encoder's bytes with those that real servers send for the same values, and loads
// them into the servers.

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "data/builder.h"
#include "data/json_writer.h"
#include "data/value_text.h"
#include "target/postgres/copy/append_all_test.h"
#include "target/postgres/copy/copy_encoder.h"
#include "target/postgres/copy/json_syntax.h"
#include "target/postgres/copy/type_table.h"
#include "target/postgres/copy/uuid_text.h"
#include "target/postgres/testing/test_server.h"

namespace spillway::target::postgres {
namespace {

using data::TypeKind;
using testing::ServerVersion;
using testing::TestServer;
using Random = std::mt19937_64;

constexpr std::int64_t kMicrosPerDay = 86400000000;

/// A value, as the builder reads it and as the server does. Both nullopt: NULL.
struct Value {
  std::optional<std::string> text;  ///< canonical text, or JSON for nested types
  std::string sql;                  ///< an expression
};

Value Null() { return {std::nullopt, "NULL"}; }

std::string Quoted(std::string_view text) {
  std::string quoted = "E'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted.push_back(c == '\'' ? '\'' : '\\');
    quoted.push_back(c);
  }
  return quoted + "'";
}

std::string Hex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) {
    hex += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    hex += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

class CopyEncoderServer : public ::testing::TestWithParam<ServerVersion> {
 protected:
  void SetUp() override {
    std::string why;
    TestServer* const server = TestServer::Shared(GetParam(), &why);
    if (server == nullptr) GTEST_SKIP() << why;
    connection_.reset(PQconnectdb(server->conninfo().c_str()));
    ASSERT_EQ(PQstatus(connection_.get()), CONNECTION_OK) << PQerrorMessage(connection_.get());
    Execute("SET timezone = 'UTC'; SET extra_float_digits = 1; SET intervalstyle = 'postgres'");
    Execute("SET client_min_messages = warning");
  }

  void Execute(const std::string& sql) { static_cast<void>(Query(sql)); }

  /// Rows as text, "<null>" for NULL, columns separated by |.
  std::vector<std::string> Query(const std::string& sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexec(connection_.get(), sql.c_str()), &PQclear);
    const ExecStatusType status = PQresultStatus(result.get());
    EXPECT_TRUE(status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        << PQerrorMessage(connection_.get()) << sql.substr(0, 500);
    std::vector<std::string> rows;
    for (int row = 0; row < PQntuples(result.get()); ++row) {
      std::string text;
      for (int column = 0; column < PQnfields(result.get()); ++column) {
        if (column > 0) text += "|";
        text += PQgetisnull(result.get(), row, column) != 0 ? "<null>"
                                                            : PQgetvalue(result.get(), row, column);
      }
      rows.push_back(std::move(text));
    }
    return rows;
  }

  std::string CopyOut(const std::string& query) {
    PQclear(PQexec(connection_.get(), ("COPY (" + query + ") TO STDOUT (FORMAT binary)").c_str()));
    std::string bytes;
    char* chunk = nullptr;
    for (int size; (size = PQgetCopyData(connection_.get(), &chunk, 0)) > 0;) {
      bytes.append(chunk, static_cast<std::size_t>(size));
      PQfreemem(chunk);
    }
    PQclear(PQgetResult(connection_.get()));
    return bytes;
  }

  /// The server's message, or "".
  std::string CopyIn(const std::string& table, const std::string& bytes) {
    PQclear(PQexec(connection_.get(), ("COPY " + table + " FROM STDIN (FORMAT binary)").c_str()));
    PQputCopyData(connection_.get(), bytes.data(), static_cast<int>(bytes.size()));
    PQputCopyEnd(connection_.get(), nullptr);
    std::string message;
    while (PGresult* result = PQgetResult(connection_.get())) {
      if (PQresultStatus(result) != PGRES_COMMAND_OK) message = PQresultErrorMessage(result);
      PQclear(result);
    }
    return message;
  }

  static data::Batch Build(const std::vector<data::Type>& types,
                           const std::vector<std::vector<Value>>& rows) {
    data::Schema schema;
    for (std::size_t i = 0; i < types.size(); ++i) {
      schema.fields.push_back({.name = "c" + std::to_string(i), .type = types[i]});
    }
    data::BatchBuilder builder(std::make_shared<const data::Schema>(schema));
    for (const auto& row : rows) {
      for (std::size_t i = 0; i < row.size(); ++i) {
        const base::Status status = !row[i].text           ? builder.AppendNull(i)
                                    : types[i].is_nested() ? builder.AppendJson(i, *row[i].text)
                                                           : builder.AppendText(i, *row[i].text);
        EXPECT_TRUE(status.ok()) << status.ToString();
      }
      EXPECT_TRUE(builder.FinishRow().ok());
    }
    auto batch = builder.Finish();
    EXPECT_TRUE(batch.ok()) << batch.status().ToString();
    return *std::move(batch);
  }

  static std::string Encode(const data::Batch& batch, const std::vector<std::string>& targets) {
    std::vector<Column> columns;
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const data::Field& field = batch.schema().fields[i];
      Column column;
      column.name = field.name;
      column.source_type = field.type;
      column.target_type = targets[i];
      columns.push_back(std::move(column));
    }
    auto encoder = CopyEncoder::Make(batch.schema(), columns, {});
    EXPECT_TRUE(encoder.ok()) << encoder.status().ToString();
    std::string bytes;
    CopyEncoder::AppendHeader(&bytes);
    const base::Status status = AppendAll(*encoder, batch, 0, batch.rows(), &bytes);
    EXPECT_TRUE(status.ok()) << status.ToString();
    CopyEncoder::AppendTrailer(&bytes);
    return bytes;
  }

  /// Builds `rows`, and a table of the same values by SQL; compares what we write with what the
  /// server sends, and what the server shows of both. `same_bytes` false: the server's form of the
  /// type is another one (jsonb).
  void CompareRows(const std::vector<data::Type>& types, const std::vector<std::string>& targets,
                   const std::vector<std::vector<Value>>& rows, bool same_bytes = true) {
    std::string columns, names;
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const std::string name = "c" + std::to_string(i);
      columns += (i > 0 ? ", " : "") + name + " " + targets[i];
      names += (i > 0 ? ", " : "") + name;
    }
    Execute("DROP TABLE IF EXISTS expected, actual");
    Execute("CREATE TEMP TABLE expected (ord int, " + columns + ")");
    Execute("CREATE TEMP TABLE actual (ord serial, " + columns + ")");
    std::string insert;
    for (std::size_t r = 0; r < rows.size(); ++r) {
      insert += insert.empty() ? "INSERT INTO expected VALUES (" : ", (";
      insert += std::to_string(r + 1);
      for (const Value& value : rows[r]) insert += ", " + value.sql;
      insert += ")";
      if (insert.size() > 1000000 || r + 1 == rows.size()) {
        Execute(insert);
        insert.clear();
      }
    }
    const std::string ours = Encode(Build(types, rows), targets);
    if (same_bytes) {
      const std::string theirs = CopyOut("SELECT " + names + " FROM expected ORDER BY ord");
      if (ours != theirs) {
        const auto [a, b] = std::mismatch(ours.begin(), ours.end(), theirs.begin(), theirs.end());
        const auto at = static_cast<std::size_t>(a - ours.begin());
        const std::size_t from = at < 40 ? 0 : at - 40;
        ADD_FAILURE() << targets[0] << ": bytes differ at " << at << " of " << ours.size() << ", "
                      << theirs.size() << "\nours:   " << Hex(ours.substr(from, 80))
                      << "\nserver: " << Hex(theirs.substr(from, 80));
      }
    }
    EXPECT_EQ(CopyIn("actual (" + names + ")", ours), "") << targets[0];
    EXPECT_EQ(Query("SELECT " + names + " FROM actual ORDER BY ord"),
              Query("SELECT " + names + " FROM expected ORDER BY ord"))
        << targets[0];
  }

  void Compare(const data::Type& type, const std::string& target, const std::vector<Value>& values,
               bool same_bytes = true) {
    std::vector<std::vector<Value>> rows;
    for (const Value& value : values) rows.push_back({value});
    CompareRows({type}, {target}, rows, same_bytes);
  }

  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_{nullptr, &PQfinish};
  Random random_{20240607};
};

Value Integer(std::int64_t value) {
  // The smallest bigint has no literal of its own: its sign is an operator.
  return {std::to_string(value), "'" + std::to_string(value) + "'"};
}

template <typename T>
std::vector<Value> Integers(Random* random) {
  std::vector<Value> values = {Null(),
                               Integer(0),
                               Integer(1),
                               Integer(-1),
                               Integer(std::numeric_limits<T>::max()),
                               Integer(std::numeric_limits<T>::min())};
  for (int i = 0; i < 2000; ++i) {
    values.push_back(i % 17 == 0 ? Null() : Integer(static_cast<T>((*random)())));
  }
  return values;
}

TEST_P(CopyEncoderServer, Booleans) {
  std::vector<Value> values;
  for (int i = 0; i < 1000; ++i) {
    const bool value = random_() % 2 == 0;
    values.push_back(i % 7 == 0 ? Null()
                                : Value{value ? "true" : "false", value ? "true" : "false"});
  }
  Compare(data::ScalarType(TypeKind::kBoolean), "boolean", values);
}

TEST_P(CopyEncoderServer, IntegersInTheirOwnWidthAndInWiderOnes) {
  const std::vector<std::string> all = {"smallint", "integer", "bigint", "numeric",
                                        "numeric(40,3)"};
  const std::vector<Value> bytes = Integers<std::int8_t>(&random_);
  const std::vector<Value> shorts = Integers<std::int16_t>(&random_);
  const std::vector<Value> ints = Integers<std::int32_t>(&random_);
  const std::vector<Value> longs = Integers<std::int64_t>(&random_);
  for (const std::string& target : all) {
    Compare(data::ScalarType(TypeKind::kByte), target, bytes);
    Compare(data::ScalarType(TypeKind::kShort), target, shorts);
    if (target == "smallint") continue;
    Compare(data::ScalarType(TypeKind::kInt), target, ints);
    if (target == "integer") continue;
    Compare(data::ScalarType(TypeKind::kLong), target, longs);
  }
  // Narrower, where the values fit.
  Compare(data::ScalarType(TypeKind::kLong), "smallint", shorts);
  Compare(data::ScalarType(TypeKind::kLong), "integer", ints);
  Compare(data::ScalarType(TypeKind::kInt), "smallint", shorts);
  Compare(data::DecimalType(38, 0), "bigint", longs);
  Compare(data::DecimalType(10, 0), "integer", ints);
  Compare(data::DecimalType(5, 0), "smallint", shorts);
}

template <typename Float, typename Bits>
std::vector<Value> Floats(Random* random, const char* format, const char* type) {
  std::vector<Value> values = {Null()};
  const auto add = [&](const std::string& text) {
    values.push_back({text, "'" + text + "'::" + type});
  };
  for (const char* text : {"0", "-0", "NaN", "Infinity", "-Infinity", "1", "-1.5"}) add(text);
  const auto number = [&](Float value) {
    char text[64];
    std::snprintf(text, sizeof(text), format, static_cast<double>(value));
    add(text);
  };
  using Limits = std::numeric_limits<Float>;
  for (const Float value : {Limits::max(), Limits::lowest(), Limits::min(), Limits::denorm_min()}) {
    number(value);
  }
  while (values.size() < 3000) {
    Float value;
    const auto bits = static_cast<Bits>((*random)());
    std::memcpy(&value, &bits, sizeof(value));
    if (std::isfinite(value)) number(value);
  }
  return values;
}

TEST_P(CopyEncoderServer, Floats) {
  const auto floats = Floats<float, std::uint32_t>(&random_, "%.9g", "real");
  Compare(data::ScalarType(TypeKind::kFloat), "real", floats);
  Compare(data::ScalarType(TypeKind::kFloat), "double precision", floats);
  Compare(data::ScalarType(TypeKind::kDouble), "double precision",
          Floats<double, std::uint64_t>(&random_, "%.17g", "float8"));
}

std::string RandomDecimal(Random* random, std::int32_t precision, std::int32_t scale) {
  std::string digits;
  const auto count = static_cast<std::int32_t>((*random)() % static_cast<unsigned>(precision + 1));
  for (std::int32_t i = 0; i < count; ++i) {
    // Runs of zeros, so that digits of base 10000 are zero at either end and inside.
    digits += (*random)() % 3 == 0 ? static_cast<char>('0' + (*random)() % 10) : '0';
  }
  if ((*random)() % 2 == 0 && !digits.empty()) digits[0] = '9';
  if (static_cast<std::int32_t>(digits.size()) < scale + 1) {
    digits.insert(0, static_cast<std::size_t>(scale + 1) - digits.size(), '0');
  }
  if (scale > 0) digits.insert(digits.size() - static_cast<std::size_t>(scale), ".");
  return ((*random)() % 2 == 0 ? "-" : "") + digits;
}

TEST_P(CopyEncoderServer, DecimalsOfEveryScale) {
  for (const std::int32_t precision : {1, 2, 4, 5, 8, 9, 15, 16, 17, 18, 19, 20, 27, 37, 38}) {
    std::vector<std::int32_t> scales = {0,        1, 2, 3, 4, 5, 7, 8, precision / 2, precision - 1,
                                        precision};
    std::sort(scales.begin(), scales.end());
    scales.erase(std::unique(scales.begin(), scales.end()), scales.end());
    for (const std::int32_t scale : scales) {
      if (scale > precision) continue;
      std::vector<Value> values = {Null()};
      for (int i = 0; i < 150; ++i) {
        // numeric has no place for the digit before the point when all are behind it.
        std::string text = RandomDecimal(&random_, precision, scale);
        values.push_back({text, text});
      }
      const std::string name =
          "numeric(" + std::to_string(precision) + "," + std::to_string(scale) + ")";
      Compare(data::DecimalType(precision, scale), name, values);
    }
  }
}

TEST_P(CopyEncoderServer, DecimalsInOtherNumerics) {
  for (const std::int32_t scale : {0, 1, 2, 3, 4, 6, 18}) {
    std::vector<Value> values = {Null()}, shorter = {Null()};
    for (int i = 0; i < 500; ++i) {
      const std::string text = RandomDecimal(&random_, 20, scale);
      values.push_back({text, text});
      const std::string zeros = scale == 0 ? "" : std::string(static_cast<std::size_t>(scale), '0');
      const std::string whole = std::to_string(random_() % 100);
      shorter.push_back({scale == 0 ? whole : whole + "." + zeros, whole});
    }
    const data::Type type = data::DecimalType(20, scale);
    Compare(type, "numeric(38,18)", values);
    Compare(type, "numeric(1000,500)", values);
    Compare(type, "numeric(10,0)", shorter);
    // Without constraint the server keeps the scale of the literal.
    Compare(type, "numeric", values);
  }
}

/// Strings of ASCII, of other scripts, and of awkward characters.
std::string RandomText(Random* random) {
  static const std::vector<std::string> kPieces = {"a",
                                                   "Z",
                                                   "0",
                                                   " ",
                                                   "\t",
                                                   "\n",
                                                   "\r",
                                                   "\\",
                                                   "'",
                                                   "\"",
                                                   "\x01",
                                                   "\x7f",
                                                   "é",
                                                   "ß",
                                                   "漢",
                                                   "字",
                                                   "😀",
                                                   "\xEF\xBF\xBF",
                                                   "\xC2\x80",
                                                   "\xDF\xBF",
                                                   "\xE0\xA0\x80",
                                                   "\xED\x9F\xBF",
                                                   "\xF0\x90\x80\x80",
                                                   "\xF4\x8F\xBF\xBF",
                                                   "plain ascii text "};
  std::string text;
  const bool ascii = (*random)() % 2 == 0;
  for (std::uint64_t i = (*random)() % 30; i > 0; --i) {
    text += kPieces[(*random)() % (ascii ? 10 : kPieces.size())];
  }
  return text;
}

TEST_P(CopyEncoderServer, Texts) {
  std::vector<Value> values = {Null(), {"", "''"}};
  for (int i = 0; i < 3000; ++i) {
    const std::string text = RandomText(&random_);
    values.push_back(i % 19 == 0 ? Null() : Value{text, Quoted(text)});
  }
  for (const std::size_t size : {15U, 16U, 17U, 31U, 32U, 33U, 255U, 8192U, 3000000U}) {
    const std::string text(size, 'x');
    values.push_back({text, Quoted(text)});
  }
  Compare(data::ScalarType(TypeKind::kString), "text", values);
  Compare(data::ScalarType(TypeKind::kString), "varchar", values);
  Compare(data::ScalarType(TypeKind::kString), "varchar(3000000)", values);
  values.resize(3000);
  Compare(data::ScalarType(TypeKind::kString), "char(1000)", values);
  for (Value& value : values) {
    if (value.text) value.sql = "convert_to(" + value.sql + ", 'UTF8')";
  }
  Compare(data::ScalarType(TypeKind::kString), "bytea", values);
}

std::string RandomBytes(Random* random, std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>((*random)()));
  return bytes;
}

TEST_P(CopyEncoderServer, BinaryValues) {
  std::vector<Value> values = {Null(), {"", "''"}};
  std::vector<Value> uuids = {Null()};
  for (int i = 0; i < 2000; ++i) {
    const std::string bytes = RandomBytes(&random_, random_() % 40);
    values.push_back({bytes, "'\\x" + Hex(bytes) + "'"});
    const std::string uuid = RandomBytes(&random_, 16);
    uuids.push_back({uuid, "'" + Hex(uuid) + "'"});
  }
  Compare(data::ScalarType(TypeKind::kBinary), "bytea", values);
  Compare(data::ScalarType(TypeKind::kBinary), "uuid", uuids);
}

TEST_P(CopyEncoderServer, UuidsInEveryTextForm) {
  std::vector<Value> values = {Null()};
  for (int i = 0; i < 2000; ++i) {
    const std::string hex = Hex(RandomBytes(&random_, 16));
    std::string text;
    for (std::size_t j = 0; j < hex.size(); ++j) {
      if (j > 0 && j % 4 == 0 && random_() % 2 == 0) text += "-";
      text += random_() % 2 == 0 ? hex[j] : static_cast<char>(std::toupper(hex[j]));
    }
    if (i % 3 == 0) text = "{" + text + "}";
    values.push_back({text, "'" + text + "'"});
  }
  Compare(data::ScalarType(TypeKind::kString), "uuid", values);
}

TEST_P(CopyEncoderServer, UuidsAreRefusedAsTheServerRefusesThem) {
  Execute(
      "CREATE OR REPLACE FUNCTION pg_temp.is_uuid(t text) RETURNS bool LANGUAGE plpgsql AS "
      "$$ BEGIN PERFORM t::uuid; RETURN true; EXCEPTION WHEN OTHERS THEN RETURN false; END $$");
  std::string list;
  std::vector<std::string> texts;
  for (int i = 0; i < 3000; ++i) {
    std::string text = Hex(RandomBytes(&random_, 16));
    for (std::uint64_t j = random_() % 3; j > 0; --j) {
      const std::size_t at = random_() % (text.size() + 1);
      switch (random_() % 4) {
        case 0:
          text.insert(at, 1, "-{}g 0"[random_() % 6]);
          break;
        case 1:
          if (at < text.size()) text.erase(at, 1);
          break;
        case 2:
          text.insert(at / 4 * 4, "-");
          break;
        case 3:
          text = "{" + text + "}";
          break;
      }
    }
    texts.push_back(text);
    list += (i > 0 ? "," : "") + Quoted(text);
  }
  const auto answers = Query("SELECT pg_temp.is_uuid(t) FROM unnest(ARRAY[" + list +
                             "]) WITH ORDINALITY AS x(t, n) ORDER BY n");
  ASSERT_EQ(answers.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(ParseUuid(texts[i]).has_value(), answers[i] == "t") << texts[i];
  }
}

TEST_P(CopyEncoderServer, Dates) {
  constexpr std::int64_t kFirst = -2451545 + 10957, kLast = 2147483493 - 2451545 + 10957;
  std::vector<Value> values = {Null()};
  const auto add = [&](std::int64_t days) {
    // The builder reads dates as text: the server writes it, of the same day.
    values.push_back({std::to_string(days), "'1970-01-01'::date + (" + std::to_string(days) + ")"});
  };
  for (const std::int64_t days :
       {kFirst, kFirst + 1, kLast - 1, kLast, std::int64_t{0}, std::int64_t{-1},
        std::int64_t{10956}, std::int64_t{10957}, std::int64_t{-719162}, std::int64_t{-719528}}) {
    add(days);
  }
  for (int i = 0; i < 3000; ++i) {
    const std::int64_t span = i % 2 == 0 ? kLast - kFirst : 100000;
    add((i % 2 == 0 ? kFirst : -50000) +
        static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(span)));
  }
  for (Value& value : values) {
    if (!value.text) continue;
    char text[data::kMaxScalarText];
    const auto days = static_cast<std::int32_t>(std::stoll(*value.text));
    value.text = std::string(text, data::WriteDate(days, text));
  }
  Compare(data::ScalarType(TypeKind::kDate), "date", values);
}

TEST_P(CopyEncoderServer, Timestamps) {
  constexpr std::int64_t kFirst = -210866803200000000;
  std::vector<std::int64_t> micros = {kFirst,
                                      kFirst + 1,
                                      0,
                                      1,
                                      -1,
                                      946684799999999,
                                      946684800000000,
                                      std::numeric_limits<std::int64_t>::max() - 1,
                                      std::numeric_limits<std::int64_t>::max()};
  for (int i = 0; i < 3000; ++i) {
    const std::uint64_t span = i % 2 == 0 ? std::uint64_t{9223372036854775807} - 210866803200000000
                                          : std::uint64_t{4000000000000000};
    micros.push_back((i % 2 == 0 ? kFirst : 0) + static_cast<std::int64_t>(random_() % span));
  }
  std::vector<Value> with_zone = {Null()}, without = {Null()};
  for (const std::int64_t value : micros) {
    const std::int64_t days = value / kMicrosPerDay, rest = value % kMicrosPerDay;
    const std::string parts = " + make_interval(days => " + std::to_string(days) + ") + '" +
                              std::to_string(rest) + " microseconds'::interval";
    with_zone.push_back({std::to_string(value), "'1970-01-01 00:00:00+00'::timestamptz" + parts});
    without.push_back({std::to_string(value), "'1970-01-01 00:00:00'::timestamp" + parts});
  }
  Compare(data::ScalarType(TypeKind::kTimestamp), "timestamptz", with_zone);
  Compare(data::ScalarType(TypeKind::kTimestampNtz), "timestamp", without);
}

TEST_P(CopyEncoderServer, Intervals) {
  std::vector<Value> months = {Null()}, micros = {Null()};
  for (int i = 0; i < 1500; ++i) {
    const auto month = i == 0   ? std::numeric_limits<std::int32_t>::max()
                       : i == 1 ? std::numeric_limits<std::int32_t>::min()
                                : static_cast<std::int32_t>(random_());
    months.push_back(
        {std::to_string(month), "make_interval(months => '" + std::to_string(month) + "'::int)"});
    const auto value = i == 0   ? std::numeric_limits<std::int64_t>::max()
                       : i == 1 ? std::numeric_limits<std::int64_t>::min()
                       : i % 2  ? static_cast<std::int64_t>(random_())
                               : static_cast<std::int64_t>(random_() % 200000000000) - 100000000000;
    micros.push_back({std::to_string(value),
                      "make_interval(days => " + std::to_string(value / kMicrosPerDay) + ") + '" +
                          std::to_string(value % kMicrosPerDay) + " microseconds'::interval"});
  }
  Compare(data::ScalarType(TypeKind::kYearMonthInterval), "interval", months);
  Compare(data::ScalarType(TypeKind::kDayTimeInterval), "interval", micros);
}

TEST_P(CopyEncoderServer, JsonTexts) {
  const std::vector<std::string> texts = {"null",
                                          "true",
                                          "1",
                                          "-1.50",
                                          "1e5",
                                          "\"\"",
                                          "[]",
                                          "{}",
                                          "[1, [2, {\"a\": null}]]",
                                          "{\"a\":1,\"a\":2}",
                                          " { \"k\" : [ 1 , 2 ] } ",
                                          "\"\\u00e9\\ud83d\\ude00 é\"",
                                          "1e131071",
                                          "-0.0",
                                          "1E-16383",
                                          "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""};
  std::vector<Value> values = {Null()};
  for (const std::string& text : texts) values.push_back({text, Quoted(text)});
  Compare(data::ScalarType(TypeKind::kString), "json", values);
  Compare(data::ScalarType(TypeKind::kString), "jsonb", values, false);
  // The builder keeps variants within the range of double.
  std::erase_if(values, [](const Value& value) { return value.text == "1e131071"; });
  Compare(data::ScalarType(TypeKind::kVariant), "json", values);
  Compare(data::ScalarType(TypeKind::kVariant), "jsonb", values, false);
  Compare(data::ScalarType(TypeKind::kVariant), "text", values);
}

TEST_P(CopyEncoderServer, JsonIsRefusedAsTheServerRefusesIt) {
  for (const char* type : {"json", "jsonb"}) {
    Execute(std::string("CREATE OR REPLACE FUNCTION pg_temp.is_") + type +
            "(t text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN PERFORM t::" + type +
            "; RETURN true; EXCEPTION WHEN OTHERS THEN RETURN false; END $$");
  }
  const std::vector<std::string> seeds = {
      R"({"a":[1,2.5e3,-0.1],"b":"x\u00e9\ud83d\ude00","c":{"d":null,"e":[true,false]}})",
      R"(["\u0000","\ud800","\udc00x","\ud83d\ud83d","\\"])",
      R"(1e131071)",
      R"(12e131070)",
      R"(0.001e131074)",
      R"(1e-16383)",
      R"(1.0e-16383)",
      R"(0e-16384)",
      R"(0e99999999)",
      R"( [ ] )",
      R"([{},[],"",0])",
      R"("a")",
      R"(-0)",
      R"(123456789)",
      R"(0.5E+3)"};
  const std::string letters = "{}[]:,\"\\0123456789.eE+-utfnrbdc \t\nax/\x01";
  std::vector<std::string> texts = seeds;
  texts.insert(texts.end(), {"",
                             " ",
                             "01",
                             "+1",
                             ".5",
                             "1.",
                             "1e",
                             "--1",
                             "[1,]",
                             "{,}",
                             "[,1]",
                             "{\"a\"}",
                             "{\"a\":}",
                             "nul",
                             "truex",
                             "\"",
                             "\"\\x\"",
                             "[1 2]",
                             "{\"a\":1,}",
                             "1e131072",
                             "1e-16384",
                             "10e131071",
                             "0.1e131072",
                             "0.1e131073",
                             "1e1073741822",
                             "0e1073741822",

                             "1e-1073741823",
                             "1e99999999999999999999",
                             "1 2",
                             "[\"\n\"]"});
  for (int i = 0; i < 6000; ++i) {
    std::string text = seeds[random_() % seeds.size()];
    for (std::uint64_t j = 1 + random_() % 3; j > 0 && !text.empty(); --j) {
      const std::size_t at = random_() % text.size();
      switch (random_() % 3) {
        case 0:
          text[at] = letters[random_() % letters.size()];
          break;
        case 1:
          text.erase(at, 1 + random_() % 3);
          break;
        case 2:
          text.insert(at, 1, letters[random_() % letters.size()]);
          break;
      }
    }
    texts.push_back(text);
  }
  // Newer servers take zero with any exponent; what any server refuses is refused.
  EXPECT_TRUE(CheckJson("0e1073741823", JsonTarget::kJsonb));
  if (GetParam() == ServerVersion::k15) texts.push_back("0e1073741823");
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ",") + Quoted(text);
  const auto answers = Query("SELECT pg_temp.is_json(t), pg_temp.is_jsonb(t) FROM unnest(ARRAY[" +
                             list + "]) WITH ORDINALITY AS x(t, n) ORDER BY n");
  ASSERT_EQ(answers.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::string ours = CheckJson(texts[i], JsonTarget::kJson) ? "f" : "t";
    ours += CheckJson(texts[i], JsonTarget::kJsonb) ? "|f" : "|t";
    EXPECT_EQ(ours, answers[i]) << texts[i];
  }
}

TEST_P(CopyEncoderServer, JsonAsDeepAsIsLetThrough) {
  const std::string arrays = std::string(kMaxJsonDepth, '[') + std::string(kMaxJsonDepth, ']');
  std::string objects;
  for (int i = 0; i < kMaxJsonDepth; ++i) objects += "{\"a\":";
  objects += "1" + std::string(kMaxJsonDepth, '}');
  Execute("SET max_stack_depth = '2MB'");  // the server's default
  for (const std::string& text : {arrays, objects}) {
    EXPECT_FALSE(CheckJson(text, JsonTarget::kJsonb));
    Compare(data::ScalarType(TypeKind::kString), "jsonb", {{text, Quoted(text)}}, false);
    Compare(data::ScalarType(TypeKind::kString), "json", {{text, Quoted(text)}});
  }
  EXPECT_TRUE(CheckJson("[" + arrays + "]", JsonTarget::kJson));
}

TEST_P(CopyEncoderServer, NestedValuesAsDocuments) {
  const data::Type record =
      data::StructType({{.name = "b", .type = data::ScalarType(TypeKind::kString)},
                        {.name = "a", .type = data::ArrayType(data::ScalarType(TypeKind::kInt))}});
  const data::Type map =
      data::MapType(data::ScalarType(TypeKind::kString), data::ScalarType(TypeKind::kDouble));
  const std::vector<Value> records = {
      Null(),
      {R"({"b":"x \" é 😀","a":[1,null,-3]})", R"('{"b":"x \" é 😀","a":[1,null,-3]}')"},
      {R"({"b":null,"a":null})", R"('{"b":null,"a":null}')"},
      {R"({"b":"","a":[]})", R"('{"b":"","a":[]}')"}};
  Compare(record, "jsonb", records, false);
  Compare(record, "json", records);
  Compare(record, "text", records);
  Compare(map, "jsonb", {Null(), {R"([["k",1.5],["",null]])", R"('{"k":1.5,"":null}')"}}, false);
  Compare(data::ArrayType(map), "jsonb", {{R"([[["k",1.5]],null,[]])", R"('[{"k":1.5},null,{}]')"}},
          false);
}

/// An array of scalars given as JSON, and as SQL.
Value ArrayOf(const std::vector<Value>& elements, const std::string& type, bool quote_json) {
  std::string json = "[", sql = "ARRAY[";
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (i > 0) json += ",", sql += ",";
    if (!elements[i].text) {
      json += "null";
    } else if (quote_json) {
      data::AppendJsonString(*elements[i].text, &json);
    } else {
      json += *elements[i].text;
    }
    sql += elements[i].sql;
  }
  return {json + "]", sql + "]::" + type};
}

TEST_P(CopyEncoderServer, Arrays) {
  const auto compare = [&](const data::Type& element, const std::string& target, bool quote_json,
                           const auto& make) {
    std::vector<Value> values = {Null(), ArrayOf({}, target, quote_json),
                                 ArrayOf({Null()}, target, quote_json)};
    for (int i = 0; i < 400; ++i) {
      std::vector<Value> elements;
      for (std::uint64_t j = random_() % 12; j > 0; --j) {
        elements.push_back(random_() % 5 == 0 && i % 2 == 0 ? Null() : make());
      }
      values.push_back(i % 23 == 0 ? Null() : ArrayOf(elements, target, quote_json));
    }
    std::vector<Value> many;
    for (int j = 0; j < 5000; ++j) many.push_back(make());
    values.push_back(ArrayOf(many, target, quote_json));
    values.push_back(ArrayOf({}, target, quote_json));
    Compare(data::ArrayType(element), target, values);
  };
  const auto text = [&] {
    const std::string value = RandomText(&random_);
    return Value{value, Quoted(value)};
  };
  const auto integer = [&] { return Integer(static_cast<std::int16_t>(random_())); };
  compare(data::ScalarType(TypeKind::kString), "text[]", true, text);
  compare(data::ScalarType(TypeKind::kString), "varchar(1000)[]", true, text);
  compare(data::ScalarType(TypeKind::kShort), "smallint[]", false, integer);
  compare(data::ScalarType(TypeKind::kInt), "int4[]", false, integer);
  compare(data::ScalarType(TypeKind::kInt), "int8[]", false, integer);
  compare(data::ScalarType(TypeKind::kLong), "bigint[]", false, integer);
  compare(data::ScalarType(TypeKind::kFloat), "float4[]", false, integer);
  compare(data::ScalarType(TypeKind::kDouble), "float8[]", false, integer);
  compare(data::ScalarType(TypeKind::kBoolean), "boolean[]", false,
          [&] { return random_() % 2 == 0 ? Value{"true", "true"} : Value{"false", "false"}; });
  compare(data::DecimalType(20, 5), "numeric(20,5)[]", true, [&] {
    const std::string value = RandomDecimal(&random_, 20, 5);
    return Value{value, value};
  });
  compare(data::ScalarType(TypeKind::kString), "uuid[]", true, [&] {
    const std::string value = Hex(RandomBytes(&random_, 16));
    return Value{value, "'" + value + "'"};
  });
  compare(data::ScalarType(TypeKind::kBinary), "bytea[]", true, [&] {
    const std::string value = Hex(RandomBytes(&random_, random_() % 20));
    return Value{value, "'\\x" + value + "'"};
  });
}

/// On the server whose package has pgvector.
class CopyEncoderVectors : public CopyEncoderServer {};

TEST_P(CopyEncoderVectors, Vectors) {
  Execute("CREATE EXTENSION IF NOT EXISTS vector");
  const auto compare = [&](TypeKind kind, const std::string& target, const std::string& array,
                           std::size_t dimensions, const auto& make) {
    std::vector<Value> values = {Null()};
    for (int i = 0; i < 1000; ++i) {
      std::vector<Value> elements;
      while (elements.size() < dimensions) elements.push_back(make());
      Value value = ArrayOf(elements, array, false);
      value.sql += "::" + target;
      values.push_back(std::move(value));
    }
    Compare(data::ArrayType(data::ScalarType(kind)), target, values);
  };
  const auto number = [&](double value) {
    char text[64];
    std::snprintf(text, sizeof(text), "%.17g", value);
    return Value{text, "'" + std::string(text) + "'"};
  };
  const auto real = [&] {
    float value = NAN;
    while (!std::isfinite(value)) {
      const auto bits = static_cast<std::uint32_t>(random_());
      std::memcpy(&value, &bits, sizeof(value));
    }
    return number(static_cast<double>(value));
  };
  const auto near_half = [&] {
    // From subnormal halves to the largest, with ties.
    const auto exponent = static_cast<int>(random_() % 41) - 26;
    const auto digits = static_cast<double>(2048 + random_() % 2048);
    const double value = std::min(std::ldexp(digits / 2048.0, exponent), 65519.0);
    return number(random_() % 2 == 0 ? value : -value);
  };
  const auto small = [&] { return Integer(static_cast<std::int64_t>(random_() % 20001) - 10000); };
  compare(TypeKind::kFloat, "vector(3)", "float4[]", 3, real);
  compare(TypeKind::kFloat, "vector", "float4[]", 5, real);
  compare(TypeKind::kDouble, "vector(8)", "float8[]", 8, [&] {
    return number(
        std::ldexp(static_cast<double>(random_()), static_cast<int>(random_() % 180) - 150));
  });
  compare(TypeKind::kInt, "vector(2)", "int[]", 2,
          [&] { return Integer(static_cast<std::int32_t>(random_())); });
  compare(TypeKind::kFloat, "halfvec(7)", "float4[]", 7, [&] {
    Value value = near_half();
    return value;
  });
  compare(TypeKind::kDouble, "halfvec(16)", "float8[]", 16, near_half);
  compare(TypeKind::kInt, "halfvec(4)", "int[]", 4, small);
}

TEST_P(CopyEncoderServer, RowsOfManyColumnsWithNulls) {
  const std::vector<data::Type> types = {data::ScalarType(TypeKind::kLong),
                                         data::ScalarType(TypeKind::kString),
                                         data::DecimalType(12, 2),
                                         data::ScalarType(TypeKind::kBoolean),
                                         data::ScalarType(TypeKind::kDouble),
                                         data::ArrayType(data::ScalarType(TypeKind::kString)),
                                         data::ScalarType(TypeKind::kTimestamp),
                                         data::ScalarType(TypeKind::kString)};
  const std::vector<std::string> targets = {"bigint", "text",   "numeric(12,2)", "boolean",
                                            "float8", "text[]", "timestamptz",   "varchar(2000)"};
  std::vector<std::vector<Value>> rows;
  for (int i = 0; i < 5000; ++i) {
    const std::string text = RandomText(&random_), decimal = RandomDecimal(&random_, 12, 2);
    const auto seconds = static_cast<std::int64_t>(random_() % 4000000000);
    std::vector<Value> row = {
        Integer(i),
        {text, Quoted(text)},
        {decimal, decimal},
        {"true", "true"},
        {"0.1", "0.1"},
        ArrayOf({{text, Quoted(text)}, Null()}, "text[]", true),
        {std::to_string(seconds * 1000000), "to_timestamp(" + std::to_string(seconds) + ")"},
        {text, Quoted(text)}};
    for (std::size_t j = 1; j < row.size(); ++j) {
      if (random_() % 6 == 0) row[j] = Null();
    }
    rows.push_back(std::move(row));
  }
  CompareRows(types, targets, rows);
}

TEST_P(CopyEncoderServer, NamesOfTypesAreTheServers) {
  for (const PostgresTypeInfo& info : PostgresTypes()) {
    if (!info.extension.empty()) continue;
    PostgresType type{.kind = info.kind};
    if (info.modifier == Modifier::kPrecisionAndScale) type.precision = 18, type.scale = 4;
    if (info.modifier == Modifier::kLength) type.length = 7;
    for (const bool array : {false, true}) {
      type.array = array;
      Execute("DROP TABLE IF EXISTS named; CREATE TEMP TABLE named (v " + type.ToString() + ")");
      const auto rows = Query(
          "SELECT format_type(atttypid, atttypmod), atttypid FROM pg_attribute "
          "WHERE attrelid = 'named'::regclass AND attname = 'v'");
      ASSERT_EQ(rows.size(), 1U);
      EXPECT_EQ(rows[0],
                type.FormatType() + "|" + std::to_string(array ? info.array_oid : info.oid));
      const auto parsed = ParsePostgresType(type.FormatType());
      ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
      EXPECT_EQ(*parsed, type);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Versions, CopyEncoderVectors, ::testing::Values(ServerVersion::k18),
                         [](const auto&) { return "Pg18"; });
INSTANTIATE_TEST_SUITE_P(Versions, CopyEncoderServer,
                         ::testing::Values(ServerVersion::k15, ServerVersion::k18),
                         [](const auto& instance) {
                           return instance.param == ServerVersion::k15 ? "Pg15" : "Pg18";
                         });

}  // namespace
}  // namespace spillway::target::postgres
