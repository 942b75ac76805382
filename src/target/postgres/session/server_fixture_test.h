#ifndef SPILLWAY_TARGET_POSTGRES_SESSION_SERVER_FIXTURE_TEST_H_
#define SPILLWAY_TARGET_POSTGRES_SESSION_SERVER_FIXTURE_TEST_H_

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <utility>

#include "target/postgres/session/connection.h"
#include "target/postgres/testing/plain_session.h"
#include "target/postgres/testing/test_server.h"

/// What tests against servers share: a database of their own on each server version.
namespace spillway::target::postgres {

namespace testing {
inline void PrintTo(ServerVersion version, std::ostream* out) {
  *out << (version == ServerVersion::k15 ? "Pg15" : "Pg18");
}
}  // namespace testing

class ServerTest : public ::testing::TestWithParam<testing::ServerVersion> {
 protected:
  static constexpr const char* kId = "11111111-2222-4333-8444-555555555555";

  void SetUp() override {
    std::string why;
    server_ = testing::TestServer::Shared(GetParam(), &why);
    if (server_ == nullptr) GTEST_SKIP() << why;
    static std::atomic<int> databases = 0;
    database_ = "server_test" + std::to_string(++databases);
    auto made = server_->CreateDatabase(database_);
    ASSERT_TRUE(made.ok()) << made.status().ToString();
    conninfo_ = *made;
    plain_ = std::make_unique<testing::PlainSession>(conninfo_);
  }

  static base::Context Soon() { return {base::Deadline::After(std::chrono::seconds(60)), {}}; }

  /// The database as another user, who is made when he is not there.
  std::string As(const std::string& user) {
    plain_->Execute("CREATE ROLE \"" + user + "\" LOGIN");
    return Replace(conninfo_, "user=spillway", "user='" + user + "'");
  }
  static std::string Replace(std::string text, const std::string& what, const std::string& by) {
    const auto at = text.find(what);
    EXPECT_NE(at, std::string::npos) << text;
    return at == std::string::npos ? text : text.replace(at, what.size(), by);
  }

  static std::unique_ptr<Connection> Connect(const std::string& conninfo) {
    auto connection = Connection::Open(Soon(), {.url = conninfo});
    EXPECT_TRUE(connection.ok()) << connection.status().ToString();
    return connection.ok() ? *std::move(connection) : nullptr;
  }

  /// Waits until `query`, of a session of its own, answers `value`; half a minute at most.
  void Await(const std::string& query, const std::string& value) {
    testing::PlainSession session(conninfo_);
    std::string answer;
    for (int i = 0; i < 15000; ++i) {
      answer = session.Value(query);
      if (answer == value) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    ADD_FAILURE() << query << " still answers " << answer;
  }
  /// `column` of pg_stat_activity for the server process `pid`.
  static std::string ActivityOf(int pid, const std::string& column) {
    return "SELECT " + column + " FROM pg_stat_activity WHERE pid = " + std::to_string(pid);
  }

  testing::TestServer* server_ = nullptr;
  std::string database_;
  std::string conninfo_;
  std::unique_ptr<testing::PlainSession> plain_;  ///< of a superuser
};

inline std::string ServerName(const ::testing::TestParamInfo<testing::ServerVersion>& info) {
  return info.param == testing::ServerVersion::k15 ? "Pg15" : "Pg18";
}

#define SPILLWAY_ON_EACH_SERVER(suite) \
  INSTANTIATE_TEST_SUITE_P(            \
      Postgres, suite,                 \
      ::testing::Values(testing::ServerVersion::k15, testing::ServerVersion::k18), ServerName)

#define EXPECT_CLASS(expression, expected)                                   \
  do {                                                                       \
    const base::Status expect_class_status = (expression);                   \
    ASSERT_FALSE(expect_class_status.ok());                                  \
    EXPECT_EQ(expect_class_status.error_class(), base::ErrorClass::expected) \
        << expect_class_status.ToString();                                   \
  } while (false)

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_SESSION_SERVER_FIXTURE_TEST_H_
