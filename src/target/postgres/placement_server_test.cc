#include <future>

#include "target/postgres/placement.h"
#include "target/postgres/session/server_fixture_test.h"

namespace spillway::target::postgres {
namespace {

class PlacementTest : public ServerTest {};

TEST_P(PlacementTest, WhoeverMakesASchemaSecondFindsIt) {
  Stage stage;
  stage.target = {"new \"schema\"", "t"};
  auto first = Connect(conninfo_);
  auto second = Connect(conninfo_);
  ASSERT_TRUE(first->Execute(Soon(), Sql() << "BEGIN").ok());
  ASSERT_TRUE(MakeSchema(Soon(), *first, stage).ok());
  auto other = std::async(std::launch::async, [&]() -> base::Status {
    SPILLWAY_TRY(second->Execute(Soon(), Sql() << "BEGIN"));
    SPILLWAY_TRY(MakeSchema(Soon(), *second, stage));
    return second->Execute(Soon(), Sql() << "COMMIT");
  });
  EXPECT_EQ(other.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  ASSERT_TRUE(first->Execute(Soon(), Sql() << "COMMIT").ok());
  const base::Status made = other.get();
  EXPECT_TRUE(made.ok()) << made.ToString();
}

SPILLWAY_ON_EACH_SERVER(PlacementTest);

}  // namespace
}  // namespace spillway::target::postgres
