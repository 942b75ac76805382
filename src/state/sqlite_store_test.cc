#include "state/sqlite_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/ids.h"
#include "state/sqlite_layout.h"
#include "state/test_folder.h"

namespace spillway::state {
namespace {

using base::Context;
using base::ErrorClass;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Time At(std::int64_t microseconds) { return Time(std::chrono::microseconds(microseconds)); }

Source AnySource(const std::string& name) {
  return {name, "s3://lake/" + name, {{"aws_region", "eu-west-1"}, {"é", "\"quoted\"\n"}}, At(17)};
}

Target AnyTarget(const std::string& name) {
  return {name, "postgresql://app@db/" + name, "${env:PASSWORD}", At(18)};
}

SyncedTable AnyTable(const std::string& id, const std::string& table) {
  return {id,      "shop",  "public",    table, "lake.sales.products", R"({"mode":"full"})",
          At(100), At(101), std::nullopt};
}

Run AnyRun(const std::string& id, const std::string& table_id, std::int64_t started) {
  Run run;
  run.id = id;
  run.synced_table_id = table_id;
  run.table_name = "shop.public.products";
  run.started_at = At(started);
  return run;
}

std::unique_ptr<Store> Open(const std::string& path) {
  auto store = OpenSqliteStore(Context(), path);
  EXPECT_TRUE(store.ok()) << store.status().ToString();
  return store.ok() ? *std::move(store) : nullptr;
}

// All that the store says, as text.
base::Result<std::string> Everything(const std::string& path) {
  const Context context;
  SPILLWAY_ASSIGN(auto store, OpenSqliteStore(context, path));
  std::ostringstream text;
  SPILLWAY_ASSIGN(const auto sources, store->ListSources(context));
  for (const auto& source : sources) {
    text << source.name << ' ' << source.url << ' ' << source.created_at.time_since_epoch().count();
    for (const auto& [key, value] : source.storage_options) text << ' ' << key << '=' << value;
    text << '\n';
  }
  SPILLWAY_ASSIGN(const auto source, store->GetSource(context, "lake.sales.products"));
  text << source.url << '\n';
  SPILLWAY_ASSIGN(const auto targets, store->ListTargets(context));
  for (const auto& target : targets) {
    text << target.name << ' ' << target.url << ' ' << target.password_reference << '\n';
  }
  SPILLWAY_ASSIGN(const auto target, store->GetTarget(context, "shop"));
  text << target.url << '\n';
  SPILLWAY_ASSIGN(const auto tables, store->ListSyncedTables(context));
  for (const auto& table : tables) {
    text << table.id << ' ' << table.name() << ' ' << table.source << ' ' << table.definition
         << '\n';
  }
  SPILLWAY_ASSIGN(const auto table, store->GetSyncedTable(context, "shop.public.products"));
  text << table.id << '\n';
  SPILLWAY_ASSIGN(const auto runs, store->ListRuns(context, table.id, 10));
  for (const auto& run : runs) {
    text << run.id << ' ' << Name(run.state) << ' ' << run.rows_read << ' ' << run.phases.size()
         << ' ' << run.error << '\n';
  }
  SPILLWAY_ASSIGN(const auto setting, store->GetSetting(context, "port"));
  text << setting.value_or("none") << '\n';
  return text.str();
}

// A state file with something in every table, written and closed.
void Populate(const std::string& path) {
  const Context context;
  auto store = Open(path);
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(store->AddSource(context, AnySource("lake.sales.products")).ok());
  ASSERT_TRUE(store->AddSource(context, AnySource("lake.sales.orders")).ok());
  ASSERT_TRUE(store->AddTarget(context, AnyTarget("shop")).ok());
  ASSERT_TRUE(store->AddSyncedTable(context, AnyTable("id-1", "products")).ok());
  ASSERT_TRUE(store->AddSyncedTable(context, AnyTable("id-2", "orders")).ok());
  state::Run run = AnyRun("run-1", "id-1", 1000);
  ASSERT_TRUE(store->BeginRun(context, run).ok());
  run.state = RunState::kFailed;
  run.ended_at = At(2000);
  run.rows_read = 5;
  run.phases = {{"load", std::chrono::microseconds(7)}};
  run.error = R"({"class":"FENCED"})";
  ASSERT_TRUE(store->EndRun(context, run).ok());
  ASSERT_TRUE(store->SetSetting(context, "port", "15432").ok());
}

std::string ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void WriteBytes(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void RemoveSidecars(const std::string& path) {
  unlink((path + "-wal").c_str());
  unlink((path + "-shm").c_str());
}

class SqliteStoreTest : public ::testing::Test {
 protected:
  const Context context_;
  TestFolder folder_;
  const std::string path_ = folder_.path() + "/state.db";
};

TEST_F(SqliteStoreTest, RoundTripsSources) {
  auto store = Open(path_);
  ASSERT_TRUE(store->AddSource(context_, AnySource("b")).ok());
  ASSERT_TRUE(store->AddSource(context_, AnySource("a")).ok());
  store = Open(path_);
  const auto all = store->ListSources(context_);
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].name, "a");
  EXPECT_EQ((*all)[0].storage_options, AnySource("a").storage_options);
  EXPECT_EQ((*all)[0].created_at, At(17));
  EXPECT_EQ(store->AddSource(context_, AnySource("a")).error_class(), ErrorClass::kAlreadyExists);
  EXPECT_TRUE(store->RemoveSource(context_, "a").ok());
  EXPECT_EQ(store->RemoveSource(context_, "a").error_class(), ErrorClass::kSourceNotFound);
}

TEST_F(SqliteStoreTest, ChangesSourcesAndTargets) {
  auto store = Open(path_);
  ASSERT_TRUE(store->AddSource(context_, AnySource("a")).ok());
  Source source = AnySource("a");
  source.url = "s3://elsewhere/a";
  source.storage_options = {{"aws_region", "eu"}};
  source.created_at = At(99);
  ASSERT_TRUE(store->ChangeSource(context_, source).ok());
  Target target;
  target.name = "shop";
  target.url = "postgresql://one/db";
  target.created_at = At(5);
  EXPECT_EQ(store->ChangeTarget(context_, target).error_class(), ErrorClass::kTargetNotFound);
  ASSERT_TRUE(store->AddTarget(context_, target).ok());
  target.url = "postgresql://two/db";
  target.password_reference = "${env:X}";
  ASSERT_TRUE(store->ChangeTarget(context_, target).ok());
  store = Open(path_);
  EXPECT_EQ(store->GetSource(context_, "a")->url, "s3://elsewhere/a");
  EXPECT_EQ(store->GetSource(context_, "a")->storage_options, source.storage_options);
  EXPECT_EQ(store->GetSource(context_, "a")->created_at, AnySource("a").created_at);
  EXPECT_EQ(store->GetTarget(context_, "shop")->url, "postgresql://two/db");
  EXPECT_EQ(store->GetTarget(context_, "shop")->password_reference, "${env:X}");
  EXPECT_EQ(store->ChangeSource(context_, AnySource("b")).error_class(),
            ErrorClass::kSourceNotFound);
}

TEST_F(SqliteStoreTest, RefusesOptionsThatAreNotText) {
  Source source = AnySource("a");
  source.storage_options["region"] = "\xff";
  EXPECT_EQ(Open(path_)->AddSource(context_, source).error_class(), ErrorClass::kInvalidArgument);
}

TEST_F(SqliteStoreTest, NamesTheNearest) {
  auto store = Open(path_);
  ASSERT_TRUE(store->AddSource(context_, AnySource("lake.sales.products")).ok());
  const auto missing = store->GetSource(context_, "lake.sales.prodcuts");
  EXPECT_EQ(missing.status().error_class(), ErrorClass::kSourceNotFound);
  EXPECT_EQ(missing.status().detail("nearest"), "lake.sales.products");
  EXPECT_THAT(std::string(missing.status().mend()),
              HasSubstr("spillway source add lake.sales.prod"));
  EXPECT_EQ(store->GetTarget(context_, "locl").status().detail("nearest"), "local");
  EXPECT_EQ(store->GetSyncedTable(context_, "x").status().error_class(),
            ErrorClass::kSyncedTableNotFound);
}

TEST_F(SqliteStoreTest, KeepsOneDefinitionPerTargetTable) {
  auto store = Open(path_);
  ASSERT_TRUE(store->AddSyncedTable(context_, AnyTable("id-1", "products")).ok());
  EXPECT_EQ(store->AddSyncedTable(context_, AnyTable("id-2", "products")).error_class(),
            ErrorClass::kAlreadyExists);
  EXPECT_EQ(store->AddSyncedTable(context_, AnyTable("id-1", "orders")).error_class(),
            ErrorClass::kAlreadyExists);
  EXPECT_TRUE(store->AddSyncedTable(context_, AnyTable("id-2", "a.b")).ok());
  EXPECT_EQ(store->GetSyncedTable(context_, "shop.public.\"a.b\"")->id, "id-2");
}

TEST_F(SqliteStoreTest, ChangesAndRemovesSyncedTables) {
  auto store = Open(path_);
  SyncedTable table = AnyTable("id-1", "products");
  ASSERT_TRUE(store->AddSyncedTable(context_, table).ok());
  table.definition = "{}";
  table.changed_at = At(500);
  ASSERT_TRUE(store->ChangeSyncedTable(context_, table).ok());
  const auto found = store->GetSyncedTable(context_, "shop.public.products");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->definition, "{}");
  EXPECT_EQ(found->changed_at, At(500));
  EXPECT_EQ(found->created_at, At(100));
  EXPECT_TRUE(store->RemoveSyncedTable(context_, "id-1").ok());
  EXPECT_EQ(store->RemoveSyncedTable(context_, "id-1").error_class(),
            ErrorClass::kSyncedTableNotFound);
  EXPECT_EQ(store->ChangeSyncedTable(context_, table).error_class(),
            ErrorClass::kSyncedTableNotFound);
}

TEST_F(SqliteStoreTest, PausesAndResumes) {
  auto store = Open(path_);
  const SyncedTable table = AnyTable("id-1", "products");
  ASSERT_TRUE(store->AddSyncedTable(context_, table).ok());
  ASSERT_TRUE(store->SetPaused(context_, "id-1", At(7)).ok());
  ASSERT_TRUE(store->SetPaused(context_, "id-1", At(9)).ok());
  EXPECT_EQ(store->GetSyncedTable(context_, table.name())->paused_at, At(7));
  EXPECT_EQ(store->ListSyncedTables(context_)->front().paused_at, At(7));
  ASSERT_TRUE(store->SetPaused(context_, "id-1", std::nullopt).ok());
  EXPECT_EQ(store->GetSyncedTable(context_, table.name())->paused_at, std::nullopt);
  EXPECT_EQ(store->SetPaused(context_, "id-2", At(1)).error_class(),
            ErrorClass::kSyncedTableNotFound);
}

TEST_F(SqliteStoreTest, ForgetsThePauseOfARemovedTable) {
  auto store = Open(path_);
  const SyncedTable table = AnyTable("id-1", "products");
  ASSERT_TRUE(store->AddSyncedTable(context_, table).ok());
  ASSERT_TRUE(store->SetPaused(context_, "id-1", At(7)).ok());
  ASSERT_TRUE(store->RemoveSyncedTable(context_, "id-1").ok());
  ASSERT_TRUE(store->AddSyncedTable(context_, table).ok());
  EXPECT_EQ(store->GetSyncedTable(context_, table.name())->paused_at, std::nullopt);
}

TEST_F(SqliteStoreTest, BringsLayoutOneUpToDate) {
  ASSERT_TRUE(MakeStateFile(context_, path_, Migrations().first(1)).ok());
  auto store = Open(path_);
  ASSERT_TRUE(store->AddSyncedTable(context_, AnyTable("id-1", "products")).ok());
  EXPECT_TRUE(store->SetPaused(context_, "id-1", At(7)).ok());
}

TEST_F(SqliteStoreTest, RefusesToRemoveWhatIsUsed) {
  Populate(path_);
  auto store = Open(path_);
  const auto source = store->RemoveSource(context_, "lake.sales.products");
  EXPECT_EQ(source.error_class(), ErrorClass::kDependentObjectsStillExist);
  EXPECT_EQ(source.detail("synced_tables"), "shop.public.orders, shop.public.products");
  EXPECT_EQ(store->RemoveTarget(context_, "shop").error_class(),
            ErrorClass::kDependentObjectsStillExist);
  EXPECT_TRUE(store->RemoveSyncedTable(context_, "id-1").ok());
  EXPECT_TRUE(store->RemoveSyncedTable(context_, "id-2").ok());
  EXPECT_TRUE(store->RemoveTarget(context_, "shop").ok());
  EXPECT_TRUE(store->RemoveSource(context_, "lake.sales.products").ok());
}

TEST_F(SqliteStoreTest, RoundTripsRuns) {
  auto store = Open(path_);
  state::Run run = AnyRun("run-1", "id-1", 1000);
  ASSERT_TRUE(store->BeginRun(context_, run).ok());
  EXPECT_EQ(store->ListRuns(context_, "id-1", 1)->front(), run);
  run.state = RunState::kSucceeded;
  run.ended_at = At(3000);
  run.source_version = 0;
  run.rows_read = 1;
  run.rows_inserted.reset();
  run.rows_updated = 3;
  run.rows_deleted = 4;
  run.rows_unchanged = 5;
  run.rows_rejected = 6;
  run.bytes_read = 7;
  run.bytes_written = INT64_MAX;
  run.phases = {{"observe", std::chrono::microseconds(10)},
                {"load", std::chrono::microseconds(20)}};
  run.bottleneck = "target";
  ASSERT_TRUE(store->EndRun(context_, run).ok());
  EXPECT_EQ(store->ListRuns(context_, "id-1", 1)->front(), run);
  EXPECT_THAT(*store->ListRuns(context_, "other", 10), IsEmpty());
  EXPECT_THAT(*store->ListRuns(context_, "", 10), ElementsAre(run));
}

TEST_F(SqliteStoreTest, FindsRunsWhoseProcessDied) {
  auto store = Open(path_);
  ASSERT_TRUE(store->BeginRun(context_, AnyRun("run-1", "id-1", 1000)).ok());
  ASSERT_TRUE(store->BeginRun(context_, AnyRun("run-2", "id-2", 1001)).ok());
  ASSERT_TRUE(store->BeginRun(context_, AnyRun("run-3", "id-1", 1002)).ok());
  const auto runs = store->ListRuns(context_, "", 10);
  ASSERT_TRUE(runs.ok());
  ASSERT_EQ(runs->size(), 3u);
  EXPECT_EQ((*runs)[0].state, RunState::kRunning);
  EXPECT_EQ((*runs)[1].state, RunState::kRunning);
  EXPECT_EQ((*runs)[2].state, RunState::kInterrupted);
}

TEST_F(SqliteStoreTest, ForgetsOldRuns) {
  auto store = Open(path_);
  for (int i = 0; i < 510; ++i) {
    state::Run run = AnyRun("run-" + std::to_string(i), "id-1", i);
    run.state = RunState::kNothingToDo;
    ASSERT_TRUE(store->EndRun(context_, run).ok());
  }
  ASSERT_TRUE(store->BeginRun(context_, AnyRun("last", "id-1", 1000)).ok());
  const auto runs = store->ListRuns(context_, "id-1", 1000);
  EXPECT_EQ(runs->size(), 501u);
  EXPECT_EQ(runs->front().id, "last");
}

TEST_F(SqliteStoreTest, KeepsTheLastRunThatPublishedHoweverManyFailed) {
  auto store = Open(path_);
  EXPECT_EQ(*store->LastPublished(context_, "id-1"), std::nullopt);
  for (int i = 0; i < 510; ++i) {
    state::Run run = AnyRun("run-" + std::to_string(i), "id-1", i);
    run.state = i == 1 ? RunState::kSucceeded : RunState::kFailed;
    if (i == 0) run.state = RunState::kNothingToDo;
    ASSERT_TRUE(store->EndRun(context_, run).ok());
  }
  ASSERT_TRUE(store->BeginRun(context_, AnyRun("last", "id-1", 1000)).ok());
  EXPECT_EQ(store->ListRuns(context_, "id-1", 1000)->size(), 502u);
  EXPECT_EQ((*store->LastPublished(context_, "id-1"))->id, "run-1");
  EXPECT_EQ(*store->LastPublished(context_, "id-2"), std::nullopt);
}

TEST_F(SqliteStoreTest, FindsRunsByTheBeginningOfTheirId) {
  auto store = Open(path_);
  std::int64_t at = 0;
  for (const char* id : {"ab1", "ab2", "a_3", "b"}) {
    ASSERT_TRUE(store->EndRun(context_, AnyRun(id, "id-1", at++)).ok());
  }
  EXPECT_EQ(store->FindRuns(context_, "ab", 10)->size(), 2u);
  EXPECT_EQ(store->FindRuns(context_, "ab", 1)->front().id, "ab2");
  EXPECT_EQ(store->FindRuns(context_, "a_", 10)->size(), 1u);
  EXPECT_THAT(*store->FindRuns(context_, "ab12", 10), IsEmpty());
}

TEST_F(SqliteStoreTest, BoundsTheRunsOfRemovedTables) {
  auto store = Open(path_);
  ASSERT_TRUE(store->AddSyncedTable(context_, AnyTable("id-1", "products")).ok());
  ASSERT_TRUE(store->AddSyncedTable(context_, AnyTable("id-2", "orders")).ok());
  ASSERT_TRUE(store->EndRun(context_, AnyRun("kept", "id-2", 0)).ok());
  for (int i = 0; i < 510; ++i) {
    ASSERT_TRUE(store->EndRun(context_, AnyRun("run-" + std::to_string(i), "id-1", i)).ok());
  }
  ASSERT_TRUE(store->RemoveSyncedTable(context_, "id-1").ok());
  EXPECT_EQ(store->ListRuns(context_, "id-1", 1000)->size(), 500u);
  EXPECT_EQ(store->ListRuns(context_, "id-2", 1000)->size(), 1u);
}

TEST_F(SqliteStoreTest, KeepsSettings) {
  auto store = Open(path_);
  EXPECT_EQ(*store->GetSetting(context_, "port"), std::nullopt);
  ASSERT_TRUE(store->SetSetting(context_, "port", "1").ok());
  ASSERT_TRUE(store->SetSetting(context_, "port", "2").ok());
  EXPECT_EQ(*store->GetSetting(context_, "port"), "2");
}

TEST_F(SqliteStoreTest, IsReadableByItsOwnerOnly) {
  Populate(path_);
  struct stat file{};
  ASSERT_EQ(stat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
}

TEST_F(SqliteStoreTest, SurvivesEveryTruncation) {
  Populate(path_);
  const std::string bytes = ReadBytes(path_);
  const auto whole = Everything(path_);
  ASSERT_TRUE(whole.ok()) << whole.status().ToString();
  // Every length near a page's end and one in 61 elsewhere: within a page nothing else can differ.
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const std::size_t in_page = length % 4096;
    if (length > 200 && in_page > 3 && in_page < 4093 && length % 61 != 0) continue;
    RemoveSidecars(path_);
    WriteBytes(path_, std::string_view(bytes).substr(0, length));
    const auto result = Everything(path_);
    if (result.ok()) {
      // The end of an empty table's page holds nothing.
      EXPECT_EQ(*result, *whole) << "truncated to " << length;
      continue;
    }
    EXPECT_EQ(result.status().error_class(), ErrorClass::kStateCorrupt)
        << "truncated to " << length << ": " << result.status().ToString();
  }
}

TEST_F(SqliteStoreTest, SurvivesAFlippedBitInEveryByte) {
  Populate(path_);
  const std::string bytes = ReadBytes(path_);
  const auto whole = Everything(path_);
  ASSERT_TRUE(whole.ok());
  // SPILLWAY_TEST_EVERY_BIT=1 flips all eight.
  const bool every_bit = getenv("SPILLWAY_TEST_EVERY_BIT") != nullptr;
  std::int64_t noticed = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      if (!every_bit && bit != (at * 5 + at / 8) % 8) continue;
      // Most of the file is unused space in pages.
      if (!every_bit && bytes[at] == 0 && at % 16 != 0) continue;
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ (1U << bit));
      RemoveSidecars(path_);
      WriteBytes(path_, damaged);
      const auto result = Everything(path_);
      if (result.ok()) {
        ASSERT_EQ(*result, *whole) << "byte " << at << " bit " << bit;
        continue;
      }
      ++noticed;
      const auto found = result.status().error_class();
      ASSERT_TRUE(found == ErrorClass::kStateCorrupt || found == ErrorClass::kNotYetSupported ||
                  found == ErrorClass::kFileUnusable)
          << "byte " << at << " bit " << bit << ": " << result.status().ToString();
    }
  }
  EXPECT_GT(noticed, 1000);
}

TEST_F(SqliteStoreTest, SurvivesDamageToTheLog) {
  // A copy of a file with its log, as a crash leaves them.
  std::string file;
  std::string log;
  {
    auto store = Open(path_);
    ASSERT_TRUE(store->AddSource(context_, AnySource("lake.sales.products")).ok());
    ASSERT_TRUE(store->BeginRun(context_, AnyRun("run-1", "id-1", 1000)).ok());
    ASSERT_TRUE(store->BeginRun(context_, AnyRun("run-2", "id-2", 2000)).ok());
    file = ReadBytes(path_);
    log = ReadBytes(path_ + "-wal");
  }
  ASSERT_GT(log.size(), 1000u);
  const std::string crashed = folder_.path() + "/crashed.db";
  const auto check = [&](std::string_view damaged_log, std::size_t at) {
    RemoveSidecars(crashed);
    WriteBytes(crashed, file);
    WriteBytes(crashed + "-wal", damaged_log);
    auto store = OpenSqliteStore(context_, crashed);
    ASSERT_TRUE(store.ok()) << at << ": " << store.status().ToString();
    // What the damaged part of the log held is gone as if never written, in the order written.
    const auto first = (*store)->ListRuns(context_, "id-1", 10);
    const auto second = (*store)->ListRuns(context_, "id-2", 10);
    ASSERT_TRUE(first.ok() && second.ok()) << at;
    ASSERT_TRUE(second->empty() || first->size() == 1) << at;
    EXPECT_EQ((*store)->ListSources(context_)->size(), 1u) << at;
  };
  for (std::size_t at = 0; at < log.size(); at += 97) {
    check(std::string_view(log).substr(0, at), at);
    std::string flipped = log;
    flipped[at] = static_cast<char>(flipped[at] ^ 4);
    check(flipped, at);
  }
  check(log, log.size());
  EXPECT_EQ(Open(crashed)->ListRuns(context_, "id-2", 10)->size(), 1u);
}

TEST_F(SqliteStoreTest, RefusesOtherFiles) {
  WriteBytes(path_, "");
  EXPECT_EQ(OpenSqliteStore(context_, path_).status().error_class(), ErrorClass::kStateCorrupt);
  WriteBytes(path_, std::string(100000, 'x'));
  EXPECT_EQ(OpenSqliteStore(context_, path_).status().error_class(), ErrorClass::kStateCorrupt);
  unlink(path_.c_str());
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "CREATE TABLE t (a)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  const auto foreign = OpenSqliteStore(context_, path_);
  EXPECT_EQ(foreign.status().error_class(), ErrorClass::kStateCorrupt);
  EXPECT_THAT(std::string(foreign.status().message()), HasSubstr("not a state file"));
  unlink(path_.c_str());
  ASSERT_EQ(mkdir(path_.c_str(), 0700), 0);
  EXPECT_EQ(OpenSqliteStore(context_, path_).status().error_class(), ErrorClass::kFileUnusable);
  EXPECT_EQ(OpenSqliteStore(context_, "/nonexistent/state.db").status().error_class(),
            ErrorClass::kFileUnusable);
}

TEST_F(SqliteStoreTest, RefusesANewerLayout) {
  Populate(path_);
  sqlite3* file = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &file), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(file, "PRAGMA user_version = 77", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(file);
  const auto opened = OpenSqliteStore(context_, path_);
  EXPECT_EQ(opened.status().error_class(), ErrorClass::kNotYetSupported);
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("layout 77"));
}

TEST_F(SqliteStoreTest, WaitsForAnotherProcessAndSaysSo) {
  Populate(path_);
  auto store = Open(path_);
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_TRUE(store->ListSources(context_).ok());  // readers do not wait
  const auto within = Context().Within(std::chrono::milliseconds(50));
  EXPECT_EQ(store->SetSetting(within, "a", "b").error_class(), ErrorClass::kDeadlineExceeded);
  std::stop_source stop;
  const Context stoppable{base::Deadline(), stop.get_token()};
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_EQ(store->SetSetting(stoppable, "a", "b").error_class(), ErrorClass::kCancelled);
  ASSERT_EQ(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_TRUE(store->SetSetting(context_, "a", "b").ok());
  sqlite3_close(other);
}

TEST_F(SqliteStoreTest, IsSharedByThreads) {
  auto store = Open(path_);
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 25; ++i) {
        const std::string name = "s" + std::to_string(thread) + "." + std::to_string(i);
        EXPECT_TRUE(store->AddSource(context_, AnySource(name)).ok());
        EXPECT_TRUE(store->ListSources(context_).ok());
      }
    });
  }
  threads.clear();
  EXPECT_EQ(store->ListSources(context_)->size(), 100u);
}

// Runs `work` in `count` forked children and returns how many succeeded.
int InProcesses(int count, const std::function<bool(int)>& work) {
  std::vector<pid_t> children;
  for (int i = 0; i < count; ++i) {
    const pid_t child = fork();
    if (child == 0) _exit(work(i) ? 0 : 1);
    children.push_back(child);
  }
  int good = 0;
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) ++good;
  }
  return good;
}

TEST_F(SqliteStoreTest, IsMadeOnceByManyProcesses) {
  EXPECT_EQ(
      InProcesses(8,
                  [&](int i) {
                    auto store = OpenSqliteStore(Context(), path_);
                    if (!store.ok()) return false;
                    return (*store)->AddSource(Context(), AnySource("s" + std::to_string(i))).ok();
                  }),
      8);
  EXPECT_EQ(Open(path_)->ListSources(context_)->size(), 8u);
}

TEST_F(SqliteStoreTest, LosesNothingWhenKilled) {
  // A child acknowledges each committed row through a pipe; what was acknowledged must be there.
  for (int round = 0; round < 10; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      auto store = OpenSqliteStore(Context(), path_);
      for (int i = 0; store.ok(); ++i) {
        const std::string name = "s" + std::to_string(round) + "." + std::to_string(i);
        if (!(*store)->AddSource(Context(), AnySource(name)).ok()) _exit(1);
        if (write(ends[1], &i, sizeof(i)) != sizeof(i)) _exit(1);
      }
      _exit(1);
    }
    close(ends[1]);
    int last = -1;
    for (int i = 0; i < 3 + round; ++i) {
      ASSERT_EQ(read(ends[0], &last, sizeof(last)), static_cast<ssize_t>(sizeof(last)));
    }
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    while (read(ends[0], &last, sizeof(last)) == static_cast<ssize_t>(sizeof(last))) {
    }
    close(ends[0]);
    auto store = Open(path_);
    ASSERT_NE(store, nullptr);
    for (int i = 0; i <= last; ++i) {
      const std::string name = "s" + std::to_string(round) + "." + std::to_string(i);
      EXPECT_TRUE(store->GetSource(context_, name).ok()) << name;
    }
  }
}

TEST_F(SqliteStoreTest, CompletesACreationThatWasKilled) {
  // What a death in the middle of the creation can leave.
  WriteBytes(path_ + ".new", "half");
  WriteBytes(path_ + ".new-wal", "half");
  Populate(path_);
  EXPECT_TRUE(Everything(path_).ok());
  for (const char* suffix : {"", "-wal", "-shm"}) {
    EXPECT_NE(access((path_ + ".new" + suffix).c_str(), F_OK), 0) << suffix;
  }
}

// Runs `work` in a child that has become the user nobody, when we are root.
bool AsNobody(const std::function<bool()>& work) {
  return InProcesses(1, [&](int) {
           if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return false;
           return work();
         }) == 1;
}

TEST_F(SqliteStoreTest, ReadsAFolderThatCannotBeWritten) {
  Populate(path_);
  RemoveSidecars(path_);
  const std::string folder = folder_.path();
  ASSERT_EQ(chmod(path_.c_str(), 0444), 0);
  ASSERT_EQ(chmod(folder.c_str(), 0555), 0);
  EXPECT_TRUE(AsNobody([&] {
    auto store = OpenSqliteStore(Context(), path_);
    if (!store.ok() || (*store)->ListSources(Context())->size() != 2) return false;
    const auto write = (*store)->SetSetting(Context(), "a", "b");
    return !write.ok() && write.error_class() == ErrorClass::kFileUnusable;
  }));
  EXPECT_TRUE(AsNobody([&] {
    const auto made = OpenSqliteStore(Context(), folder + "/other.db");
    return !made.ok() && made.status().error_class() == ErrorClass::kFileUnusable;
  }));
  ASSERT_EQ(chmod(path_.c_str(), 0000), 0);
  EXPECT_TRUE(AsNobody([&] {
    const auto hidden = OpenSqliteStore(Context(), path_);
    return !hidden.ok() && hidden.status().error_class() == ErrorClass::kFileUnusable;
  }));
  ASSERT_EQ(chmod(folder.c_str(), 0755), 0);
}

TEST_F(SqliteStoreTest, WhatIsCancelledWasNotWritten) {
  const std::string path = folder_.path() + "/stopped.db";
  auto store = Open(path);
  ASSERT_NE(store, nullptr);
  sqlite3* watcher = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &watcher), SQLITE_OK);
  for (int i = 0; i < 300; ++i) {
    // Stops the writer as soon as its commit is seen.
    std::stop_source stop;
    sqlite3_stmt* version = nullptr;
    ASSERT_EQ(sqlite3_prepare_v2(watcher, "PRAGMA data_version", -1, &version, nullptr), SQLITE_OK);
    const auto look = [&] {
      sqlite3_step(version);
      const int seen = sqlite3_column_int(version, 0);
      sqlite3_reset(version);
      return seen;
    };
    const int before = look();
    std::atomic<bool> over = false;
    std::thread watch([&] {
      while (look() == before && !over) {
      }
      stop.request_stop();
    });
    const std::string key = "key" + std::to_string(i);
    const base::Status status = store->SetSetting({{}, stop.get_token()}, key, "1");
    over = true;
    watch.join();
    sqlite3_finalize(version);
    ASSERT_EQ(status.ok(), store->GetSetting(context_, key)->has_value()) << status.ToString();
  }
  sqlite3_close(watcher);
}

// A small file system of its own, for as long as the object lives.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    mounted_ =
        mkdir(path.c_str(), 0700) == 0 && mount("none", path.c_str(), "tmpfs", 0, "size=512k") == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool mounted() const { return mounted_; }
  bool MakeReadOnly() const {
    return mount("none", path_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=512k") == 0;
  }

 private:
  std::string path_;
  bool mounted_ = false;
};

TEST_F(SqliteStoreTest, SaysThatTheDiskIsFull) {
  const std::string disk_path = folder_.path() + "/disk";
  const SmallDisk disk(disk_path);
  if (!disk.mounted()) GTEST_SKIP() << "mounting a tmpfs needs root";
  const std::string path = disk_path + "/state.db";
  base::Status status;
  {
    auto store = Open(path);
    ASSERT_NE(store, nullptr);
    int added = 0;
    for (; added < 10000 && status.ok(); ++added) {
      status = store->SetSetting(context_, "key" + std::to_string(added), std::string(1000, 'x'));
    }
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error_class(), ErrorClass::kStoreNoSpace) << status.ToString();
    EXPECT_TRUE(store->GetSetting(context_, "key0")->has_value());
    // All that was acknowledged is there, the refused one is not.
    EXPECT_TRUE(store->GetSetting(context_, "key" + std::to_string(added - 2))->has_value());
    EXPECT_FALSE(store->GetSetting(context_, "key" + std::to_string(added - 1))->has_value());
  }
  // Whatever room there is, opening and making end with an error of a class, never a crash.
  const auto reopened = OpenSqliteStore(context_, path);
  if (!reopened.ok()) {
    EXPECT_EQ(reopened.status().error_class(), ErrorClass::kStoreNoSpace);
  }
  const auto second = OpenSqliteStore(context_, disk_path + "/second.db");
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().error_class(), ErrorClass::kStoreNoSpace) << second.status().ToString();
}

TEST_F(SqliteStoreTest, ReadsAReadOnlyFileSystem) {
  const std::string disk_path = folder_.path() + "/disk";
  const SmallDisk disk(disk_path);
  if (!disk.mounted()) GTEST_SKIP() << "mounting a tmpfs needs root";
  const std::string path = disk_path + "/state.db";
  {
    ASSERT_TRUE(Open(path)->SetSetting(context_, "port", "1").ok());
  }
  ASSERT_TRUE(disk.MakeReadOnly());
  auto store = Open(path);
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(*store->GetSetting(context_, "port"), "1");
  EXPECT_EQ(store->SetSetting(context_, "port", "2").error_class(), ErrorClass::kFileUnusable);
}

}  // namespace
}  // namespace spillway::state
