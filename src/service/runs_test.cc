#include "service/runs.h"

#include <gtest/gtest.h>

#include "state/test_folder.h"

namespace spillway::service {
namespace {

using state::RunState;

TEST(Runs, OneThatEndsBetweenTwoLooksIsShownAsItEnded) {
  const state::TestFolder folder;
  const base::Context context;
  const auto world = World::Open(context, folder.path(), state::ProcessEnvironment(), folder.path(),
                                 state::WriteMode::kCommit);
  ASSERT_TRUE(world.ok()) << world.status().ToString();
  state::SyncedTable table;
  table.id = "id-1";
  table.target = "local";
  table.schema = "public";
  table.table = "t";
  state::Run run = NewRun(table);
  ASSERT_TRUE((*world)->store().BeginRun(context, run).ok());
  auto dead = ListRuns(context, **world, {}, 10);
  ASSERT_TRUE(dead.ok()) << dead.status().ToString();
  ASSERT_EQ(dead->size(), 1u);
  EXPECT_EQ(dead->front().state, RunState::kInterrupted);

  std::vector<state::Run> read = {run};  // while it was running
  EndRun({base::Status(), {}}, &run);
  ASSERT_TRUE((*world)->store().EndRun(context, run).ok());
  ASSERT_TRUE(MarkInterrupted(context, **world, &read).ok());
  EXPECT_EQ(read.front().state, RunState::kNothingToDo);
  EXPECT_EQ(read.front().ended_at, run.ended_at);
}

}  // namespace
}  // namespace spillway::service
