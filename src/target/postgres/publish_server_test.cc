#include <thread>

#include "target/postgres/bookkeeping.h"
#include "target/postgres/load_fixture_test.h"
#include "target/postgres/testing/tcp_gate.h"

namespace spillway::target::postgres {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;
using testing::CommitFate;
using testing::PlainSession;
using testing::TcpGate;

class PublishTest : public LoadTest {
 protected:
  std::string Through(const TcpGate& gate) const {
    return Replace(conninfo_, "port=" + std::to_string(server_->port()),
                   "port=" + std::to_string(gate.port()));
  }
  std::string Position() { return plain_->Value("SELECT source_position FROM spillway.position"); }
};

TEST_P(PublishTest, NamesAreWhatAUserExpects) {
  index_.indexes = {"(name)", "(lower(name)) WHERE id > 3"};
  comment_ = "all the products";
  for (int version = 1; version <= 2; ++version) {
    MustLoad(version, {{1, "a"}});
    EXPECT_EQ(
        plain_->Query("SELECT indexname FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"),
        (std::vector<std::string>{"products_lower_idx", "products_name_idx", "products_pkey"}));
    EXPECT_EQ(plain_->Query("SELECT conname FROM pg_constraint WHERE conrelid ="
                            " 'public.products'::regclass AND contype <> 'n'"),
              std::vector<std::string>{"products_pkey"});
    EXPECT_EQ(plain_->Value("SELECT count(*) FROM pg_constraint WHERE conrelid ="
                            " 'public.products'::regclass AND conname LIKE 'stage%'"),
              "0");
    EXPECT_EQ(plain_->Value("SELECT obj_description('public.products'::regclass)"),
              "all the products");
    EXPECT_EQ(plain_->Value("SELECT col_description('public.products'::regclass, 1)"),
              "the number");
    EXPECT_EQ(
        plain_->Value("SELECT reloptions FROM pg_class WHERE oid = 'public.products'::regclass"),
        "∅");
    EXPECT_EQ(plain_->Value("SELECT typname FROM pg_type WHERE oid = (SELECT reltype FROM pg_class"
                            " WHERE oid = 'public.products'::regclass)"),
              "products");
  }
}

TEST_P(PublishTest, TakenAndLongNamesAreNumberedAndCut) {
  ASSERT_EQ(plain_->Execute("CREATE TABLE public.products_pkey (a int)"), "");
  MustLoad(1, {{1, "a"}});
  EXPECT_EQ(plain_->Value("SELECT indexname FROM pg_indexes WHERE tablename = 'products'"),
            "products_pkey1");
  table_.table = "";
  for (int i = 0; i < 31; ++i) table_.table += "ü";  // 62 bytes
  auto target = OpenTarget(conninfo_);
  ASSERT_TRUE(
      target->Forget(Soon(), kId, {"public", "products"}, true, std::chrono::seconds(5)).ok());
  MustLoad(1, {{1, "a"}});
  const std::string name =
      plain_->Value("SELECT indexname FROM pg_indexes WHERE tablename = '" + table_.table + "'");
  EXPECT_TRUE(name.ends_with("_pkey")) << name;
  EXPECT_LE(name.size(), 63u);
  MustLoad(2, {{2, "a"}});
  EXPECT_EQ(Read(), std::vector<std::string>{"2|a"});
}

TEST_P(PublishTest, TablesMayBeCalledAsSpillwaysOwn) {
  for (const char* name : {"position", "stage", "stage_task", "layout", "stage_1"}) {
    table_.table = name;
    MustLoad(1, {{1, name}});
    EXPECT_EQ(Read(), std::vector<std::string>{std::string("1|") + name});
    ASSERT_TRUE(target_->Forget(Soon(), kId, table_, true, std::chrono::seconds(5)).ok());
  }
}

TEST_P(PublishTest, ReadersAreToldInTheSameTransaction) {
  ASSERT_EQ(plain_->Execute("LISTEN spillway"), "");
  MustLoad(7, {{1, "a"}});
  plain_->Execute("SELECT 1");
  const auto payloads = plain_->Notifications();
  ASSERT_EQ(payloads.size(), 1u);
  EXPECT_NE(payloads[0].find("\"table\":\"products\""), std::string::npos) << payloads[0];
  EXPECT_NE(payloads[0].find("\"version\":7"), std::string::npos) << payloads[0];
}

TEST_P(PublishTest, ALostAcknowledgementIsFoundOut) {
  TcpGate gate(server_->port());
  std::int64_t version = 0;
  for (const CommitFate fate :
       {CommitFate::kLoseBefore, CommitFate::kSwallow, CommitFate::kLoseAfter}) {
    auto target = OpenTarget(Through(gate), 1);
    ++version;
    auto publish = Prepare(*target, version, {{version, "a"}});
    ASSERT_TRUE(publish.ok()) << publish.status().ToString();
    gate.DecideNextCommit(fate);
    const auto began = SteadyClock::now();
    auto outcome = PublishOne(*target, Soon(), *publish);
    EXPECT_LT(SteadyClock::now() - began, std::chrono::seconds(5));
    if (fate == CommitFate::kLoseAfter) {
      ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
      EXPECT_EQ(*outcome, CommitOutcome::kCommitted);
    } else {
      ASSERT_FALSE(outcome.ok());
      EXPECT_EQ(outcome.status().error_class(), base::ErrorClass::kConnectionError)
          << outcome.status().ToString();
      // It was rolled back for sure, so it may be repeated.
      outcome = PublishOne(*target, Soon(), *publish);
      ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
    }
    EXPECT_EQ(Read(), std::vector<std::string>{std::to_string(version) + "|a"});
    EXPECT_EQ(Position(), "{\"version\":" + std::to_string(version) + "}");
  }
  EXPECT_EQ(gate.commits_lost(), 3);
}

TEST_P(PublishTest, ALostAcknowledgementIsFoundOutAfterANewerPublish) {
  TcpGate gate(server_->port());
  auto target = OpenTarget(Through(gate), 1);
  auto publish = Prepare(*target, 1, {{1, "a"}});
  ASSERT_TRUE(publish.ok()) << publish.status().ToString();
  gate.DecideNextCommit(CommitFate::kLoseAfter);
  gate.Refuse(true);
  base::Result<CommitOutcome> outcome = CommitOutcome::kUnknown;
  std::jthread publisher([&] { outcome = PublishOne(*target, Soon(), *publish); });
  for (int i = 0; i < 3000 && Position() != "{\"version\":1}"; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  MustLoad(2, {{2, "b"}});
  gate.Refuse(false);
  publisher.join();
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(*outcome, CommitOutcome::kCommitted);
  EXPECT_EQ(Read(), std::vector<std::string>{"2|b"});
}

TEST_P(PublishTest, AnOutcomeThatCannotBeReadIsUnknown) {
  TcpGate gate(server_->port());
  auto target = OpenTarget(Through(gate), 1);
  auto publish = Prepare(*target, 1, {{1, "a"}});
  ASSERT_TRUE(publish.ok()) << publish.status().ToString();
  gate.DecideNextCommit(CommitFate::kLoseAfter);
  gate.Refuse(true);
  auto outcome = PublishOne(*target, {base::Deadline::After(milliseconds(900)), {}}, *publish);
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(*outcome, CommitOutcome::kUnknown);
  // Nothing was deleted: the next run finds the data and the position.
  EXPECT_EQ(Read(), std::vector<std::string>{"1|a"});
}

TEST_P(PublishTest, WhatOthersMadeIsNeverReplaced) {
  for (const char* other :
       {"TABLE public.products (a int)", "VIEW public.products AS SELECT 1",
        "MATERIALIZED VIEW public.products AS SELECT 1", "SEQUENCE public.products",
        "TYPE public.products AS ENUM ('a')", "DOMAIN public.products AS int",
        "TABLE public.products (a int) PARTITION BY LIST (a)"}) {
    ASSERT_EQ(plain_->Execute(
                  std::string("DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE ") + other),
              "")
        << other;
    auto state = target_->Describe(Soon(), table_, kId);
    ASSERT_TRUE(state.ok()) << state.status().ToString();
    EXPECT_TRUE(state->exists) << other;
    EXPECT_TRUE(state->owned_by_id.empty());
    auto outcome = Load(*target_, 1, {{1, "a"}});
    EXPECT_CLASS(outcome.status(), kAlreadyExists);
  }
}

TEST_P(PublishTest, ATableSwappedByHandIsNoticed) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("ALTER TABLE products RENAME TO mine;"
                            "CREATE TABLE products (id bigint PRIMARY KEY, name text)"),
            "");
  auto state = target_->Describe(Soon(), table_, kId);
  ASSERT_TRUE(state.ok());
  EXPECT_FALSE(state->unchanged);
  EXPECT_TRUE(state->owned_by_id.empty());
  EXPECT_CLASS(Load(*target_, 2, {{2, "b"}}).status(), kAlreadyExists);
  EXPECT_CLASS(target_->Forget(Soon(), kId, table_, true, std::chrono::seconds(5)), kTargetChanged);
  ASSERT_EQ(plain_->Execute("DROP TABLE products"), "");
  state = target_->Describe(Soon(), table_, kId);
  ASSERT_TRUE(state.ok());
  EXPECT_FALSE(state->unchanged);
  EXPECT_EQ(state->difference, "the table has another name now: public.mine");
  MustLoad(2, {{2, "b"}});
  EXPECT_EQ(plain_->Query("SELECT * FROM mine"), std::vector<std::string>{"1|a"});
}

TEST_P(PublishTest, ALogicalCopyIsStillOurs) {
  MustLoad(1, {{1, "a"}});
  // As after pg_dump and restore: another server, other oids.
  ASSERT_EQ(plain_->Execute("UPDATE spillway.position SET system_identifier = '1', table_oid = 1"),
            "");
  auto state = target_->Describe(Soon(), table_, kId);
  ASSERT_TRUE(state.ok()) << state.status().ToString();
  EXPECT_EQ(state->owned_by_id, kId);
  EXPECT_TRUE(state->unchanged) << state->difference;
  ASSERT_TRUE(state->position);
  EXPECT_EQ(state->position->published_on.system_identifier, "1");
  MustLoad(2, {{2, "b"}});
}

TEST_P(PublishTest, OwnerAndGrantsMoveWithTheTable) {
  ASSERT_EQ(plain_->Execute("CREATE ROLE reader; CREATE ROLE granter; CREATE ROLE new_owner;"
                            "GRANT CREATE ON SCHEMA public TO new_owner"),
            "");
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("ALTER TABLE products OWNER TO new_owner;"
                            "GRANT SELECT, TRIGGER ON products TO reader;"
                            "GRANT SELECT ON products TO PUBLIC;"
                            "GRANT UPDATE ON products TO granter WITH GRANT OPTION;"
                            "REVOKE TRUNCATE ON products FROM new_owner"),
            "");
  const std::string acl =
      "SELECT pg_get_userbyid(relowner), x.grantee::regrole, x.privilege_type,"
      " x.is_grantable FROM pg_class c, aclexplode(relacl) x"
      " WHERE c.oid = 'products'::regclass AND x.grantee <> c.relowner"
      " ORDER BY 2, 3";
  const auto before = plain_->Query(acl);
  EXPECT_EQ(before.size(), 4u);
  MustLoad(2, {{2, "b"}});
  EXPECT_EQ(plain_->Query(acl), before);
  plain_->Execute(
      "DROP OWNED BY reader, granter, new_owner CASCADE;"
      "DROP ROLE reader; DROP ROLE granter; DROP ROLE new_owner");
}

TEST_P(PublishTest, DefaultPrivilegesOfTheSchemaApply) {
  ASSERT_EQ(plain_->Execute("CREATE ROLE app_reader;"
                            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO"
                            " app_reader"),
            "");
  MustLoad(1, {{1, "a"}});
  EXPECT_EQ(plain_->Value("SELECT has_table_privilege('app_reader', 'products', 'SELECT')"), "t");
  plain_->Execute("DROP OWNED BY app_reader; DROP ROLE app_reader");
}

TEST_P(PublishTest, ARoleThatTheUrlSetsOwnsTheTable) {
  ASSERT_EQ(plain_->Execute("CREATE ROLE \"Own er\"; GRANT CREATE ON DATABASE " + database_ +
                            " TO \"Own er\"; GRANT CREATE ON SCHEMA public TO \"Own er\";"
                            "CREATE ROLE app_reader2; ALTER DEFAULT PRIVILEGES FOR ROLE \"Own er\""
                            " IN SCHEMA public GRANT SELECT ON TABLES TO app_reader2"),
            "");
  target_ = OpenTarget(conninfo_ + " options='-c role=Own\\\\ er'");
  for (int version = 1; version <= 2; ++version) {
    MustLoad(version, {{version, "a"}});
    EXPECT_EQ(
        plain_->Value("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'products'"),
        "Own er");
    EXPECT_EQ(plain_->Value("SELECT has_table_privilege('app_reader2', 'products', 'SELECT')"),
              "t");
  }
  target_.reset();
  plain_->Execute(
      "DROP OWNED BY \"Own er\", app_reader2 CASCADE; DROP ROLE \"Own er\"; DROP ROLE app_reader2");
}

TEST_P(PublishTest, TheLimitsOfARoleAndADatabaseAreTold) {
  const auto free = [&](const std::string& conninfo) {
    const auto checks = OpenTarget(conninfo)->Test(Soon());
    const auto found = std::find_if(checks.begin(), checks.end(), [](const Check& check) {
      return check.name == "free connections";
    });
    EXPECT_NE(found, checks.end());
    return found->note + " " + std::string(found->outcome.message());
  };
  const std::string tight = As("tight");
  ASSERT_EQ(plain_->Execute("ALTER ROLE tight CONNECTION LIMIT 1"), "");
  EXPECT_EQ(free(tight).find("0 the role has 0 connections free"), 0u) << free(tight);
  ASSERT_EQ(plain_->Execute("ALTER ROLE tight CONNECTION LIMIT -1; ALTER DATABASE " + database_ +
                            " CONNECTION LIMIT 3"),
            "");
  EXPECT_NE(free(tight).find("the database has "), std::string::npos) << free(tight);
  EXPECT_EQ(free(conninfo_).find("the database has "), std::string::npos);
}

TEST_P(PublishTest, WithoutPermissionNothingIsLoaded) {
  const std::string poor = As("poor");
  auto target = OpenTarget(poor);
  EXPECT_CLASS(target->TakeFence(Soon(), kId, table_, "run-1").status(), kTargetPermission);
  const auto checks = target->Test(Soon());
  EXPECT_TRUE(std::any_of(checks.begin(), checks.end(), [](const Check& check) {
    return !check.outcome.ok() &&
           check.outcome.error_class() == base::ErrorClass::kTargetPermission;
  }));
  ASSERT_EQ(plain_->Execute("GRANT CREATE ON DATABASE " + database_ +
                            " TO poor;"
                            "CREATE SCHEMA shut"),
            "");
  table_.schema = "shut";
  auto fenced = target->TakeFence(Soon(), kId, table_, "run-1");
  ASSERT_TRUE(fenced.ok()) << fenced.status().ToString();
  const auto refused = target->CreateStage(Soon(), fenced->first, table_, columns_, {});
  EXPECT_CLASS(refused.status(), kTargetPermission);
  EXPECT_NE(refused.status().mend().find("GRANT CREATE ON SCHEMA \"shut\" TO \"poor\""),
            std::string::npos)
      << refused.status().mend();
  table_.schema = "made by poor";
  auto outcome = Load(*target, 1, {{1, "a"}});
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(Read(), std::vector<std::string>{"1|a"});
  target.reset();
  plain_->Execute("DROP OWNED BY poor CASCADE; DROP ROLE poor");
}

TEST_P(PublishTest, ADefinitionsTableOfAnotherRoleIsNotTaken) {
  MustLoad(1, {{1, "a"}});
  const std::string other = As("other_role");
  ASSERT_EQ(plain_->Execute("GRANT ALL ON SCHEMA spillway, public TO other_role;"
                            "GRANT ALL ON ALL TABLES IN SCHEMA spillway TO other_role;"
                            "GRANT ALL ON ALL SEQUENCES IN SCHEMA spillway TO other_role"),
            "");
  auto target = OpenTarget(other);
  auto state = target->Describe(Soon(), table_, kId);
  ASSERT_TRUE(state.ok()) << state.status().ToString();
  ASSERT_TRUE(target->DescribeDependents(Soon(), &*state).ok());
  ASSERT_EQ(state->dependents.size(), 1u);
  EXPECT_EQ(state->dependents[0].kind, "owner");
  const auto outcome = Load(*target, 2, {{2, "b"}});
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(Read(), std::vector<std::string>{"1|a"});
  target.reset();
  plain_->Execute("DROP OWNED BY other_role CASCADE; DROP ROLE other_role");
}

TEST_P(PublishTest, ABusyTableIsWaitedForNotLong) {
  MustLoad(1, {{1, "a"}});
  auto publish = Prepare(*target_, 2, {{2, "b"}});
  ASSERT_TRUE(publish.ok()) << publish.status().ToString();
  ASSERT_EQ(plain_->Execute("BEGIN; LOCK TABLE products IN ACCESS SHARE MODE"), "");
  publish->lock_timeout = milliseconds(900);
  const auto began = SteadyClock::now();
  auto outcome = PublishOne(*target_, Soon(), *publish);
  EXPECT_CLASS(outcome.status(), kLockTimeout);
  EXPECT_LT(SteadyClock::now() - began, milliseconds(2500));
  EXPECT_NE(outcome.status().detail("blockers").find("pid " + std::to_string(plain_->pid())),
            std::string::npos)
      << outcome.status().ToString();
  // While we wait a reader gets through: the queue behind us is short.
  PlainSession reader(conninfo_);
  publish->lock_timeout = milliseconds(4000);
  std::jthread publisher([&] { outcome = PublishOne(*target_, Soon(), *publish); });
  Await("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted", "t");
  EXPECT_EQ(reader.Value("SET statement_timeout = '3s'; SELECT count(*) FROM products"), "1");
  ASSERT_EQ(plain_->Execute("COMMIT"), "");
  publisher.join();
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(Read(), std::vector<std::string>{"2|b"});
}

TEST_P(PublishTest, NoReaderSeesTheTableEmpty) {
  MustLoad(1, {{1, "a"}});
  PlainSession old_reader(conninfo_);
  // Its snapshot is taken before the load, on another table: the swap would hide every row from it.
  ASSERT_EQ(old_reader.Value("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM"
                             " pg_class WHERE relname = 'products'"),
            "1");
  auto publish = Prepare(*target_, 2, {{2, "b"}});
  ASSERT_TRUE(publish.ok()) << publish.status().ToString();
  publish->lock_timeout = milliseconds(300);
  // Columns that change need a new table, so there is no other way than to wait.
  columns_[1].target_type = "varchar(9)";
  auto other = Prepare(*target_, 3, {{3, "c"}});
  ASSERT_TRUE(other.ok()) << other.status().ToString();
  other->lock_timeout = milliseconds(300);
  auto refused = PublishOne(*target_, Soon(), *other);
  EXPECT_CLASS(refused.status(), kLockTimeout);
  const std::string reader = "pid " + std::to_string(old_reader.pid());
  EXPECT_NE(refused.status().detail("blockers").find(reader), std::string::npos)
      << refused.status().ToString();
  columns_[1].target_type = "text";
  publish = Prepare(*target_, 2, {{2, "b"}});
  ASSERT_TRUE(publish.ok()) << publish.status().ToString();
  publish->lock_timeout = milliseconds(300);
  auto published = target_->PublishStages(Soon(), {*publish});
  ASSERT_TRUE(published.ok()) << published.status().ToString();
  EXPECT_EQ(published->tables[0].way, PublishWay::kApply);
  EXPECT_NE(published->tables[0].reason.find(reader), std::string::npos)
      << published->tables[0].reason;
  EXPECT_EQ(old_reader.Query("SELECT * FROM products"), std::vector<std::string>{"1|a"});
  EXPECT_EQ(Read(), std::vector<std::string>{"2|b"});
  ASSERT_EQ(old_reader.Execute("COMMIT"), "");
  // A writer that began before the load but reads with new snapshots is no hindrance.
  PlainSession writer(conninfo_);
  ASSERT_EQ(writer.Execute("CREATE TABLE public.unrelated (a int)"), "");
  ASSERT_EQ(writer.Execute("BEGIN; INSERT INTO public.unrelated VALUES (1)"), "");
  publish = Prepare(*target_, 4, {{4, "d"}});
  ASSERT_TRUE(publish.ok()) << publish.status().ToString();
  published = target_->PublishStages(Soon(), {*publish});
  ASSERT_TRUE(published.ok()) << published.status().ToString();
  EXPECT_EQ(published->tables[0].way, PublishWay::kSwap);
  EXPECT_EQ(writer.Value("SELECT count(*) FROM products WHERE id = 4"), "1");
}

// Tables of a group, each with its own id.
class GroupPublishTest : public LoadTest {
 protected:
  static std::string IdOf(int number) {
    return "11111111-2222-4333-8444-00000000000" + std::to_string(number);
  }
  base::Result<Publish> PrepareTable(Target& target, int number, std::int64_t version,
                                     const Cells& cells) {
    table_.table = "g" + std::to_string(number);
    SPILLWAY_ASSIGN(auto fenced, target.TakeFence(Soon(), IdOf(number), table_, "run"));
    planned_from_ = fenced.second ? fenced.second->source_position : std::string();
    SPILLWAY_ASSIGN(Stage stage, target.CreateStage(Soon(), fenced.first, table_, columns_, {}));
    SPILLWAY_ASSIGN(const TaskResult task, RunTask(target, stage, "0", cells));
    SPILLWAY_TRY(target.BuildIndexes(Soon(), stage, index_));
    Publish publish = PublishOf(stage, version, task.rows);
    publish.position.synced_table_id = IdOf(number);
    return publish;
  }
  std::vector<std::string> Versions() {
    return plain_->Query("SELECT table_name || version FROM spillway.position ORDER BY 1");
  }
};

TEST_P(GroupPublishTest, AllOrNothing) {
  for (std::int64_t version = 1; version <= 2; ++version) {
    std::vector<Publish> publishes;
    for (const int number : {3, 1, 2}) {
      auto publish = PrepareTable(*target_, number, version, {{version, "a"}, {number + 9, "b"}});
      ASSERT_TRUE(publish.ok()) << publish.status().ToString();
      publishes.push_back(*std::move(publish));
    }
    publishes[1].way = version == 2 ? PublishWay::kApply : PublishWay::kSwap;
    auto published = target_->PublishStages(Soon(), publishes);
    ASSERT_TRUE(published.ok()) << published.status().ToString();
    ASSERT_EQ(published->tables.size(), 3u);
    EXPECT_EQ(published->tables[1].way, publishes[1].way);
    EXPECT_EQ(published->tables[0].way, PublishWay::kSwap);
    const std::string v = std::to_string(version);
    EXPECT_EQ(Versions(), (std::vector<std::string>{"g1" + v, "g2" + v, "g3" + v}));
    EXPECT_EQ(plain_->Query("SELECT xmin FROM spillway.position GROUP BY 1").size(), 1u);
  }
  std::vector<Publish> publishes;
  for (const int number : {1, 2}) {
    auto publish = PrepareTable(*target_, number, 3, {{3, "a"}});
    ASSERT_TRUE(publish.ok()) << publish.status().ToString();
    publishes.push_back(*std::move(publish));
  }
  publishes[1].expected_rows = 7;
  EXPECT_CLASS(target_->PublishStages(Soon(), publishes).status(), kCountMismatch);
  EXPECT_EQ(Versions(), (std::vector<std::string>{"g12", "g22", "g32"}));
  EXPECT_EQ(plain_->Value("SELECT count(*) FROM g1 WHERE id = 2"), "1");
}

TEST_P(GroupPublishTest, TwoGroupsThatShareTablesDoNotLockEachOtherOut) {
  for (const int number : {1, 2}) {
    auto publish = PrepareTable(*target_, number, 1, {{1, "a"}});
    ASSERT_TRUE(publish.ok()) << publish.status().ToString();
    ASSERT_TRUE(PublishOne(*target_, Soon(), *publish).ok());
  }
  ASSERT_EQ(plain_->Execute("CREATE VIEW both_of_them AS SELECT g1.id FROM g1, g2"), "");
  // A reader takes them in the other order, again and again, within one transaction.
  std::atomic<bool> done = false;
  std::vector<std::string> wrong;
  std::jthread reader([&] {
    PlainSession session(conninfo_);
    while (!done) {
      for (const char* sql : {"BEGIN", "SELECT count(*) FROM g2", "SELECT count(*) FROM g1",
                              "SELECT count(*) FROM both_of_them", "COMMIT"}) {
        if (const std::string error = session.Execute(sql); !error.empty()) wrong.push_back(error);
      }
    }
  });
  for (int version = 2; version < 12; ++version) {
    std::vector<Publish> publishes;
    for (const int number : {version % 2 == 0 ? 1 : 2, version % 2 == 0 ? 2 : 1}) {
      auto publish = PrepareTable(*target_, number, version, {{version, "a"}});
      ASSERT_TRUE(publish.ok()) << publish.status().ToString();
      // A reader that never rests may win for a while.
      publish->lock_timeout = std::chrono::seconds(30);
      publishes.push_back(*std::move(publish));
    }
    const auto published = target_->PublishStages(Soon(), publishes);
    EXPECT_TRUE(published.ok()) << published.status().ToString();
  }
  done = true;
  reader.join();
  EXPECT_EQ(wrong, std::vector<std::string>());
}

TEST_P(PublishTest, EveryReaderSeesOneVersionOrTheOther) {
  MustLoad(1, {{1, "a"}, {2, "a"}});
  std::atomic<bool> done = false;
  std::atomic<int> reads = 0;
  std::vector<std::string> wrong;
  std::jthread reader([&] {
    PlainSession session(conninfo_);
    while (!done) {
      const auto rows = session.Query("SELECT min(id), max(id), count(*) FROM products");
      ++reads;
      if (rows.size() != 1 || (rows[0] != "1|2|2" && rows[0] != "7|8|2")) {
        wrong.push_back(rows.empty() ? "nothing" : rows[0]);
      }
    }
  });
  for (int version = 2; version < 10; ++version) {
    MustLoad(version, version % 2 == 0 ? Cells{{7, "b"}, {8, "b"}} : Cells{{1, "a"}, {2, "a"}});
  }
  done = true;
  reader.join();
  EXPECT_GT(reads, 10);
  for (const std::string& rows : wrong) ADD_FAILURE() << rows;
}

TEST_P(PublishTest, APreparedTransactionIsNamed) {
  MustLoad(1, {{1, "a"}});
  auto publish = Prepare(*target_, 2, {{2, "b"}});
  ASSERT_TRUE(publish.ok()) << publish.status().ToString();
  if (plain_->Value("SHOW max_prepared_transactions") == "0") {
    // The shared cluster has none; a lock held by a session stands for it in
    // ABusyTableIsWaitedForNotLong.
    return;
  }
  ASSERT_EQ(plain_->Execute("BEGIN; LOCK TABLE products IN SHARE MODE; PREPARE TRANSACTION 'held'"),
            "");
  publish->lock_timeout = milliseconds(300);
  auto outcome = PublishOne(*target_, Soon(), *publish);
  EXPECT_CLASS(outcome.status(), kLockTimeout);
  EXPECT_NE(outcome.status().detail("blockers").find("held"), std::string::npos)
      << outcome.status().ToString();
  plain_->Execute("ROLLBACK PREPARED 'held'");
}

TEST_P(PublishTest, AStageOfAnotherShapeReplacesTheTable) {
  MustLoad(1, {{1, "a"}});
  columns_[1].target_type = "varchar(20)";
  columns_[1].comment = "new";
  index_.indexes = {"(name)"};
  MustLoad(2, {{2, "b"}});
  auto state = target_->Describe(Soon(), table_, kId);
  ASSERT_TRUE(state.ok()) << state.status().ToString();
  ASSERT_TRUE(target_->DescribeDependents(Soon(), &*state).ok());
  EXPECT_TRUE(state->unchanged) << state->difference;
  EXPECT_TRUE(state->dependents.empty());
  index_.indexes.clear();
  MustLoad(3, {{3, "c"}});
  EXPECT_EQ(Read(), std::vector<std::string>{"3|c"});
}

TEST_P(PublishTest, ForgettingWithAViewOnTheTableIsRefused) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("CREATE VIEW v AS SELECT * FROM products"), "");
  EXPECT_CLASS(target_->Forget(Soon(), kId, table_, true, std::chrono::seconds(5)),
               kDependentObjectsStillExist);
  EXPECT_EQ(Read(), std::vector<std::string>{"1|a"});
  EXPECT_EQ(Position(), "{\"version\":1}");
  ASSERT_TRUE(target_->Forget(Soon(), kId, table_, false, std::chrono::seconds(5)).ok());
  EXPECT_EQ(Read(), std::vector<std::string>{"1|a"});
  EXPECT_EQ(Position(), "");
}

TEST_P(PublishTest, ForgettingHoldsUpNoReaderAndNamesWhoHoldsItUp) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("BEGIN; SELECT * FROM products"), "");
  const auto forget = [&](std::chrono::milliseconds wait) {
    return target_->Forget(Soon(), kId, table_, true, wait);
  };
  const auto begin = std::chrono::steady_clock::now();
  base::Status refused = forget(std::chrono::milliseconds(200));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_CLASS(refused, kLockTimeout);
  EXPECT_NE(refused.detail("blockers").find("pid "), std::string::npos) << refused.ToString();
  // A new reader gets in between two turns.
  std::jthread forgetting([&] { refused = forget(std::chrono::seconds(30)); });
  Await("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND locktype = 'relation'", "t");
  testing::PlainSession reader(conninfo_);
  EXPECT_EQ(reader.Execute("SET lock_timeout = '5s'; SELECT * FROM products"), "");
  EXPECT_EQ(plain_->Execute("COMMIT"), "");
  forgetting.join();
  EXPECT_TRUE(refused.ok()) << refused.ToString();
  EXPECT_EQ(plain_->Value("SELECT to_regclass('public.products') IS NULL"), "t");
}

TEST_P(PublishTest, ALinkThatBreaksAtAnyStatementHarmsNothing) {
  TcpGate gate(server_->port());
  std::int64_t version = 0;
  for (int cut = 1;; ++cut) {
    ++version;
    gate.CutAtStatement(cut);
    int attempts = 0;
    for (; attempts < 5; ++attempts) {
      auto target = OpenTarget(Through(gate), 2);
      // What a run does: nothing of a failed one but its stage may be left, and that is dead for
      // the next.
      auto outcome = Load(*target, version, {{version, "a"}});
      if (outcome.ok()) break;
      EXPECT_EQ(outcome.status().error_class(), base::ErrorClass::kConnectionError)
          << cut << ": " << outcome.status().ToString();
      auto removed = target_->RemoveDeadStages(Soon(), kId);
      EXPECT_TRUE(removed.ok()) << removed.status().ToString();
    }
    EXPECT_LE(attempts, 1) << cut;
    EXPECT_EQ(Read(), std::vector<std::string>{std::to_string(version) + "|a"}) << cut;
    EXPECT_EQ(Position(), "{\"version\":" + std::to_string(version) + "}");
    if (gate.cut_is_due()) break;  // the run is shorter than that
    ASSERT_LT(cut, 200);
  }
  EXPECT_GT(version, 20);
  ASSERT_TRUE(target_->TakeFence(Soon(), kId, table_, "last").ok());
  ASSERT_TRUE(target_->RemoveDeadStages(Soon(), kId).ok());
  EXPECT_TRUE(Stages().empty());
  EXPECT_EQ(plain_->Value("SELECT count(*) FROM spillway.stage_task"), "0");
}

SPILLWAY_ON_EACH_SERVER(PublishTest);
SPILLWAY_ON_EACH_SERVER(GroupPublishTest);

}  // namespace
}  // namespace spillway::target::postgres
