#include <thread>

#include "target/postgres/session/pool.h"
#include "target/postgres/session/server_fixture_test.h"
#include "target/postgres/testing/pgbouncer.h"

namespace spillway::target::postgres {
namespace {

using std::chrono::milliseconds;

class PoolTest : public ServerTest {
 protected:
  ConnectOptions Options() const { return {.url = conninfo_}; }
};

TEST_P(PoolTest, IdleConnectionsAreUsedAgain) {
  Pool pool(Options(), 2);
  int pid = 0;
  {
    auto lease = pool.Borrow(Soon());
    ASSERT_TRUE(lease.ok()) << lease.status().ToString();
    pid = (*lease)->facts().backend_pid;
  }
  auto again = pool.Borrow(Soon());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)->facts().backend_pid, pid);
}

TEST_P(PoolTest, AnOpenTransactionIsNotHandedOn) {
  ASSERT_EQ(plain_->Execute("CREATE TABLE public.t (a int)"), "");
  Pool pool(Options(), 1);
  {
    auto lease = pool.Borrow(Soon());
    ASSERT_TRUE(lease.ok());
    ASSERT_TRUE((*lease)->Execute(Soon(), Sql() << "BEGIN; INSERT INTO public.t VALUES (1)").ok());
  }
  auto next = pool.Borrow(Soon());
  ASSERT_TRUE(next.ok());
  auto rows = (*next)->Query(Soon(), Sql() << "SELECT count(*) FROM public.t");
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(rows->number(0, 0), 0);
}

TEST_P(PoolTest, TheCapHolds) {
  Pool pool(Options(), 2);
  auto first = pool.Borrow(Soon());
  auto second = pool.Borrow(Soon());
  ASSERT_TRUE(first.ok() && second.ok());
  auto third = pool.Borrow({base::Deadline::After(milliseconds(50)), {}});
  EXPECT_CLASS(third.status(), kDeadlineExceeded);
  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(50));
    source.request_stop();
  });
  EXPECT_CLASS(pool.Borrow({base::Deadline(), source.get_token()}).status(), kCancelled);
  std::jthread giver([&] {
    std::this_thread::sleep_for(milliseconds(50));
    first->Return();
  });
  auto given = pool.Borrow(Soon());
  EXPECT_TRUE(given.ok()) << given.status().ToString();
}

TEST_P(PoolTest, AConnectionThatDiedWhileIdleIsReplaced) {
  Pool pool(Options(), 1);
  int pid = 0;
  {
    auto lease = pool.Borrow(Soon());
    ASSERT_TRUE(lease.ok());
    pid = (*lease)->facts().backend_pid;
  }
  plain_->Execute("SELECT pg_terminate_backend(" + std::to_string(pid) + ")");
  Await("SELECT count(*) FROM pg_stat_activity WHERE pid = " + std::to_string(pid), "0");
  auto lease = pool.Borrow(Soon());
  ASSERT_TRUE(lease.ok()) << lease.status().ToString();
  EXPECT_NE((*lease)->facts().backend_pid, pid);
  EXPECT_TRUE((*lease)->Execute(Soon(), Sql() << "SELECT 1").ok());
}

TEST_P(PoolTest, AFailedConnectionTakesNoPlace) {
  Pool pool({.url = "host=127.0.0.1 port=1 user=x"}, 1);
  for (int i = 0; i < 3; ++i) EXPECT_CLASS(pool.Borrow(Soon()).status(), kConnectionError);
}

TEST_P(PoolTest, OneSessionTooManyIsNamed) {
  ASSERT_EQ(plain_->Execute("CREATE ROLE limited LOGIN CONNECTION LIMIT 2"), "");
  Pool pool({.url = Replace(conninfo_, "user=spillway", "user=limited")}, 4);
  auto first = pool.Borrow(Soon());
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  {
    auto second = pool.Borrow(Soon());
    ASSERT_TRUE(second.ok()) << second.status().ToString();
    const auto third = pool.Borrow(Soon());
    EXPECT_CLASS(third.status(), kConnectionError);
    EXPECT_EQ(third.status().detail("sessions"), "2");
    EXPECT_NE(third.status().mend().find("--connections) to 1"), std::string_view::npos);
  }
  EXPECT_TRUE(pool.Borrow(Soon()).ok());
}

TEST_P(PoolTest, APoolerInTransactionModeIsRefused) {
  for (const char* mode : {"transaction", "statement", "session"}) {
    auto bouncer = testing::PgBouncer::Start(server_->port(), mode);
    if (!bouncer.ok())
      GTEST_SKIP() << bouncer.status().ToString() << " " << bouncer.status().mend();
    Pool pool({.url = Replace(conninfo_, "port=" + std::to_string(server_->port()),
                              "port=" + std::to_string((*bouncer)->port()))},
              4);
    auto lease = pool.Borrow(Soon());
    if (mode == std::string_view("session")) {
      ASSERT_TRUE(lease.ok()) << lease.status().ToString();
      EXPECT_TRUE((*lease)->facts().through_proxy);
      EXPECT_TRUE(pool.Borrow(Soon()).ok());
      continue;
    }
    EXPECT_CLASS(lease.status(), kTargetUnsuitable);
    EXPECT_NE(lease.status().mend().find("directly"), std::string_view::npos);
    // Others' idle server sessions behind the pooler must not deceive us.
    std::vector<testing::PlainSession> others;
    for (int i = 0; i < 3; ++i) {
      others.emplace_back(Replace(conninfo_, "port=" + std::to_string(server_->port()),
                                  "port=" + std::to_string((*bouncer)->port())));
    }
    for (auto& other : others) other.Execute("BEGIN");
    for (auto& other : others) other.Execute("COMMIT");
    EXPECT_CLASS(pool.Borrow(Soon()).status(), kTargetUnsuitable);
  }
}

SPILLWAY_ON_EACH_SERVER(PoolTest);

}  // namespace
}  // namespace spillway::target::postgres
