#include <fstream>
#include <thread>

#include "target/postgres/load_fixture_test.h"
#include "target/postgres/session/connection.h"

namespace spillway::target::postgres {
namespace {

using std::chrono::milliseconds;

class StandbyTest : public ServerTest {};

TEST_P(StandbyTest, AStandbyIsReadButNotWritten) {
  auto own = testing::TestServer::Start(GetParam());
  ASSERT_TRUE(own.ok()) << own.status().ToString();
  testing::TestServer& server = **own;
  ASSERT_TRUE(server.Stop().ok());
  std::ofstream(server.data_directory() + "/standby.signal") << "";
  Identity standby;
  // The start returns when the server has been promoted; the server ends with the thread that
  // starts it.
  std::jthread visitor([&] {
    std::unique_ptr<Connection> connection;
    for (int i = 0; i < 1000 && connection == nullptr; ++i) {
      auto opened = Connection::Open(Soon(), {.url = server.conninfo()});
      if (opened.ok()) connection = *std::move(opened);
      std::this_thread::sleep_for(milliseconds(10));
    }
    ASSERT_NE(connection, nullptr);
    EXPECT_CLASS(connection->RequireWritable(), kTargetUnsuitable);
    EXPECT_CLASS(connection->Execute(Soon(), Sql() << "CREATE TABLE public.t (a int)"),
                 kTargetUnsuitable);
    auto target = OpenTarget(server.conninfo());
    auto identity = target->Identify(Soon());
    ASSERT_TRUE(identity.ok()) << identity.status().ToString();
    standby = *identity;
    EXPECT_CLASS(target->TakeFence(Soon(), kId, {"public", "t"}, "run").status(),
                 kTargetUnsuitable);
    testing::PlainSession(server.conninfo()).Execute("SELECT pg_promote()");
  });
  const base::Status started = server.StartAgain();
  visitor.join();
  ASSERT_TRUE(started.ok()) << started.ToString();
  EXPECT_FALSE(standby.is_primary);
  EXPECT_EQ(standby.timeline, 1);
  auto promoted = OpenTarget(server.conninfo());
  auto after = promoted->Identify(Soon());
  ASSERT_TRUE(after.ok()) << after.status().ToString();
  EXPECT_TRUE(after->is_primary);
  EXPECT_EQ(after->timeline, 2);
  EXPECT_EQ(after->system_identifier, standby.system_identifier);
}

SPILLWAY_ON_EACH_SERVER(StandbyTest);

}  // namespace
}  // namespace spillway::target::postgres
