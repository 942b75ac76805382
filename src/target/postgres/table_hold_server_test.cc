#include "target/postgres/load_fixture_test.h"
#include "target/postgres/table_hold.h"

namespace spillway::target::postgres {
namespace {

const TableName kOrders{"public", "orders"};
const TableName kProducts{"public", "products"};

class TableHoldTest : public ServerTest {
 protected:
  // A process: it has a pool of its own.
  struct Process {
    explicit Process(ConnectOptions options) : pool(std::move(options), 2), holds(&pool) {}
    Pool pool;
    TableHolds holds;
  };
  std::unique_ptr<Process> Another() {
    ConnectOptions options;
    options.url = conninfo_;
    return std::make_unique<Process>(options);
  }
};

TEST_P(TableHoldTest, ASecondHolderIsRefusedAndToldWho) {
  const auto first = Another();
  const auto second = Another();
  auto held = first->holds.Hold(Soon(), kOrders);
  ASSERT_TRUE(held.ok()) << held.status().ToString();
  const auto refused = second->holds.Hold(Soon(), kOrders);
  EXPECT_CLASS(refused.status(), kRunInProgress);
  EXPECT_NE(refused.status().detail("blockers").find("pid "), std::string::npos)
      << refused.status().ToString();
  EXPECT_TRUE(second->holds.Hold(Soon(), kProducts).ok());
  held->reset();
  EXPECT_TRUE(second->holds.Hold(Soon(), kOrders).ok());
}

TEST_P(TableHoldTest, AnEndedSessionHoldsNothing) {
  const auto second = Another();
  auto first = Another();
  auto held = first->holds.Hold(Soon(), kOrders);
  ASSERT_TRUE(held.ok()) << held.status().ToString();
  plain_->Execute(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
      " AND datname = current_database()");
  EXPECT_TRUE(second->holds.Hold(Soon(), kOrders).ok());
}

TEST_P(TableHoldTest, AHoldOfAnEndedSessionFreesNoOthers) {
  auto first = Another();
  const auto second = Another();
  auto lost = first->holds.Hold(Soon(), kOrders);
  ASSERT_TRUE(lost.ok()) << lost.status().ToString();
  plain_->Execute(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
      " AND datname = current_database()");
  // It is found out by the next question.
  auto held = first->holds.Hold(Soon(), kOrders);
  for (int i = 0; i < 100 && !held.ok(); ++i) held = first->holds.Hold(Soon(), kOrders);
  ASSERT_TRUE(held.ok()) << held.status().ToString();
  lost->reset();
  EXPECT_CLASS(second->holds.Hold(Soon(), kOrders).status(), kRunInProgress);
  held->reset();
  EXPECT_TRUE(second->holds.Hold(Soon(), kOrders).ok());
}

TEST_P(TableHoldTest, ManyHoldsTakeOneConnection) {
  const auto first = Another();
  const auto second = Another();
  std::vector<std::unique_ptr<TableHold>> held;
  for (int i = 0; i < 20; ++i) {
    auto hold = first->holds.Hold(Soon(), {"public", "t" + std::to_string(i)});
    ASSERT_TRUE(hold.ok()) << hold.status().ToString();
    held.push_back(*std::move(hold));
  }
  EXPECT_TRUE(first->pool.Borrow(Soon()).ok());
  EXPECT_CLASS(second->holds.Hold(Soon(), {"public", "t19"}).status(), kRunInProgress);
  // Its own, too: two runs of one process are two runs.
  EXPECT_CLASS(first->holds.Hold(Soon(), {"public", "t19"}).status(), kRunInProgress);
  held.pop_back();
  EXPECT_TRUE(second->holds.Hold(Soon(), {"public", "t19"}).ok());
  held.clear();
  EXPECT_EQ(plain_->Value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), "0");
}

SPILLWAY_ON_EACH_SERVER(TableHoldTest);

}  // namespace
}  // namespace spillway::target::postgres
