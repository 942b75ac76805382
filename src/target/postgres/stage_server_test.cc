#include "target/postgres/load_fixture_test.h"
#include "target/postgres/stage.h"

namespace spillway::target::postgres {
namespace {

class StageTest : public LoadTest {};

TEST_P(StageTest, AStageIsLoggedAndLeftAloneByAutovacuum) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  EXPECT_EQ(stage->table.schema, "spillway");
  EXPECT_TRUE(stage->table.table.starts_with("stage_")) << stage->table.table;
  EXPECT_EQ(plain_->Value("SELECT relpersistence, reloptions FROM pg_class WHERE relname = '" +
                          stage->table.table + "'"),
            "p|{autovacuum_enabled=off}");
  EXPECT_EQ(
      plain_->Query("SELECT attname, attnotnull FROM pg_attribute WHERE attnum > 0 AND attrelid ="
                    " 'spillway." +
                    stage->table.table + "'::regclass ORDER BY attnum"),
      (std::vector<std::string>{"id|t", "name|f"}));
}

TEST_P(StageTest, OddNamesArrive) {
  table_ = {"od\"d 'schema'; --", "SELECT * FROM \xF0\x9F\x90\x98"};
  columns_[0].name = "\"id\"; DROP TABLE x; --";
  columns_[1].name = "näme\\' ";
  data::Schema schema = *schema_;
  schema.fields[0].name = columns_[0].name;
  schema.fields[1].name = columns_[1].name;
  schema_ = std::make_shared<const data::Schema>(std::move(schema));
  auto stage = Begin(*target_, "run-'1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  auto writer = target_->OpenTask(Soon(), *stage, "ta'sk\\", *schema_, {{columns_[0].name}});
  ASSERT_TRUE(writer.ok()) << writer.status().ToString();
  ASSERT_TRUE(WriteAll(**writer, Soon(), Rows({{1, "a"}})).ok());
  auto committed = (*writer)->Commit(Soon());
  ASSERT_TRUE(committed.ok()) << committed.status().ToString();
  index_ = {{columns_[0].name}, {"(\"näme\\' \")"}};
  // A backslash within quotes could end a literal: such an index is refused rather than guessed.
  EXPECT_CLASS(target_->BuildIndexes(Soon(), *stage, index_), kInvalidDefinition);
  index_.indexes.clear();
  const base::Status built = target_->BuildIndexes(Soon(), *stage, index_);
  ASSERT_TRUE(built.ok()) << built.ToString();
  auto outcome = PublishOne(*target_, Soon(), PublishOf(*stage, 1, 1));
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(Read(), std::vector<std::string>{"1|a"});
}

TEST_P(StageTest, TypesThatTheServerDoesNotKnowAreNamed) {
  columns_[1].target_type = "nonsense(3)";
  auto stage = Begin(*target_, "run-1");
  EXPECT_CLASS(stage.status(), kInvalidDefinition);
  EXPECT_TRUE(Stages().empty());
}

TEST_P(StageTest, IndexesThatTheServerRefusesAreTheDefinitionsFault) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  for (const char* clause : {"(nowhere)", "USING nonsense (id)", "(id nonsense_ops)", "(id) WHERE",
                             "(random())", "(id); DROP TABLE spillway.position"}) {
    const base::Status refused = target_->BuildIndexes(Soon(), *stage, {{}, {clause}});
    EXPECT_CLASS(refused, kInvalidDefinition);
    EXPECT_EQ(refused.detail("object"), clause);
  }
  EXPECT_EQ(plain_->Value("SELECT count(*) FROM spillway.position"), "1");
}

TEST_P(StageTest, NullsInAKeyThatSlippedInAreNamed) {
  columns_[0].not_null = false;
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  ASSERT_EQ(plain_->Execute("INSERT INTO spillway." + stage->table.table +
                            " VALUES (NULL, 'a'), (1, 'b'), (NULL, 'c')"),
            "");
  const base::Status violated = target_->BuildIndexes(Soon(), *stage, index_);
  EXPECT_CLASS(violated, kPrimaryKeyConstraintViolation);
  EXPECT_EQ(violated.detail("key"), "id=NULL");
  EXPECT_EQ(violated.detail("reason"), "NULL in the key");
}

TEST_P(StageTest, AKeyWithoutEqualityIsTheDefinitionsFault) {
  columns_[1].target_type = "json";
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  EXPECT_CLASS(target_->BuildIndexes(Soon(), *stage, {{"name"}, {}}), kInvalidDefinition);
}

TEST_P(StageTest, ARunThatWasTakenOverDoesNothingMore) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  auto fenced = target_->TakeFence(Soon(), kId, table_, "run-2");
  ASSERT_TRUE(fenced.ok());
  EXPECT_CLASS(target_->BuildIndexes(Soon(), *stage, index_), kFenced);
  EXPECT_CLASS(target_->CreateStage(Soon(), stage->fence, table_, columns_, {}).status(), kFenced);
  EXPECT_TRUE(target_->DropStage(Soon(), *stage).ok());
  EXPECT_EQ(Stages().size(), 1u);  // it belongs to the newer run now
  auto removed = target_->RemoveDeadStages(Soon(), kId);
  ASSERT_TRUE(removed.ok());
  EXPECT_EQ(removed->size(), 1u);
  EXPECT_TRUE(Stages().empty());
}

// What a restored backup, or a failover that lost the latest commits, does to two live runs.
TEST_P(StageTest, TheSameNumberOfAnotherRunIsAnotherFence) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  ASSERT_TRUE(RunTask(*target_, *stage, "0", {{1, "old"}}).ok());
  ASSERT_TRUE(target_->BuildIndexes(Soon(), *stage, index_).ok());
  const Publish old = PublishOf(*stage, 1, 1);
  ASSERT_EQ(
      plain_->Execute("UPDATE spillway.position SET fence = fence - 1, fence_run_id = 'run-0';"
                      "DELETE FROM spillway.stage; DELETE FROM spillway.stage_task;"
                      "DROP TABLE spillway." +
                      stage->table.table + "; SELECT setval('spillway.stage_number', 1, false)"),
      "");
  auto again = Begin(*target_, "run-2");
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  ASSERT_EQ(again->fence.number, stage->fence.number);
  ASSERT_EQ(again->table.table, stage->table.table);
  EXPECT_CLASS(RunTask(*target_, *stage, "1", {{2, "old"}}).status(), kFenced);
  EXPECT_TRUE(target_->DropStage(Soon(), *stage).ok());
  ASSERT_TRUE(RunTask(*target_, *again, "0", {{1, "new"}}).ok());
  ASSERT_TRUE(target_->BuildIndexes(Soon(), *again, index_).ok());
  EXPECT_CLASS(PublishOne(*target_, Soon(), old).status(), kFenced);
  auto outcome = PublishOne(*target_, Soon(), PublishOf(*again, 2, 1));
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(Read(), std::vector<std::string>{"1|new"});
}

TEST_P(StageTest, ATaskThatBeganBeforeAnotherRunHadItsNumberCommitsNothing) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  auto writer = target_->OpenTask(Soon(), *stage, "0", *schema_, {{"id"}});
  ASSERT_TRUE(writer.ok()) << writer.status().ToString();
  ASSERT_TRUE(WriteAll(**writer, Soon(), Rows({{1, "old"}})).ok());
  ASSERT_EQ(plain_->Execute("UPDATE spillway.position SET fence_run_id = 'run-2'"), "");
  EXPECT_CLASS((*writer)->Commit(Soon()).status(), kFenced);
}

TEST_P(StageTest, AReaderOfADeadStageIsLeftAlone) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  ASSERT_TRUE(target_->TakeFence(Soon(), kId, table_, "run-2").ok());
  ASSERT_EQ(
      plain_->Execute("BEGIN; LOCK TABLE spillway." + stage->table.table + " IN ACCESS SHARE MODE"),
      "");
  auto removed = target_->RemoveDeadStages(Soon(), kId);
  ASSERT_TRUE(removed.ok()) << removed.status().ToString();
  EXPECT_TRUE(removed->empty());
  EXPECT_EQ(plain_->Execute("COMMIT"), "");
  removed = target_->RemoveDeadStages(Soon(), kId);
  ASSERT_TRUE(removed.ok()) << removed.status().ToString();
  EXPECT_EQ(removed->size(), 1u);
}

TEST_P(StageTest, RowSecurityThatHidesRowsFromTheirOwnerIsToldBeforeTheLoad) {
  const std::string app = As("rls_role");
  ASSERT_EQ(plain_->Execute("GRANT CREATE ON DATABASE " + database_ +
                            " TO rls_role;"
                            "GRANT CREATE, USAGE ON SCHEMA public TO rls_role"),
            "");
  target_ = OpenTarget(app);
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("ALTER TABLE products ENABLE ROW LEVEL SECURITY;"
                            "ALTER TABLE products FORCE ROW LEVEL SECURITY"),
            "");
  const base::Status refused = Begin(*target_, "run-2").status();
  EXPECT_CLASS(refused, kTargetPermission);
  EXPECT_NE(refused.mend().find("BYPASSRLS"), std::string::npos) << refused.ToString();
  ASSERT_EQ(plain_->Execute("ALTER ROLE rls_role BYPASSRLS"), "");
  MustLoad(2, {{1, "b"}});
  target_.reset();
  plain_->Execute("DROP OWNED BY rls_role CASCADE; DROP ROLE rls_role");
}

TEST_P(StageTest, ADeadStageInUseIsLeftForNextTime) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  ASSERT_TRUE(target_->TakeFence(Soon(), kId, table_, "run-2").ok());
  // A session that we may not end: ours belongs to another role.
  const std::string app = As("stage_role");
  ASSERT_EQ(plain_->Execute("ALTER SCHEMA spillway OWNER TO stage_role; REASSIGN OWNED BY"
                            " stage_role TO stage_role"),
            "");
  for (const auto& table :
       plain_->Query("SELECT relname FROM pg_class WHERE relkind IN ('r', 'S') AND"
                     " relnamespace = 'spillway'::regnamespace")) {
    plain_->Execute("ALTER TABLE spillway." + table + " OWNER TO stage_role");
  }
  ASSERT_EQ(plain_->Execute("BEGIN"), "");
  ASSERT_EQ(plain_->Execute("LOCK TABLE spillway." + stage->table.table), "");
  auto target = OpenTarget(app);
  auto removed = target->RemoveDeadStages(Soon(), kId);
  ASSERT_TRUE(removed.ok()) << removed.status().ToString();
  EXPECT_TRUE(removed->empty());
  ASSERT_EQ(plain_->Execute("COMMIT"), "");
  removed = target->RemoveDeadStages(Soon(), kId);
  ASSERT_TRUE(removed.ok()) << removed.status().ToString();
  EXPECT_EQ(removed->size(), 1u);
  target.reset();
  plain_->Execute("DROP OWNED BY stage_role CASCADE; DROP ROLE stage_role");
}

TEST_P(StageTest, TheNewTableHasTheOldOnesOrderOfColumns) {
  extras_ = {{"note", "text DEFAULT 'none'"}};
  MustLoad(1, {{1, "a"}});
  extras_.clear();
  ASSERT_EQ(plain_->Execute("ALTER TABLE products DROP note"), "");
  std::swap(columns_[0], columns_[1]);
  CallSecond("id");
  data::Schema schema = *schema_;
  std::swap(schema.fields[0], schema.fields[1]);
  schema.fields[0].name = "name";
  schema.fields[1].name = "id";
  schema_ = std::make_shared<const data::Schema>(std::move(schema));
  columns_[0].name = "name";
  auto stage = Begin(*target_, "run-2");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  const std::string columns =
      "SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attnum > 0 AND"
      " attrelid = 'spillway." +
      stage->table.table + "'::regclass";
  EXPECT_EQ(plain_->Value(columns), "id,name");
}

TEST_P(StageTest, AnExtraColumnThatNoRowCanHaveIsToldBeforeTheLoad) {
  extras_ = {{"k", "int NOT NULL"}};
  const base::Status refused = Begin(*target_, "run-1").status();
  EXPECT_CLASS(refused, kInvalidDefinition);
  EXPECT_NE(refused.message().find("NOT NULL without a default"), std::string::npos);
  extras_ = {{"k", "int NOT NULL DEFAULT 7"},
             {"l", "int GENERATED ALWAYS AS IDENTITY"},
             {"m", "bigserial"},
             {"n", "bigint GENERATED ALWAYS AS (id) STORED NOT NULL"}};
  MustLoad(1, {{1, "a"}});
  EXPECT_EQ(Read(), std::vector<std::string>{"1|a|7|1|1|1"});
  // Nor does the stage leave its name to their sequences.
  EXPECT_EQ(plain_->Query("SELECT relname FROM pg_class WHERE relkind = 'S' AND relnamespace ="
                          " 'public'::regnamespace ORDER BY 1"),
            (std::vector<std::string>{"products_l_seq", "products_m_seq"}));
}

TEST_P(StageTest, AnIndexMayBeOfAColumnOfAnyName) {
  for (const char* name : {"x", "x1", "xmin2", "_x"}) {
    plain_->Execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    CallSecond(name);
    index_.indexes = {std::string("(") + name + ")"};
    for (int version = 1; version <= 3; ++version) MustLoad(version, {{version, "a"}});
    ASSERT_EQ(plain_->Execute("CREATE INDEX others ON products (id) WHERE id > 3"), "");
    MustLoad(4, {{4, "a"}});
    ASSERT_EQ(plain_->Execute("CREATE MATERIALIZED VIEW m AS SELECT id FROM products"), "");
    MustLoad(5, {{5, "a"}});
    EXPECT_EQ(plain_->Query("SELECT indexname FROM pg_indexes WHERE tablename = 'products'"
                            " ORDER BY indexname = 'products_pkey', 1"),
              (std::vector<std::string>{"others", "products_" + std::string(name) + "_idx",
                                        "products_pkey"}))
        << name;
  }
}

SPILLWAY_ON_EACH_SERVER(StageTest);

}  // namespace
}  // namespace spillway::target::postgres
