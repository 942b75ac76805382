#include "target/postgres/server_fixture_test.h"
#include "target/postgres/table_hold.h"

namespace spillway::target::postgres {
namespace {

const TableName kOrders{"public", "orders"};
const TableName kProducts{"public", "products"};

class TableHoldTest : public ServerTest {
 protected:
  // Another process has a pool of its own.
  std::unique_ptr<Pool> OtherPool() {
    ConnectOptions options;
    options.url = conninfo_;
    return std::make_unique<Pool>(options, 4);
  }
};

TEST_P(TableHoldTest, ASecondHolderIsRefusedAndToldWho) {
  const auto first = OtherPool();
  const auto second = OtherPool();
  auto held = HoldTable(Soon(), *first, kOrders);
  ASSERT_TRUE(held.ok()) << held.status().ToString();
  const auto refused = HoldTable(Soon(), *second, kOrders);
  EXPECT_CLASS(refused.status(), kRunInProgress);
  EXPECT_NE(refused.status().detail("blockers").find("pid "), std::string::npos)
      << refused.status().ToString();
  EXPECT_TRUE(HoldTable(Soon(), *second, kProducts).ok());
  held->reset();
  EXPECT_TRUE(HoldTable(Soon(), *second, kOrders).ok());
}

TEST_P(TableHoldTest, AnEndedSessionHoldsNothing) {
  const auto second = OtherPool();
  auto first = OtherPool();
  auto held = HoldTable(Soon(), *first, kOrders);
  ASSERT_TRUE(held.ok()) << held.status().ToString();
  plain_->Execute(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
      " AND datname = current_database()");
  EXPECT_TRUE(HoldTable(Soon(), *second, kOrders).ok());
}

SPILLWAY_ON_EACH_SERVER(TableHoldTest);

}  // namespace
}  // namespace spillway::target::postgres
