#ifndef SPILLWAY_TARGET_POSTGRES_LOAD_FIXTURE_TEST_H_
#define SPILLWAY_TARGET_POSTGRES_LOAD_FIXTURE_TEST_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/builder.h"
#include "target/postgres/postgres_target.h"
#include "target/postgres/session/server_fixture_test.h"
#include "target/write_all_test.h"

/// What tests of loads and publishes share: a small table and the steps of a run.
namespace spillway::target::postgres {

inline std::unique_ptr<Target> OpenTarget(const std::string& conninfo, int connections = 8) {
  auto target = OpenPostgresTarget({.url = conninfo, .max_connections = connections});
  EXPECT_TRUE(target.ok()) << target.status().ToString();
  return target.ok() ? *std::move(target) : nullptr;
}

/// A fixture with a two-column table and the steps of a run.
class LoadTest : public ServerTest {
 protected:
  using Cells = std::vector<std::pair<std::int64_t, std::string>>;

  void SetUp() override {
    ServerTest::SetUp();
    if (server_ == nullptr) return;
    data::Schema schema;
    schema.fields.push_back({"id", {data::TypeKind::kLong, 0, 0, 0, {}}, false, {}, ""});
    schema.fields.push_back({"name", {data::TypeKind::kString, 0, 0, 0, {}}, true, {}, ""});
    schema_ = std::make_shared<const data::Schema>(std::move(schema));
    columns_ = {{"id", schema_->fields[0].type, "bigint", true, "the number"},
                {"name", schema_->fields[1].type, "text", false, ""}};
    target_ = OpenTarget(conninfo_);
  }

  /// From now on the source calls its second column `name`.
  void CallSecond(const std::string& name) {
    data::Schema schema = *schema_;
    columns_[1].name = schema.fields[1].name = name;
    schema_ = std::make_shared<const data::Schema>(std::move(schema));
  }

  data::Batch Rows(const Cells& cells) {
    data::BatchBuilder builder(schema_);
    for (const auto& [id, name] : cells) {
      EXPECT_TRUE(builder.AppendText(0, std::to_string(id)).ok());
      EXPECT_TRUE(builder.AppendText(1, name).ok());
      EXPECT_TRUE(builder.FinishRow().ok());
    }
    auto batch = builder.Finish();
    EXPECT_TRUE(batch.ok()) << batch.status().ToString();
    return *std::move(batch);
  }
  /// `count` rows of about 100 bytes from `first`.
  data::Batch ManyRows(std::int64_t first, std::int64_t count) {
    Cells cells;
    for (std::int64_t i = 0; i < count; ++i) cells.emplace_back(first + i, std::string(80, 'x'));
    return Rows(cells);
  }

  base::Result<Stage> Begin(Target& target, const std::string& run) {
    SPILLWAY_ASSIGN(auto fenced, target.TakeFence(Soon(), kId, table_, run));
    planned_from_ = fenced.second ? fenced.second->source_position : std::string();
    return target.CreateStage(Soon(), fenced.first, table_, columns_, extras_);
  }
  /// What planning sees of the table.
  TableState State() {
    auto state = target_->Describe(Soon(), table_, kId);
    EXPECT_TRUE(state.ok()) << state.status().ToString();
    if (!state.ok()) return {};
    const base::Status described = target_->DescribeDependents(Soon(), &*state);
    EXPECT_TRUE(described.ok()) << described.ToString();
    return *std::move(state);
  }
  /// What planning is told of a publish of columns_ and index_.
  base::Status CheckPublish() {
    return target_->CheckPublish(Soon(), table_, State(), columns_, index_.primary_key);
  }
  base::Result<TaskResult> RunTask(Target& target, const Stage& stage, const std::string& task,
                                   const Cells& cells) {
    SPILLWAY_ASSIGN(auto writer, target.OpenTask(Soon(), stage, task, *schema_, {{"id"}}));
    SPILLWAY_TRY(WriteAll(*writer, Soon(), Rows(cells)));
    return writer->Commit(Soon());
  }
  Publish PublishOf(const Stage& stage, std::int64_t version, std::int64_t rows) {
    Publish publish;
    publish.stage = stage;
    publish.planned_from = planned_from_;
    publish.position.synced_table_id = kId;
    publish.position.table = table_;
    publish.position.source_position = "{\"version\":" + std::to_string(version) + "}";
    publish.position.version = version;
    publish.position.rows = rows;
    publish.expected_rows = rows;
    publish.expected_tasks = 1;
    publish.index = index_;
    publish.table_comment = comment_;
    return publish;
  }
  /// Fence, stage, one task, indexes: all but the publish.
  base::Result<Publish> Prepare(Target& target, std::int64_t version, const Cells& cells) {
    SPILLWAY_ASSIGN(Stage stage, Begin(target, "run-" + std::to_string(version)));
    SPILLWAY_ASSIGN(const TaskResult task, RunTask(target, stage, "0", cells));
    SPILLWAY_TRY(target.BuildIndexes(Soon(), stage, index_));
    return PublishOf(stage, version, task.rows);
  }
  /// Publishes one table; Target::PublishStages with a list of one.
  static base::Result<CommitOutcome> PublishOne(Target& target, const base::Context& context,
                                                const Publish& publish) {
    SPILLWAY_ASSIGN(const Published published, target.PublishStages(context, {publish}));
    return published.outcome;
  }
  base::Result<CommitOutcome> Load(Target& target, std::int64_t version, const Cells& cells) {
    SPILLWAY_ASSIGN(const Publish publish, Prepare(target, version, cells));
    return PublishOne(target, Soon(), publish);
  }
  void MustLoad(std::int64_t version, const Cells& cells) {
    auto outcome = Load(*target_, version, cells);
    ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
    ASSERT_EQ(*outcome, CommitOutcome::kCommitted);
  }
  std::vector<std::string> Read() {
    return plain_->Query("SELECT * FROM " + (Sql() << table_).text() + " ORDER BY 1, 2");
  }
  std::vector<std::string> Stages() {
    return plain_->Query(
        "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE nspname = 'spillway' AND relkind = 'r' AND relname ~ '^stage_[0-9]+_' ORDER BY 1");
  }

  std::shared_ptr<const data::Schema> schema_;
  std::vector<Column> columns_;
  TableName table_{"public", "products"};
  std::vector<ExtraColumn> extras_;
  IndexSpec index_{{"id"}, {}};
  std::string comment_;
  std::string planned_from_;
  std::unique_ptr<Target> target_;
};

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_LOAD_FIXTURE_TEST_H_
