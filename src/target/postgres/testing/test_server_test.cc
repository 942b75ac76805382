#include "target/postgres/testing/test_server.h"

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <filesystem>
#include <memory>

namespace spillway::target::postgres::testing {
namespace {

std::string Query(const std::string& conninfo, const char* sql) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(conninfo.c_str()),
                                                                &PQfinish);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), sql),
                                                             &PQclear);
  if (PQresultStatus(result.get()) == PGRES_COMMAND_OK) return "";
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) return PQerrorMessage(connection.get());
  return PQgetvalue(result.get(), 0, 0);
}

class TestServerTest : public ::testing::TestWithParam<ServerVersion> {};

TEST_P(TestServerTest, StartsCrashesRecoversAndLeavesNothing) {
  if (auto programs = TestServer::Programs(GetParam()); !programs.ok()) {
    GTEST_SKIP() << programs.status().ToString() << " " << programs.status().mend();
  }
  auto started = TestServer::Start(GetParam());
  ASSERT_TRUE(started.ok()) << started.status().ToString();
  std::unique_ptr<TestServer> server = *std::move(started);
  auto shop = server->CreateDatabase("shop");
  ASSERT_TRUE(shop.ok()) << shop.status().ToString();
  EXPECT_EQ(Query(*shop, "CREATE TABLE t AS SELECT 42 AS a"), "");
  EXPECT_EQ(Query(*shop, "CHECKPOINT"), "");
  server->Crash();
  const base::Status again = server->StartAgain();
  ASSERT_TRUE(again.ok()) << again.ToString();
  EXPECT_EQ(Query(*shop, "SELECT a FROM t"), "42");
  EXPECT_EQ(Query(*shop, "SHOW server_version_num").substr(0, 2),
            GetParam() == ServerVersion::k15 ? "15" : "18");
  ASSERT_TRUE(server->Stop().ok());
  const std::string data = server->data_directory();
  EXPECT_TRUE(std::filesystem::exists(data));
  server.reset();
  EXPECT_FALSE(std::filesystem::exists(data));
}

INSTANTIATE_TEST_SUITE_P(Versions, TestServerTest,
                         ::testing::Values(ServerVersion::k15, ServerVersion::k18),
                         [](const auto& instance) {
                           return instance.param == ServerVersion::k15 ? "Pg15" : "Pg18";
                         });

}  // namespace
}  // namespace spillway::target::postgres::testing
