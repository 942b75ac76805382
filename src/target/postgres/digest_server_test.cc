// Checks docs/formats/digest-postgres.md against servers: the SQL there, what it tells apart, and
// that servers agree.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "target/postgres/copy/type_table.h"
#include "target/postgres/testing/plain_session.h"
#include "target/postgres/testing/test_server.h"

namespace spillway::target::postgres {
namespace {

using testing::PlainSession;
using testing::ServerVersion;
using testing::TestServer;

struct DigestColumn {
  std::string name;
  std::string type;
};

std::string FormOf(const DigestColumn& column) {
  const auto type = ParsePostgresType(column.type);
  EXPECT_TRUE(type.ok()) << column.type;
  const std::string_view form = type->array ? kArrayDigestForm : Describe(type->kind).digest_form;
  return form.empty() ? column.name : std::string(form) + "(" + column.name + ")";
}

std::string DigestSql(const std::string& table, const std::vector<DigestColumn>& columns) {
  std::string forms;
  for (const DigestColumn& column : columns) forms += (forms.empty() ? "" : ", ") + FormOf(column);
  const auto hex = [](const std::string& sum) {
    return "lpad(to_hex(((coalesce(sum(" + sum +
           "), 0) % 18446744073709551616 + 27670116110564327424) % 18446744073709551616 - "
           "9223372036854775808)::bigint), 16, '0')";
  };
  return "SELECT format('pg1:%s:%s%s', count(*), " + hex("f1") + ", " + hex("f2") +
         ") FROM (SELECT hash_record_extended(ROW(int8send(hash_record_extended(r, 1))), 3) AS f1, "
         "hash_record_extended(ROW(int8send(hash_record_extended(r, 2))), 4) AS f2 "
         "FROM (SELECT ROW(" +
         forms + ") AS r FROM " + table + ") AS rows) AS finished";
}

class DigestServer : public ::testing::TestWithParam<ServerVersion> {
 protected:
  void SetUp() override {
    std::string why;
    TestServer* const server = TestServer::Shared(GetParam(), &why);
    if (server == nullptr) GTEST_SKIP() << why;
    session_ = std::make_unique<PlainSession>(server->conninfo());
    ASSERT_EQ(session_->Execute("SET timezone = 'UTC'; SET client_min_messages = warning"), "");
  }

  /// The digest of a table with `columns` and the rows of VALUES.
  std::string Digest(const std::vector<DigestColumn>& columns, const std::string& values) {
    std::string declared;
    for (const DigestColumn& column : columns) {
      declared += (declared.empty() ? "" : ", ") + column.name + " " + column.type;
    }
    EXPECT_EQ(session_->Execute("DROP TABLE IF EXISTS digested; CREATE TEMP TABLE digested (" +
                                declared + ")"),
              "");
    if (!values.empty()) {
      EXPECT_EQ(session_->Execute("INSERT INTO digested VALUES " + values), "") << values;
    }
    return session_->Value(DigestSql("digested", columns));
  }

  std::unique_ptr<PlainSession> session_;
};

TEST_P(DigestServer, TheSameOnEveryServer) {
  // Captured from PostgreSQL 15.20 by the statement of the page.
  EXPECT_EQ(Digest({{"a", "integer"}}, ""), "pg1:0:00000000000000000000000000000000");
  const std::vector<DigestColumn> columns = {
      {"a", "bigint"},      {"b", "boolean"},     {"c", "smallint"},      {"d", "integer"},
      {"e", "real"},        {"f", "float8"},      {"g", "numeric(12,3)"}, {"h", "text"},
      {"i", "varchar(40)"}, {"j", "char(5)"},     {"k", "bytea"},         {"l", "uuid"},
      {"m", "date"},        {"n", "timestamptz"}, {"o", "timestamp"},     {"p", "interval"},
      {"q", "jsonb"},       {"r", "json"},        {"s", "text[]"},        {"t", "numeric"}};
  static_cast<void>(Digest(columns, ""));
  ASSERT_EQ(
      session_->Execute(
          "INSERT INTO digested SELECT g * 4294967297, g % 2 = 0, g % 100, -g, g / 8.0, g / "
          "3.0::float8, "
          "g / 1000.0, 'text ' || g, md5(g::text), g % 1000, decode(md5(g::text), 'hex'), "
          "md5(g::text)::uuid, "
          "date '2000-01-01' + g, timestamptz '1970-01-01 00:00:00Z' + g * interval '1 minute', "
          "timestamp '2000-01-01' - g * interval '1 hour', make_interval(months => g, days => -g, "
          "secs => g), "
          "jsonb_build_object('k', g, 'a', '[1.50, null]'::jsonb), ('{ \"x\":' || g || '}')::json, "
          "ARRAY['a' || g, NULL], CASE WHEN g % 3 = 0 THEN NULL ELSE g * 1.10 END "
          "FROM generate_series(1, 1000) g"),
      "");
  EXPECT_EQ(session_->Value(DigestSql("digested", columns)),
            "pg1:1000:a289766e2de0e70020c9f8a347388a49");
}

TEST_P(DigestServer, OrderDoesNotMatterAndCountsDo) {
  const std::vector<DigestColumn> columns = {{"a", "bigint"}, {"b", "text"}};
  const std::string digest = Digest(columns, "(1, 'x'), (2, NULL), (3, 'z')");
  EXPECT_EQ(Digest(columns, "(3, 'z'), (1, 'x'), (2, NULL)"), digest);
  EXPECT_NE(Digest(columns, "(1, 'x'), (2, NULL), (3, 'z'), (3, 'z')"), digest);
  EXPECT_NE(Digest(columns, "(1, 'x'), (2, NULL)"), digest);
}

// What equality or the bare hash of a type takes for one.
TEST_P(DigestServer, TellsBinaryImagesApart) {
  const std::vector<std::pair<std::string, std::pair<std::string, std::string>>> pairs = {
      {"bigint", {"1", "4294967296"}},
      {"bigint", {"-1", "-4294967296"}},
      {"timestamptz", {"'2000-01-01 00:00:00.000001Z'", "'2000-01-01 01:11:34.967296Z'"}},
      {"timestamp", {"'2000-01-01 00:00:00.000001'", "'2000-01-01 01:11:34.967296'"}},
      {"real", {"'0'", "'-0'"}},
      {"double precision", {"'0'", "'-0'"}},
      {"numeric", {"1.0", "1.00"}},
      {"interval", {"'1 month'", "'30 days'"}},
      {"interval", {"'1 day'", "'24 hours'"}},
      {"jsonb", {"'{\"a\":1.0}'", "'{\"a\":1.00}'"}},
      {"json", {"'[1]'", "'[1 ]'"}},
      {"text", {"''", "NULL"}},
      {"text[]", {"'{}'", "NULL"}},
      {"text[]", {"'{NULL}'", "'{\"NULL\"}'"}},
      {"bigint[]", {"'{1}'", "'{4294967296}'"}},
      {"bytea", {"'\\x00'", "'\\x0000'"}},
  };
  for (const auto& [type, values] : pairs) {
    const std::vector<DigestColumn> columns = {{"a", type}};
    const std::string one = Digest(columns, "(" + values.first + ")");
    EXPECT_EQ(one.substr(0, 6), "pg1:1:") << one;
    EXPECT_NE(one, Digest(columns, "(" + values.second + ")")) << type << " " << values.first;
  }
}

TEST_P(DigestServer, SeesValuesExchangedBetweenRowsAndColumns) {
  const std::vector<DigestColumn> columns = {{"a", "integer"}, {"b", "text"}};
  const std::string straight = Digest(columns, "(1, 'x'), (2, 'y')");
  const std::string plain = "SELECT sum(hash_record_extended(ROW(a, b), 1)) FROM digested";
  const std::string linear = session_->Value(plain);
  const std::string crossed = Digest(columns, "(1, 'y'), (2, 'x')");
  EXPECT_EQ(session_->Value(plain), linear) << "the finaliser would not be needed";
  EXPECT_NE(straight, crossed);
  const std::vector<DigestColumn> texts = {{"a", "text"}, {"b", "text"}};
  EXPECT_NE(Digest(texts, "('x', NULL)"), Digest(texts, "(NULL, 'x')"));
  EXPECT_NE(Digest(texts, "('ab', 'c')"), Digest(texts, "('a', 'bc')"));
}

INSTANTIATE_TEST_SUITE_P(Versions, DigestServer,
                         ::testing::Values(ServerVersion::k15, ServerVersion::k18),
                         [](const auto& instance) {
                           return instance.param == ServerVersion::k15 ? "Pg15" : "Pg18";
                         });

}  // namespace
}  // namespace spillway::target::postgres
