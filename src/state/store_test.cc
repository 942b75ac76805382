#include "state/store.h"

#include <gtest/gtest.h>

#include <set>

namespace spillway::state {
namespace {

TEST(SyncedTable, HasOneNamePerTable) {
  SyncedTable table;
  table.target = "shop";
  table.schema = "public";
  table.table = "products";
  EXPECT_EQ(table.name(), "shop.public.products");
  table.table = "Order items";
  EXPECT_EQ(table.name(), "shop.public.Order items");
  std::set<std::string> names;
  for (const auto& [schema, name] :
       {std::pair("a.b", "c"), {"a", "b.c"}, {"a\"", "b"}, {"", "c"}}) {
    table.schema = schema;
    table.table = name;
    names.insert(table.name());
  }
  EXPECT_EQ(names, (std::set<std::string>{"shop.\"a.b\".c", "shop.a.\"b.c\"", "shop.\"a\"\"\".b",
                                          "shop.\"\".c"}));
}

TEST(RunState, RoundTripsItsName) {
  for (const RunState state :
       {RunState::kRunning, RunState::kSucceeded, RunState::kNothingToDo, RunState::kFailed,
        RunState::kCancelled, RunState::kUnknown, RunState::kInterrupted}) {
    EXPECT_FALSE(Name(state).empty());
    EXPECT_EQ(RunStateByName(Name(state)), state);
  }
  EXPECT_EQ(RunStateByName("done"), std::nullopt);
}

}  // namespace
}  // namespace spillway::state
