#ifndef SPILLWAY_TARGET_POSTGRES_COPY_COPY_ENCODER_SERVER_FIXTURE_TEST_H_
#define SPILLWAY_TARGET_POSTGRES_COPY_COPY_ENCODER_SERVER_FIXTURE_TEST_H_

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/builder.h"
#include "data/json_writer.h"
#include "data/value_text.h"
#include "target/postgres/copy/append_all_test.h"
#include "target/postgres/copy/copy_encoder.h"
#include "target/postgres/copy/type_table.h"
#include "target/postgres/testing/test_server.h"

/// Compares the encoder's bytes with those that real servers send for the same values, and loads
/// them into the servers.
namespace spillway::target::postgres {
using data::TypeKind;
using testing::ServerVersion;
using testing::TestServer;
using Random = std::mt19937_64;

inline constexpr std::int64_t kMicrosPerDay = 86400000000;

/// A value, as the builder reads it and as the server does. Both nullopt: NULL.
struct Value {
  std::optional<std::string> text;  ///< canonical text, or JSON for nested types
  std::string sql;                  ///< an expression
};

inline Value Null() { return {std::nullopt, "NULL"}; }

inline std::string Quoted(std::string_view text) {
  std::string quoted = "E'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted.push_back(c == '\'' ? '\'' : '\\');
    quoted.push_back(c);
  }
  return quoted + "'";
}

inline std::string Hex(std::string_view bytes) {
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

inline Value Integer(std::int64_t value) {
  // The smallest bigint has no literal of its own: its sign is an operator.
  return {std::to_string(value), "'" + std::to_string(value) + "'"};
}

/// Strings of ASCII, of other scripts, and of awkward characters.
inline std::string RandomText(Random* random) {
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

inline std::string RandomDecimal(Random* random, std::int32_t precision, std::int32_t scale) {
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

inline std::string RandomBytes(Random* random, std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>((*random)()));
  return bytes;
}

/// An array of scalars given as JSON, and as SQL.
inline Value ArrayOf(const std::vector<Value>& elements, const std::string& type, bool quote_json) {
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

/// Runs `suite`, derived from CopyEncoderServer, on both servers.
#define SPILLWAY_COMPARE_ON_EACH_SERVER(suite)                                    \
  INSTANTIATE_TEST_SUITE_P(                                                       \
      Versions, suite, ::testing::Values(ServerVersion::k15, ServerVersion::k18), \
      [](const auto& instance) { return instance.param == ServerVersion::k15 ? "Pg15" : "Pg18"; })

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_COPY_COPY_ENCODER_SERVER_FIXTURE_TEST_H_
