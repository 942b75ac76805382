#include <thread>

#include "target/postgres/load_fixture_test.h"
#include "target/postgres/resolution.h"
#include "target/postgres/testing/tcp_gate.h"

namespace spillway::target::postgres {
namespace {

using std::chrono::milliseconds;

class ResolutionTest : public ServerTest {};

TEST_P(ResolutionTest, TheCommitLogKnowsEveryTransaction) {
  ASSERT_EQ(plain_->Execute("CREATE TABLE public.t (a int)"), "");
  auto other = Connect(conninfo_);
  const auto status = [&](const DoubtedTransaction& doubted) {
    auto read = TransactionStatus(Soon(), *other, doubted);
    EXPECT_TRUE(read.ok()) << read.status().ToString();
    return read.ok() ? *read : std::string("?");
  };
  for (const bool commit : {true, false}) {
    auto connection = Connect(conninfo_);
    ASSERT_TRUE(
        connection->Execute(Soon(), Sql() << "BEGIN; INSERT INTO public.t VALUES (1)").ok());
    auto doubted = NoteTransaction(Soon(), *connection);
    ASSERT_TRUE(doubted.ok());
    EXPECT_EQ(doubted->backend_pid, connection->facts().backend_pid);
    EXPECT_EQ(status(*doubted), "in progress");
    ASSERT_TRUE(connection->Execute(Soon(), commit ? Sql() << "COMMIT" : Sql() << "ROLLBACK").ok());
    EXPECT_EQ(status(*doubted), commit ? "committed" : "aborted");
  }
  EXPECT_EQ(status({"999999999", 1, ""}), "");
}

TEST_P(ResolutionTest, OnlyTheDoubtedSessionIsEnded) {
  auto idle = Connect(conninfo_);
  ASSERT_TRUE(idle->Execute(Soon(), Sql() << "BEGIN").ok());
  auto doubted = NoteTransaction(Soon(), *idle);
  ASSERT_TRUE(doubted.ok());
  auto other = Connect(conninfo_);
  // A process of that number that began at another time is somebody else.
  DoubtedTransaction stranger = *doubted;
  stranger.backend_start = "2001-01-01 00:00:00+00";
  EndIdleTransaction(Soon(), *other, stranger);
  EXPECT_TRUE(idle->Execute(Soon(), Sql() << "SELECT 1").ok());
  EndIdleTransaction(Soon(), *other, *doubted);
  EXPECT_FALSE(idle->Execute(Soon(), Sql() << "SELECT 1").ok());
  // One that is at work is left alone.
  auto busy = Connect(conninfo_);
  ASSERT_TRUE(busy->Execute(Soon(), Sql() << "BEGIN").ok());
  auto working = NoteTransaction(Soon(), *busy);
  ASSERT_TRUE(working.ok());
  std::jthread worker(
      [&] { EXPECT_TRUE(busy->Execute(Soon(), Sql() << "SELECT pg_sleep(0.5)").ok()); });
  Await(ActivityOf(busy->facts().backend_pid, "wait_event"), "PgSleep");
  EndIdleTransaction(Soon(), *other, *working);
}

TEST_P(ResolutionTest, TheServerIsTriedAgainUntilTheDeadline) {
  testing::TcpGate gate(server_->port());
  gate.Refuse(true);
  Pool pool({.url = Replace(conninfo_, "port=" + std::to_string(server_->port()),
                            "port=" + std::to_string(gate.port()))},
            1);
  auto refused = ReconnectPatiently({base::Deadline::After(milliseconds(300)), {}}, pool);
  EXPECT_CLASS(refused.status(), kConnectionError);
  std::jthread opener([&] {
    std::this_thread::sleep_for(milliseconds(300));
    gate.Refuse(false);
  });
  auto lease = ReconnectPatiently(Soon(), pool);
  EXPECT_TRUE(lease.ok()) << lease.status().ToString();
}

TEST(ResolutionContextTest, LeavesAMomentAfterAStopAndEndsSometime) {
  std::stop_source source;
  EXPECT_TRUE(ResolutionContext({base::Deadline(), source.get_token()}).deadline.Remaining());
  source.request_stop();
  const base::Context after = ResolutionContext({base::Deadline(), source.get_token()});
  EXPECT_TRUE(after.Check().ok());
  EXPECT_LE(*after.deadline.Remaining(), milliseconds(500));
  EXPECT_TRUE(ResolutionContext({base::Deadline::After(milliseconds(0)), {}}).Check().ok());
}

SPILLWAY_ON_EACH_SERVER(ResolutionTest);

}  // namespace
}  // namespace spillway::target::postgres
