#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <atomic>

#include "target/postgres/postgres_target.h"
#include "target/postgres/session/sql.h"
#include "target/postgres/testing/test_server.h"
#include "target/target_contract_test.h"

namespace spillway::target {
namespace {

using postgres::testing::ServerVersion;
using postgres::testing::TestServer;

class PostgresWorld final : public ContractWorld {
 public:
  explicit PostgresWorld(std::string conninfo)
      : conninfo_(std::move(conninfo)), session_(PQconnectdb(conninfo_.c_str()), &PQfinish) {}

  const Quirks& quirks() const override { return quirks_; }

  std::unique_ptr<Target> Open() override {
    auto target = postgres::OpenPostgresTarget({.url = conninfo_});
    EXPECT_TRUE(target.ok()) << target.status().ToString();
    return *std::move(target);
  }

  std::vector<std::string> Read(const TableName& table) override {
    return Query("SELECT * FROM " + (postgres::Sql() << table).text() + " ORDER BY 1, 2");
  }

  std::vector<std::string> Stages() override {
    return Query(
        "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE nspname = 'spillway' AND relkind = 'r' AND relname ~ '^stage_[0-9]+_' ORDER BY 1");
  }

 private:
  std::vector<std::string> Query(const std::string& sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(session_.get(), sql.c_str()),
                                                               &PQclear);
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) {
      return {std::string("error: ") + PQerrorMessage(session_.get())};
    }
    std::vector<std::string> rows;
    for (int row = 0; row < PQntuples(result.get()); ++row) {
      std::string text;
      for (int column = 0; column < PQnfields(result.get()); ++column) {
        if (column > 0) text += "|";
        text += PQgetisnull(result.get(), row, column) != 0 ? "∅"
                                                            : PQgetvalue(result.get(), row, column);
      }
      rows.push_back(text);
    }
    return rows;
  }

  Quirks quirks_;
  std::string conninfo_;
  std::unique_ptr<PGconn, decltype(&PQfinish)> session_;
};

ContractParameter Parameter(ServerVersion version, const char* name) {
  return {name, [version](std::string* why) -> std::unique_ptr<ContractWorld> {
            TestServer* server = TestServer::Shared(version, why);
            if (server == nullptr) return nullptr;
            static std::atomic<int> databases = 0;
            auto conninfo = server->CreateDatabase("contract" + std::to_string(++databases));
            EXPECT_TRUE(conninfo.ok()) << conninfo.status().ToString();
            return std::make_unique<PostgresWorld>(*conninfo);
          }};
}

INSTANTIATE_TEST_SUITE_P(Postgres, TargetContractTest,
                         ::testing::Values(Parameter(ServerVersion::k15, "Pg15"),
                                           Parameter(ServerVersion::k18, "Pg18")),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace spillway::target
