#ifndef SPILLWAY_TARGET_TARGET_CONTRACT_TEST_H_
#define SPILLWAY_TARGET_TARGET_CONTRACT_TEST_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "data/builder.h"
#include "target/target.h"
#include "target/write_all_test.h"

/// What every adapter of the port target::Target must do, as one suite. An adapter's test
/// instantiates TargetContractTest with a world of its own; what adapters do differently is said in
/// Quirks, never asked in a test.
namespace spillway::target {

/// Differences between adapters that the suite knows.
struct Quirks {
  std::string long_type = "bigint";  ///< the column type of a 64-bit integer
  std::string text_type = "text";
};

/// A fresh, empty database behind an adapter, and a way to look into it that is not the adapter's.
class ContractWorld {
 public:
  virtual ~ContractWorld() = default;
  virtual const Quirks& quirks() const = 0;
  /// A target on the world's database; several may be open, as in several processes.
  virtual std::unique_ptr<Target> Open() = 0;
  /// Rows of a table as text, in the order of the first column, columns joined by "|", NULL as "∅".
  /// An entry starting with "error" when it cannot be read.
  virtual std::vector<std::string> Read(const TableName& table) = 0;
  /// Names of the relations that Spillway keeps for stages.
  virtual std::vector<std::string> Stages() = 0;
};

/// Makes a world, or an empty pointer and the reason why it cannot be had.
struct ContractParameter {
  std::string name;
  std::function<std::unique_ptr<ContractWorld>(std::string* why)> make;
};

inline void PrintTo(const ContractParameter& parameter, std::ostream* out) {
  *out << parameter.name;
}

class TargetContractTest : public ::testing::TestWithParam<ContractParameter> {
 protected:
  static constexpr const char* kId = "11111111-2222-4333-8444-555555555555";

  void SetUp() override {
    std::string why;
    world_ = GetParam().make(&why);
    if (world_ == nullptr) GTEST_SKIP() << why;
    target_ = world_->Open();
    data::Schema schema;
    schema.fields.push_back({"id", {data::TypeKind::kLong, 0, 0, 0, {}}, false, {}, ""});
    schema.fields.push_back({"name", {data::TypeKind::kString, 0, 0, 0, {}}, true, {}, ""});
    schema_ = std::make_shared<const data::Schema>(std::move(schema));
    columns_ = {
        {"id", schema_->fields[0].type, world_->quirks().long_type, true, "number"},
        {"name", schema_->fields[1].type, world_->quirks().text_type, false, ""},
    };
  }

  static base::Context Soon() { return {base::Deadline::After(std::chrono::seconds(60)), {}}; }

  data::Batch Rows(const std::vector<std::pair<std::int64_t, std::string>>& rows) {
    data::BatchBuilder builder(schema_);
    for (const auto& [id, name] : rows) {
      EXPECT_TRUE(builder.AppendText(0, std::to_string(id)).ok());
      EXPECT_TRUE(builder.AppendText(1, name).ok());
      EXPECT_TRUE(builder.FinishRow().ok());
    }
    auto batch = builder.Finish();
    EXPECT_TRUE(batch.ok()) << batch.status().ToString();
    return *std::move(batch);
  }

  /// A run up to its stage. Failures are the caller's to look at.
  base::Result<Stage> Begin(Target& target, const std::string& run) {
    SPILLWAY_ASSIGN(auto fenced, target.TakeFence(Soon(), kId, table_, run));
    planned_from_ = fenced.second ? fenced.second->source_position : std::string();
    return target.CreateStage(Soon(), fenced.first, table_, columns_, {});
  }

  base::Result<TaskResult> RunTask(Target& target, const Stage& stage, const std::string& task,
                                   const std::vector<std::pair<std::int64_t, std::string>>& rows) {
    SPILLWAY_ASSIGN(auto writer, target.OpenTask(Soon(), stage, task, *schema_, {{"id"}}));
    SPILLWAY_TRY(WriteAll(*writer, Soon(), Rows(rows)));
    return writer->Commit(Soon());
  }

  Publish PublishOf(const Stage& stage, std::int64_t version, std::int64_t rows,
                    std::int64_t tasks = 1) {
    Publish publish;
    publish.stage = stage;
    publish.planned_from = planned_from_;
    publish.position.synced_table_id = kId;
    publish.position.table = table_;
    publish.position.source_position = PositionAt(version);
    publish.position.version = version;
    publish.position.definition_hash = "hash";
    publish.position.fence = stage.fence.number;
    publish.position.run_id = stage.fence.run_id;
    publish.position.rows = rows;
    publish.position.committed_at = std::chrono::sys_time<std::chrono::microseconds>(
        std::chrono::microseconds(1700000000123456));
    publish.expected_rows = rows;
    publish.expected_tasks = tasks;
    publish.index.primary_key = {"id"};
    publish.lock_timeout = std::chrono::milliseconds(5000);
    return publish;
  }

  /// Publishes one table; Target::PublishStages with a list of one.
  static base::Result<CommitOutcome> PublishOne(Target& target, const base::Context& context,
                                                const Publish& publish) {
    SPILLWAY_ASSIGN(const Published published, target.PublishStages(context, {publish}));
    return published.outcome;
  }

  static std::string PositionAt(std::int64_t version) {
    return "{\"b\":1, \"adapter\":\"test\",\"version\":" + std::to_string(version) + "}";
  }

  /// A whole run with one task.
  void Load(Target& target, const std::string& run, std::int64_t version,
            const std::vector<std::pair<std::int64_t, std::string>>& rows) {
    auto stage = Begin(target, run);
    ASSERT_TRUE(stage.ok()) << stage.status().ToString();
    auto task = RunTask(target, *stage, "task-0", rows);
    ASSERT_TRUE(task.ok()) << task.status().ToString();
    const base::Status indexed = target.BuildIndexes(Soon(), *stage, {{"id"}, {}});
    ASSERT_TRUE(indexed.ok()) << indexed.ToString();
    auto outcome = PublishOne(target, Soon(),
                              PublishOf(*stage, version, static_cast<std::int64_t>(rows.size())));
    ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
    ASSERT_EQ(*outcome, CommitOutcome::kCommitted);
  }

  TableState DescribeNow() {
    auto state = target_->Describe(Soon(), table_, kId);
    EXPECT_TRUE(state.ok()) << state.status().ToString();
    if (!state.ok()) return TableState();
    EXPECT_TRUE(target_->DescribeDependents(Soon(), &*state).ok());
    return *std::move(state);
  }

  std::unique_ptr<ContractWorld> world_;
  std::unique_ptr<Target> target_;
  std::shared_ptr<const data::Schema> schema_;
  std::vector<Column> columns_;
  TableName table_{"shop", "Products \"ü\""};
  std::string planned_from_;
};

#define CONTRACT_EXPECT_CLASS(result, expected)                            \
  do {                                                                     \
    ASSERT_FALSE((result).ok());                                           \
    EXPECT_EQ((result).status().error_class(), base::ErrorClass::expected) \
        << (result).status().ToString();                                   \
  } while (false)

TEST_P(TargetContractTest, DescribeWritesNothing) {
  const TableState state = DescribeNow();
  EXPECT_FALSE(state.exists);
  EXPECT_FALSE(state.position);
  EXPECT_TRUE(world_->Stages().empty());
  auto identity = target_->Identify(Soon());
  ASSERT_TRUE(identity.ok()) << identity.status().ToString();
  EXPECT_TRUE(identity->is_primary);
  EXPECT_FALSE(identity->system_identifier.empty());
}

TEST_P(TargetContractTest, FirstLoadArrives) {
  Load(*target_, "run-1", 3, {{1, "a"}, {2, "ü"}, {3, ""}});
  EXPECT_EQ(world_->Read(table_), (std::vector<std::string>{"1|a", "2|ü", "3|"}));
  const TableState state = DescribeNow();
  EXPECT_TRUE(state.exists);
  EXPECT_EQ(state.kind, "table");
  EXPECT_EQ(state.owned_by_id, kId);
  EXPECT_TRUE(state.unchanged) << state.difference;
  for (const Dependent& dependent : state.dependents) {
    ADD_FAILURE() << dependent.kind << " " << dependent.name;
  }
  ASSERT_TRUE(state.position);
  EXPECT_EQ(state.position->source_position, PositionAt(3));
  EXPECT_EQ(state.position->version, 3);
  EXPECT_EQ(state.position->rows, 3);
  EXPECT_EQ(state.position->run_id, "run-1");
  EXPECT_EQ(state.position->definition_hash, "hash");
  EXPECT_EQ(state.position->table_oid, state.oid);
  EXPECT_EQ(state.position->committed_at.time_since_epoch().count(), 1700000000123456);
  EXPECT_GT(state.position->published_at, state.position->committed_at);
  auto identity = target_->Identify(Soon());
  ASSERT_TRUE(identity.ok());
  EXPECT_EQ(state.position->published_on, *identity);
  EXPECT_TRUE(world_->Stages().empty());
}

TEST_P(TargetContractTest, LaterLoadReplaces) {
  Load(*target_, "run-1", 3, {{1, "a"}, {2, "b"}});
  Load(*target_, "run-2", 4, {{2, "B"}, {5, "e"}});
  EXPECT_EQ(world_->Read(table_), (std::vector<std::string>{"2|B", "5|e"}));
  const TableState state = DescribeNow();
  ASSERT_TRUE(state.position);
  EXPECT_EQ(state.position->version, 4);
  EXPECT_TRUE(state.unchanged) << state.difference;
  for (const Dependent& dependent : state.dependents) {
    ADD_FAILURE() << dependent.kind << " " << dependent.name;
  }
  EXPECT_TRUE(world_->Stages().empty());
}

TEST_P(TargetContractTest, EmptyAndKeylessTablesArrive) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  Publish publish = PublishOf(*stage, 1, 0, 0);
  publish.index.primary_key.clear();
  ASSERT_TRUE(target_->BuildIndexes(Soon(), *stage, publish.index).ok());
  auto outcome = PublishOne(*target_, Soon(), publish);
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(world_->Read(table_), std::vector<std::string>());
  EXPECT_TRUE(DescribeNow().exists);
}

TEST_P(TargetContractTest, EachFenceIsHigherAndEndsTheOlderRun) {
  auto old_stage = Begin(*target_, "run-1");
  ASSERT_TRUE(old_stage.ok()) << old_stage.status().ToString();
  ASSERT_TRUE(RunTask(*target_, *old_stage, "task-0", {{1, "old"}}).ok());
  auto other = world_->Open();
  auto new_stage = Begin(*other, "run-2");
  ASSERT_TRUE(new_stage.ok()) << new_stage.status().ToString();
  EXPECT_GT(new_stage->fence.number, old_stage->fence.number);
  auto late = RunTask(*target_, *old_stage, "task-1", {{2, "old"}});
  CONTRACT_EXPECT_CLASS(late, kFenced);
  auto publish = PublishOne(*target_, Soon(), PublishOf(*old_stage, 1, 1));
  CONTRACT_EXPECT_CLASS(publish, kFenced);
  auto removed = other->RemoveDeadStages(Soon(), kId);
  ASSERT_TRUE(removed.ok()) << removed.status().ToString();
  EXPECT_EQ(*removed, std::vector<std::string>{old_stage->table.table});
  EXPECT_EQ(world_->Stages(), std::vector<std::string>{new_stage->table.table});
  ASSERT_TRUE(other->DropStage(Soon(), *new_stage).ok());
  EXPECT_TRUE(world_->Stages().empty());
  EXPECT_FALSE(DescribeNow().exists);
}

TEST_P(TargetContractTest, AHangingTaskDelaysNoFenceAndIsEndedWithItsStage) {
  auto old_stage = Begin(*target_, "run-1");
  ASSERT_TRUE(old_stage.ok()) << old_stage.status().ToString();
  auto hanging = target_->OpenTask(Soon(), *old_stage, "task-0", *schema_, {{"id"}});
  ASSERT_TRUE(hanging.ok()) << hanging.status().ToString();
  std::vector<std::pair<std::int64_t, std::string>> rows;
  for (int i = 0; i < 20000; ++i) rows.emplace_back(i, std::string(50, 'x'));
  ASSERT_TRUE(WriteAll(**hanging, Soon(), Rows(rows)).ok());
  auto other = world_->Open();
  const auto began = std::chrono::steady_clock::now();
  auto new_stage = Begin(*other, "run-2");
  ASSERT_TRUE(new_stage.ok()) << new_stage.status().ToString();
  auto removed = other->RemoveDeadStages(Soon(), kId);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
  ASSERT_TRUE(removed.ok()) << removed.status().ToString();
  EXPECT_EQ(removed->size(), 1u);
  EXPECT_FALSE((*hanging)->Commit(Soon()).ok());
}

TEST_P(TargetContractTest, ATaskTwiceAddsItsRowsOnce) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  auto first = RunTask(*target_, *stage, "task-0", {{1, "a"}, {2, "b"}});
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_EQ(first->outcome, TaskOutcome::kDone);
  EXPECT_EQ(first->rows, 2);
  auto again = RunTask(*target_, *stage, "task-0", {{1, "a"}, {2, "b"}});
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(again->outcome, TaskOutcome::kAlready);
  EXPECT_EQ(again->rows, 2);
  EXPECT_EQ(world_->Read(stage->table), (std::vector<std::string>{"1|a", "2|b"}));
}

TEST_P(TargetContractTest, TwoAttemptsAtOnceAddTheRowsOnce) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  auto first = target_->OpenTask(Soon(), *stage, "task-0", *schema_, {{"id"}});
  auto other = world_->Open();
  auto second = other->OpenTask(Soon(), *stage, "task-0", *schema_, {{"id"}});
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_FALSE((*second)->already());
  ASSERT_TRUE(WriteAll(**first, Soon(), Rows({{1, "a"}})).ok());
  ASSERT_TRUE(WriteAll(**second, Soon(), Rows({{1, "a"}})).ok());
  auto one = (*first)->Commit(Soon());
  auto two = (*second)->Commit(Soon());
  ASSERT_TRUE(one.ok()) << one.status().ToString();
  ASSERT_TRUE(two.ok()) << two.status().ToString();
  EXPECT_EQ(one->outcome, TaskOutcome::kDone);
  EXPECT_EQ(two->outcome, TaskOutcome::kAlready);
  EXPECT_EQ(world_->Read(stage->table), std::vector<std::string>{"1|a"});
}

TEST_P(TargetContractTest, AnAbandonedTaskLeavesNothing) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  {
    auto writer = target_->OpenTask(Soon(), *stage, "task-0", *schema_, {{"id"}});
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE(WriteAll(**writer, Soon(), Rows({{1, "a"}})).ok());
  }
  EXPECT_TRUE(world_->Read(stage->table).empty());
  ASSERT_TRUE(RunTask(*target_, *stage, "task-0", {{1, "a"}}).ok());
  EXPECT_EQ(world_->Read(stage->table), std::vector<std::string>{"1|a"});
}

TEST_P(TargetContractTest, ALateTaskCannotTouchWhatIsPublished) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  ASSERT_TRUE(RunTask(*target_, *stage, "task-0", {{1, "a"}}).ok());
  ASSERT_TRUE(target_->BuildIndexes(Soon(), *stage, {{"id"}, {}}).ok());
  ASSERT_TRUE(PublishOne(*target_, Soon(), PublishOf(*stage, 1, 1)).ok());
  auto late = RunTask(*target_, *stage, "task-1", {{2, "b"}});
  CONTRACT_EXPECT_CLASS(late, kFenced);
  EXPECT_EQ(world_->Read(table_), std::vector<std::string>{"1|a"});
  EXPECT_TRUE(target_->DropStage(Soon(), *stage).ok());
  EXPECT_EQ(world_->Read(table_), std::vector<std::string>{"1|a"});
}

TEST_P(TargetContractTest, APublishWaitsForATaskInFlight) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  ASSERT_TRUE(RunTask(*target_, *stage, "task-0", {{1, "a"}}).ok());
  auto late = target_->OpenTask(Soon(), *stage, "task-1", *schema_, {{"id"}});
  ASSERT_TRUE(late.ok());
  ASSERT_TRUE(WriteAll(**late, Soon(), Rows({{2, "b"}})).ok());
  Publish publish = PublishOf(*stage, 1, 1);
  publish.index.primary_key.clear();
  publish.lock_timeout = std::chrono::milliseconds(300);
  auto refused = PublishOne(*target_, Soon(), publish);
  CONTRACT_EXPECT_CLASS(refused, kLockTimeout);
  EXPECT_FALSE(refused.status().detail("blockers").empty());
  EXPECT_FALSE(DescribeNow().exists);
  ASSERT_TRUE((*late)->Commit(Soon()).ok());
  // Now the stage holds more than was planned.
  auto counted = PublishOne(*target_, Soon(), publish);
  CONTRACT_EXPECT_CLASS(counted, kCountMismatch);
  publish.expected_rows = 2;
  counted = PublishOne(*target_, Soon(), publish);
  CONTRACT_EXPECT_CLASS(counted, kCountMismatch);
  publish.expected_tasks = 2;
  auto outcome = PublishOne(*target_, Soon(), publish);
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(world_->Read(table_), (std::vector<std::string>{"1|a", "2|b"}));
}

TEST_P(TargetContractTest, APositionMovesOnlyFromThePlannedOne) {
  Load(*target_, "run-1", 3, {{1, "a"}});
  auto stage = Begin(*target_, "run-2");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  EXPECT_EQ(planned_from_, PositionAt(3));
  Publish publish = PublishOf(*stage, 4, 0, 0);
  publish.planned_from = PositionAt(2);
  auto refused = PublishOne(*target_, Soon(), publish);
  CONTRACT_EXPECT_CLASS(refused, kFenced);
  publish.planned_from.clear();
  refused = PublishOne(*target_, Soon(), publish);
  CONTRACT_EXPECT_CLASS(refused, kFenced);
  EXPECT_EQ(world_->Read(table_), std::vector<std::string>{"1|a"});
}

TEST_P(TargetContractTest, APublishTwiceIsRefused) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  ASSERT_TRUE(RunTask(*target_, *stage, "task-0", {{1, "a"}}).ok());
  const Publish publish = PublishOf(*stage, 1, 1);
  auto bare = PublishOne(*target_, Soon(), publish);
  CONTRACT_EXPECT_CLASS(bare, kInternal);  // without the key that the definition wants
  ASSERT_TRUE(target_->BuildIndexes(Soon(), *stage, publish.index).ok());
  ASSERT_TRUE(PublishOne(*target_, Soon(), publish).ok());
  auto again = PublishOne(*target_, Soon(), publish);
  CONTRACT_EXPECT_CLASS(again, kFenced);
  EXPECT_EQ(world_->Read(table_), std::vector<std::string>{"1|a"});
}

TEST_P(TargetContractTest, DuplicateKeysAreNamed) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  std::vector<std::pair<std::int64_t, std::string>> rows;
  for (int i = 0; i < 12; ++i) {
    rows.emplace_back(i, "a");
    rows.emplace_back(i, "b");
  }
  ASSERT_TRUE(RunTask(*target_, *stage, "task-0", rows).ok());
  const base::Status violated = target_->BuildIndexes(Soon(), *stage, {{"id"}, {}});
  ASSERT_FALSE(violated.ok());
  EXPECT_EQ(violated.error_class(), base::ErrorClass::kPrimaryKeyConstraintViolation);
  EXPECT_EQ(violated.detail("key"), "id=0");
  EXPECT_EQ(violated.detail("key_count"), "12");
  EXPECT_NE(violated.message().find("id=9 (2 rows)"), std::string::npos) << violated.ToString();
  EXPECT_EQ(violated.message().find("id=10"), std::string::npos) << violated.ToString();
}

TEST_P(TargetContractTest, IndexesAreMadeOnce) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  ASSERT_TRUE(RunTask(*target_, *stage, "task-0", {{1, "a"}}).ok());
  const IndexSpec index{{"id"}, {"(name)"}};
  ASSERT_TRUE(target_->BuildIndexes(Soon(), *stage, index).ok());
  const base::Status again = target_->BuildIndexes(Soon(), *stage, index);
  EXPECT_TRUE(again.ok()) << again.ToString();
}

TEST_P(TargetContractTest, ForgettingKeepsOrDropsTheTable) {
  Load(*target_, "run-1", 3, {{1, "a"}});
  ASSERT_TRUE(target_->Forget(Soon(), kId, table_, false, std::chrono::seconds(5)).ok());
  TableState state = DescribeNow();
  EXPECT_TRUE(state.exists);
  EXPECT_FALSE(state.position);
  EXPECT_TRUE(state.owned_by_id.empty());
  // Now it is nobody's, and in the way.
  auto stage = Begin(*target_, "run-2");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  ASSERT_TRUE(target_->BuildIndexes(Soon(), *stage, {{"id"}, {}}).ok());
  auto refused = PublishOne(*target_, Soon(), PublishOf(*stage, 4, 0, 0));
  CONTRACT_EXPECT_CLASS(refused, kAlreadyExists);
  const base::Status not_ours = target_->Forget(Soon(), kId, table_, true, std::chrono::seconds(5));
  EXPECT_EQ(not_ours.error_class(), base::ErrorClass::kTargetChanged);
  ASSERT_TRUE(target_->Forget(Soon(), kId, table_, false, std::chrono::seconds(5)).ok());
  EXPECT_TRUE(world_->Stages().empty());
  EXPECT_TRUE(DescribeNow().exists);
  table_.table = "another";
  Load(*target_, "run-3", 3, {{1, "a"}});
  ASSERT_TRUE(target_->Forget(Soon(), kId, table_, true, std::chrono::seconds(5)).ok());
  EXPECT_FALSE(DescribeNow().exists);
}

TEST_P(TargetContractTest, AStageTravelsAsBytes) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  auto travelled = Stage::Parse(stage->Serialize());
  ASSERT_TRUE(travelled.ok()) << travelled.status().ToString();
  auto other = world_->Open();
  auto task = RunTask(*other, *travelled, "task-0", {{1, "a"}});
  ASSERT_TRUE(task.ok()) << task.status().ToString();
  EXPECT_EQ(world_->Read(stage->table), std::vector<std::string>{"1|a"});
}

TEST_P(TargetContractTest, ManyTasksAtOnce) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  constexpr int kThreads = 4;
  constexpr int kTasks = 6;
  std::vector<base::Status> failures(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int task = 0; task < kTasks; ++task) {
          const std::int64_t id = thread * kTasks + task;
          auto result =
              RunTask(*target_, *stage, "task-" + std::to_string(id), {{id, "x"}, {100 + id, "y"}});
          if (!result.ok()) failures[static_cast<std::size_t>(thread)] = result.status();
        }
      });
    }
  }
  for (const base::Status& failure : failures) EXPECT_TRUE(failure.ok()) << failure.ToString();
  ASSERT_TRUE(target_->BuildIndexes(Soon(), *stage, {{"id"}, {}}).ok());
  auto outcome =
      PublishOne(*target_, Soon(), PublishOf(*stage, 1, 2 * kThreads * kTasks, kThreads * kTasks));
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(world_->Read(table_).size(), 2u * kThreads * kTasks);
}

TEST_P(TargetContractTest, AStopEndsAtOnce) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  std::stop_source source;
  const base::Context stoppable{base::Deadline(), source.get_token()};
  auto writer = target_->OpenTask(stoppable, *stage, "task-0", *schema_, {{"id"}});
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(WriteAll(**writer, stoppable, Rows({{1, "a"}})).ok());
  source.request_stop();
  const auto began = std::chrono::steady_clock::now();
  auto committed = (*writer)->Commit(stoppable);
  CONTRACT_EXPECT_CLASS(committed, kCancelled);
  writer->reset();
  const base::Status dropped = target_->DropStage(Soon(), *stage);
  EXPECT_TRUE(dropped.ok()) << dropped.ToString();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
  EXPECT_TRUE(world_->Stages().empty());
  EXPECT_FALSE(DescribeNow().exists);
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TargetContractTest);

}  // namespace spillway::target

#endif  // SPILLWAY_TARGET_TARGET_CONTRACT_TEST_H_
