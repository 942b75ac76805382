#include "target/postgres/bookkeeping.h"
#include "target/postgres/layout.h"
#include "target/postgres/load_fixture_test.h"
#include "target/postgres/rejected_rows.h"

namespace spillway::target::postgres {
namespace {

class RejectedRowsTest : public LoadTest {
 protected:
  static BadRow Bad(std::int64_t row, const std::string& file = "p.parquet") {
    BadRow bad;
    bad.column = "name";
    bad.key = std::to_string(row);
    bad.reason = "a NUL byte at byte 1";
    bad.error_class = base::ErrorClass::kCharacterNotInRepertoire;
    bad.key_json = "{\"id\":" + std::to_string(row) + "}";
    bad.row_json = "{\"id\":" + std::to_string(row) + R"(,"name":"a\u0000","m":{"k":1,"k":2}})";
    bad.file = file;
    bad.row = row;
    return bad;
  }
  std::vector<std::string> Outstanding() {
    return plain_->Query(
        "SELECT key, column_name, class, file, row_position, version, run_id, table_name"
        " FROM spillway.rejected ORDER BY row_position");
  }
  /// A task of good and bad rows, its key built: ready to be published.
  base::Result<Publish> PrepareWith(std::int64_t version, const std::vector<BadRow>& bad) {
    SPILLWAY_ASSIGN(Stage stage, Begin(*target_, "run-" + std::to_string(version)));
    SPILLWAY_ASSIGN(auto writer, target_->OpenTask(Soon(), stage, "0", *schema_, {{"id"}}));
    SPILLWAY_TRY(WriteAll(*writer, Soon(), Rows({{100, "a"}})));
    SPILLWAY_TRY(writer->Reject(Soon(), bad));
    SPILLWAY_TRY(WriteAll(*writer, Soon(), Rows({{101, "b"}})));
    SPILLWAY_ASSIGN(const TaskResult result, writer->Commit(Soon()));
    EXPECT_EQ(result.rows, 2);
    EXPECT_EQ(result.rejected, static_cast<std::int64_t>(bad.size()));
    SPILLWAY_TRY(target_->BuildIndexes(Soon(), stage, index_));
    return PublishOf(stage, version, result.rows);
  }
};

TEST_P(RejectedRowsTest, TheyComeWithThePublishAndGoWithTheNext) {
  auto publish = PrepareWith(3, {Bad(1), Bad(2)});
  ASSERT_TRUE(publish.ok()) << publish.status().ToString();
  EXPECT_TRUE(Outstanding().empty());
  auto outcome = PublishOne(*target_, Soon(), *publish);
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(Read(), (std::vector<std::string>{"100|a", "101|b"}));
  EXPECT_EQ(Outstanding(),
            (std::vector<std::string>{
                "{\"id\":1}|name|CHARACTER_NOT_IN_REPERTOIRE|p.parquet|1|3|run-3|products",
                "{\"id\":2}|name|CHARACTER_NOT_IN_REPERTOIRE|p.parquet|2|3|run-3|products"}));
  EXPECT_EQ(plain_->Value("SELECT count(*) FROM spillway.stage_rejected"), "0");
  auto state = target_->Describe(Soon(), table_, kId);
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(state->rejected, 2);

  auto rows = target_->ReadRejected(Soon(), kId);
  ASSERT_TRUE(rows.ok());
  auto batch = (*rows)->Next(Soon());
  ASSERT_TRUE(batch.ok()) << batch.status().ToString();
  ASSERT_TRUE(batch->has_value());
  EXPECT_EQ((*batch)->rows(), 2);
  EXPECT_EQ((*batch)->column(2).bytes(0), Bad(1).row_json);
  EXPECT_EQ((*batch)->column(7).values<std::int64_t>()[1], 2);

  auto next = PrepareWith(4, {Bad(2)});
  ASSERT_TRUE(next.ok()) << next.status().ToString();
  ASSERT_TRUE(PublishOne(*target_, Soon(), *next).ok());
  EXPECT_EQ(Outstanding(),
            (std::vector<std::string>{
                "{\"id\":2}|name|CHARACTER_NOT_IN_REPERTOIRE|p.parquet|2|4|run-4|products"}));
  ASSERT_TRUE(target_->Forget(Soon(), kId, table_, true, std::chrono::seconds(5)).ok());
  EXPECT_TRUE(Outstanding().empty());
}

TEST_P(RejectedRowsTest, TheBoundHoldsAndChangesNothing) {
  auto first = PrepareWith(1, {Bad(1)});
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  ASSERT_TRUE(PublishOne(*target_, Soon(), *first).ok());
  auto publish = PrepareWith(2, {Bad(1), Bad(2), Bad(3)});
  ASSERT_TRUE(publish.ok()) << publish.status().ToString();
  publish->max_rejected = 2;
  auto refused = PublishOne(*target_, Soon(), *publish);
  EXPECT_CLASS(refused.status(), kTooManyRejected);
  EXPECT_NE(refused.status().message().find("key {\"id\":3}"), std::string::npos)
      << refused.status().ToString();
  EXPECT_EQ(Outstanding().size(), 1u);
  EXPECT_EQ(plain_->Value("SELECT version FROM spillway.position"), "1");
  publish->max_rejected = 3;
  auto outcome = PublishOne(*target_, Soon(), *publish);
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(Outstanding().size(), 3u);
}

TEST_P(RejectedRowsTest, ATaskRejectsOnceHoweverOftenItIsTried) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  for (int attempt = 0; attempt < 3; ++attempt) {
    auto writer = target_->OpenTask(Soon(), *stage, "0", *schema_, {{"id"}});
    ASSERT_TRUE(writer.ok());
    EXPECT_EQ((*writer)->already(), attempt == 2);
    ASSERT_TRUE(WriteAll(**writer, Soon(), Rows({{1, "a"}})).ok());
    ASSERT_TRUE((*writer)->Reject(Soon(), {Bad(5), Bad(6)}).ok());
    if (attempt == 0) continue;  // dropped: rolled back
    auto result = (*writer)->Commit(Soon());
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_EQ(result->rejected, 2);
    EXPECT_EQ(result->outcome, attempt == 2 ? TaskOutcome::kAlready : TaskOutcome::kDone);
  }
  EXPECT_EQ(plain_->Value("SELECT count(*) FROM spillway.stage_rejected"), "2");
  // The same row from another step is not another row.
  ASSERT_TRUE(target_->RejectRows(Soon(), *stage, {Bad(6), Bad(6, "q.parquet")}).ok());
  EXPECT_EQ(plain_->Value("SELECT count(*) FROM spillway.stage_rejected"), "3");
  ASSERT_TRUE(target_->DropStage(Soon(), *stage).ok());
  EXPECT_EQ(plain_->Value("SELECT count(*) FROM spillway.stage_rejected"), "0");
}

TEST_P(RejectedRowsTest, AnAbandonedTaskGoesOnFindingBadRows) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  auto writer = target_->OpenTask(Soon(), *stage, "0", *schema_, {{"id"}});
  ASSERT_TRUE(writer.ok());
  std::vector<BadRow> bad;
  ASSERT_TRUE((*writer)->WriteGood(Soon(), Rows({{1, "a"}, {2, "\xff"}}), &bad).ok());
  (*writer)->Abandon();
  ASSERT_TRUE((*writer)->WriteGood(Soon(), ManyRows(10, 5000), &bad).ok());
  ASSERT_TRUE((*writer)->WriteGood(Soon(), Rows({{3, "\xfe"}}), &bad).ok());
  ASSERT_EQ(bad.size(), 2u);
  EXPECT_EQ(bad[0].key_json, "{\"id\":2}");
  EXPECT_EQ(bad[0].row_json, R"({"id":2,"name":{"base64":"/w=="}})");
  EXPECT_EQ(bad[1].row, 0);
  EXPECT_FALSE((*writer)->Commit(Soon()).ok());
  EXPECT_EQ(plain_->Value("SELECT count(*) FROM spillway." + stage->table.table), "0");
}

TEST_P(RejectedRowsTest, ALayoutOfVersionOneIsBroughtUpToDateWithoutLoss) {
  MustLoad(1, {{1, "a"}, {2, "b"}});
  const std::string position = plain_->Value("SELECT p::text FROM spillway.position p");
  ASSERT_EQ(
      plain_->Execute("DROP VIEW spillway.status;"
                      "DROP TABLE spillway.rejected, spillway.stage_rejected, spillway.condition;"
                      "ALTER TABLE spillway.stage_task DROP COLUMN rejected;"
                      "UPDATE spillway.layout SET version = 1"),
      "");
  // Reading leaves it as it is.
  auto state = target_->Describe(Soon(), table_, kId);
  ASSERT_TRUE(state.ok()) << state.status().ToString();
  EXPECT_EQ(state->rejected, 0);
  EXPECT_TRUE(state->position.has_value());
  auto rows = target_->ReadRejected(Soon(), kId);
  ASSERT_TRUE(rows.ok());
  EXPECT_FALSE((*rows)->Next(Soon())->has_value());
  EXPECT_EQ(plain_->Value("SELECT version FROM spillway.layout"), "1");
  auto connection = Connect(conninfo_);
  ASSERT_TRUE(EnsureLayout(Soon(), *connection).ok());
  EXPECT_EQ(plain_->Value("SELECT version FROM spillway.layout"), std::to_string(kLayoutVersion));
  EXPECT_EQ(plain_->Value("SELECT p::text FROM spillway.position p"), position);
  auto publish = PrepareWith(2, {Bad(9)});
  ASSERT_TRUE(publish.ok()) << publish.status().ToString();
  auto outcome = PublishOne(*target_, Soon(), *publish);
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(Outstanding().size(), 1u);
}

TEST_P(RejectedRowsTest, LargeRowsAreReadAFewAtATime) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("INSERT INTO spillway.rejected (synced_table_id, schema_name,"
                            " table_name, row, class, reason, file, row_position, version, run_id,"
                            " rejected_at) SELECT '" +
                            std::string(kId) +
                            "', 'public', 'products', to_json(repeat('x', 5 << 20)), 'X', 'y', 'f',"
                            " g, 1, 'r', now() FROM generate_series(1, 3) g"),
            "");
  auto stream = target_->ReadRejected(Soon(), kId);
  ASSERT_TRUE(stream.ok()) << stream.status().ToString();
  std::vector<std::int64_t> sizes;
  while (true) {
    auto batch = (*stream)->Next(Soon());
    ASSERT_TRUE(batch.ok()) << batch.status().ToString();
    if (!*batch) break;
    sizes.push_back((*batch)->rows());
  }
  EXPECT_EQ(sizes, (std::vector<std::int64_t>{2, 1}));
}

SPILLWAY_ON_EACH_SERVER(RejectedRowsTest);

}  // namespace
}  // namespace spillway::target::postgres
