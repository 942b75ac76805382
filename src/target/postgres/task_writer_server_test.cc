#include <thread>

#include "target/postgres/load_fixture_test.h"
#include "target/postgres/testing/tcp_gate.h"

namespace spillway::target::postgres {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;
using testing::CommitFate;
using testing::TcpGate;

class TaskWriterTest : public LoadTest {
 protected:
  std::string Through(const TcpGate& gate) const {
    return Replace(conninfo_, "port=" + std::to_string(server_->port()),
                   "port=" + std::to_string(gate.port()));
  }
  std::vector<std::string> Read(const Stage& stage) {
    return plain_->Query("SELECT * FROM " + (Sql() << stage.table).text() + " ORDER BY 1, 2");
  }
};

TEST_P(TaskWriterTest, ALostAcknowledgementIsFoundOut) {
  TcpGate gate(server_->port());
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  for (const bool keyless : {false, true}) {
    for (const CommitFate fate :
         {CommitFate::kLoseBefore, CommitFate::kLoseAfter, CommitFate::kSwallow}) {
      auto target = OpenTarget(Through(gate), 1);
      const std::string task = std::to_string(static_cast<int>(fate)) + (keyless ? "k" : "");
      auto writer =
          target->OpenTask(Soon(), *stage, task, *schema_,
                           {keyless ? std::vector<std::string>{} : std::vector<std::string>{"id"}});
      ASSERT_TRUE(writer.ok()) << writer.status().ToString();
      const auto id = static_cast<std::int64_t>(fate) + (keyless ? 10 : 0);
      ASSERT_TRUE(WriteAll(**writer, Soon(), Rows({{id, "a"}, {id, "a"}})).ok());
      gate.DecideNextCommit(fate);
      const auto began = SteadyClock::now();
      auto committed = (*writer)->Commit(Soon());
      EXPECT_LT(SteadyClock::now() - began, std::chrono::seconds(5));
      if (fate == CommitFate::kLoseAfter) {
        ASSERT_TRUE(committed.ok()) << committed.status().ToString();
        EXPECT_EQ(committed->rows, 2);
      } else {
        ASSERT_FALSE(committed.ok());
        EXPECT_EQ(committed.status().error_class(), base::ErrorClass::kConnectionError)
            << committed.status().ToString();
      }
      // Repeating is harmless whatever happened.
      auto again = RunTask(*target, *stage, task, {{id, "a"}, {id, "a"}});
      ASSERT_TRUE(again.ok()) << again.status().ToString();
      EXPECT_EQ(again->outcome,
                fate == CommitFate::kLoseAfter ? TaskOutcome::kAlready : TaskOutcome::kDone);
    }
  }
  EXPECT_EQ(gate.commits_lost(), 6);
  EXPECT_EQ(Read(*stage),
            (std::vector<std::string>{"1|a", "1|a", "2|a", "2|a", "3|a", "3|a", "11|a", "11|a",
                                      "12|a", "12|a", "13|a", "13|a"}));
}

TEST_P(TaskWriterTest, AnOutcomeThatCannotBeReadIsUnknown) {
  TcpGate gate(server_->port());
  auto target = OpenTarget(Through(gate));
  auto stage = Begin(*target, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  auto writer = target->OpenTask(Soon(), *stage, "0", *schema_, {{"id"}});
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(WriteAll(**writer, Soon(), Rows({{1, "a"}})).ok());
  gate.DecideNextCommit(CommitFate::kLoseAfter);
  gate.Refuse(true);
  auto committed = (*writer)->Commit({base::Deadline::After(milliseconds(700)), {}});
  ASSERT_FALSE(committed.ok());
  EXPECT_EQ(committed.status().error_class(), base::ErrorClass::kCommitUnknown)
      << committed.status().ToString();
  gate.Refuse(false);
  auto again = RunTask(*target, *stage, "0", {{1, "a"}});
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(again->outcome, TaskOutcome::kAlready);
}

TEST_P(TaskWriterTest, AStopDuringTheCommitEndsWithinASecond) {
  // A committing server that does not answer: its synchronous standby does not exist.
  auto own = testing::TestServer::Start(GetParam(), {{"synchronous_standby_names", "nobody"}});
  ASSERT_TRUE(own.ok()) << own.status().ToString();
  auto target = OpenTarget((*own)->conninfo() + " options='-c synchronous_commit=local'");
  testing::PlainSession admin((*own)->conninfo() + " options='-c synchronous_commit=local'");
  ASSERT_EQ(admin.Execute("ALTER SYSTEM SET synchronous_standby_names = ''"), "");
  ASSERT_TRUE((*own)->Reload().ok());
  base::Result<Stage> stage = base::Status(base::ErrorClass::kInternal, "not begun");
  for (int i = 0; i < 100 && !stage.ok(); ++i) {
    stage = Begin(*target, "run-1");
    std::this_thread::sleep_for(milliseconds(20));
  }
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  auto writer = target->OpenTask(Soon(), *stage, "0", *schema_, {{"id"}});
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(WriteAll(**writer, Soon(), Rows({{1, "a"}})).ok());
  ASSERT_EQ(admin.Execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'"), "");
  ASSERT_TRUE((*own)->Reload().ok());
  for (int i = 0; i < 200 && admin.Value("SHOW synchronous_standby_names") != "nobody"; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  std::this_thread::sleep_for(milliseconds(200));
  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(200));
    source.request_stop();
  });
  const auto began = SteadyClock::now();
  auto committed = (*writer)->Commit({base::Deadline(), source.get_token()});
  EXPECT_LT(SteadyClock::now() - began, milliseconds(1500));
  EXPECT_FALSE(committed.ok());
}

TEST_P(TaskWriterTest, BadRowsAreNamedAndNothingOfAnAbandonedTaskRemains) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  auto writer = target_->OpenTask(Soon(), *stage, "0", *schema_, {{"id"}});
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(WriteAll(**writer, Soon(), ManyRows(0, 5000)).ok());
  std::vector<BadRow> bad;
  ASSERT_TRUE(
      (*writer)
          ->WriteGood(Soon(), Rows({{7000, "fine"}, {7001, std::string("nul\0byte", 8)}}), &bad)
          .ok());
  ASSERT_EQ(bad.size(), 1u);
  EXPECT_EQ(bad[0].error_class, base::ErrorClass::kCharacterNotInRepertoire);
  EXPECT_EQ(bad[0].column, "name");
  EXPECT_EQ(bad[0].row, 1);
  EXPECT_NE(bad[0].key.find("7001"), std::string::npos) << bad[0].key;
  (*writer)->Abandon();
  EXPECT_CLASS((*writer)->Commit(Soon()).status(), kInternal);
  EXPECT_TRUE(Read(*stage).empty());
  ASSERT_TRUE(RunTask(*target_, *stage, "0", {{1, "a"}}).ok());
  EXPECT_EQ(Read(*stage), std::vector<std::string>{"1|a"});
}

TEST_P(TaskWriterTest, AServerThatRestartsLosesOnlyTheOpenTask) {
  auto own = testing::TestServer::Start(GetParam());
  ASSERT_TRUE(own.ok()) << own.status().ToString();
  auto target = OpenTarget((*own)->conninfo());
  auto stage = Begin(*target, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  ASSERT_TRUE(RunTask(*target, *stage, "0", {{1, "a"}}).ok());
  auto writer = target->OpenTask(Soon(), *stage, "1", *schema_, {{"id"}});
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(WriteAll(**writer, Soon(), ManyRows(10, 20000)).ok());
  (*own)->Crash();
  base::Status broken;
  for (int i = 0; i < 100 && broken.ok(); ++i)
    broken = WriteAll(**writer, Soon(), ManyRows(0, 20000));
  EXPECT_CLASS(broken, kConnectionError);
  ASSERT_TRUE((*own)->StartAgain().ok());
  ASSERT_TRUE(RunTask(*target, *stage, "1", {{2, "b"}}).ok());
  ASSERT_TRUE(target->BuildIndexes(Soon(), *stage, index_).ok());
  Publish publish = PublishOf(*stage, 1, 2);
  publish.expected_tasks = 2;
  auto outcome = PublishOne(*target, Soon(), publish);
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(testing::PlainSession((*own)->conninfo()).Query("SELECT * FROM products ORDER BY 1"),
            (std::vector<std::string>{"1|a", "2|b"}));
}

TEST_P(TaskWriterTest, AFullDiskHasItsClass) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  // The server reports a quota as it does a full disk.
  ASSERT_EQ(plain_->Execute("CREATE FUNCTION public.full() RETURNS trigger LANGUAGE plpgsql AS"
                            " 'BEGIN RAISE disk_full USING MESSAGE = ''no space left''; END';"
                            "CREATE TRIGGER disk BEFORE INSERT ON spillway." +
                            stage->table.table + " EXECUTE FUNCTION public.full()"),
            "");
  auto task = RunTask(*target_, *stage, "0", {{1, "a"}});
  EXPECT_CLASS(task.status(), kTargetDatabaseFull);
}

TEST_P(TaskWriterTest, AComputedColumnWithoutAValueIsNamedAsTheCause) {
  extras_ = {{"share", "bigint GENERATED ALWAYS AS (10 / id) STORED"}};
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  const base::Status refused = RunTask(*target_, *stage, "0", {{1, "a"}, {0, "b"}}).status();
  EXPECT_CLASS(refused, kValueOutOfRange);
  EXPECT_NE(refused.message().find("a column that the server computes"), std::string::npos)
      << refused.ToString();
  EXPECT_NE(refused.mend().find("extra_columns"), std::string::npos) << refused.mend();
}

TEST_P(TaskWriterTest, AStopWhileWritingLeavesNothingWithinASecond) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  std::stop_source source;
  const base::Context stoppable{base::Deadline(), source.get_token()};
  auto writer = target_->OpenTask(stoppable, *stage, "0", *schema_, {{"id"}});
  ASSERT_TRUE(writer.ok());
  std::jthread stopper([&] {
    Await("SELECT count(*) FROM pg_stat_progress_copy WHERE tuples_processed > 0", "1");
    source.request_stop();
  });
  base::Status status;
  while (status.ok()) status = WriteAll(**writer, stoppable, ManyRows(0, 2000));
  const auto began = SteadyClock::now();
  EXPECT_CLASS(status, kCancelled);
  writer->reset();
  const base::Status dropped =
      target_->DropStage({base::Deadline::After(milliseconds(800)), {}}, *stage);
  EXPECT_TRUE(dropped.ok()) << dropped.ToString();
  EXPECT_LT(SteadyClock::now() - began, milliseconds(1000));
  EXPECT_TRUE(Stages().empty());
  EXPECT_EQ(plain_->Value("SELECT count(*) FROM spillway.stage_task"), "0");
  EXPECT_EQ(plain_->Value("SELECT count(*) FROM spillway.stage"), "0");
}

SPILLWAY_ON_EACH_SERVER(TaskWriterTest);

}  // namespace
}  // namespace spillway::target::postgres
