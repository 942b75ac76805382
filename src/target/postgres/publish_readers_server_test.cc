#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <thread>

#include "base/mutex.h"
#include "target/postgres/catalog_picture_test.h"
#include "target/postgres/load_fixture_test.h"

// Publishes under readers of every kind. SPILLWAY_PUBLISHES says how many (CI runs few),
// SPILLWAY_SWAP_ROWS of how many rows the table is whose locked time is measured.
namespace spillway::target::postgres {
namespace {

using testing::PlainSession;

constexpr std::int64_t kRows = 20;
constexpr std::chrono::milliseconds kRest{5};
constexpr std::chrono::milliseconds kBetweenDumps{200};

std::int64_t FromEnvironment(const char* name, std::int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

// What a reader found that must not be, by kind of reader.
class Findings {
 public:
  void Add(const std::string& reader, const std::string& text) {
    base::MutexLock lock(mutex_);
    found_[reader + ": " + text] += 1;
  }
  void CountRead(const std::string& reader) {
    base::MutexLock lock(mutex_);
    reads_[reader] += 1;
  }
  std::map<std::string, int> found() {
    base::MutexLock lock(mutex_);
    return found_;
  }
  std::map<std::string, int> reads() {
    base::MutexLock lock(mutex_);
    return reads_;
  }

 private:
  base::Mutex mutex_;
  std::map<std::string, int> found_ GUARDED_BY(mutex_);
  std::map<std::string, int> reads_ GUARDED_BY(mutex_);
};

// How long the slowest of one reader's small queries takes: what a swap's locks cost an
// application.
class Probe {
 public:
  explicit Probe(const std::string& conninfo)
      : reader_([this, conninfo](const std::stop_token& stop) {
          PlainSession session(conninfo);
          while (!stop.stop_requested()) {
            const auto begin = std::chrono::steady_clock::now();
            session.Query("SELECT id FROM products LIMIT 1");
            const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
                std::chrono::steady_clock::now() - begin);
            base::MutexLock lock(mutex_);
            slowest_us_ = std::max(slowest_us_, std::int64_t{took.count()});
            ++queries_;
          }
        }) {}

  void Reset() {
    base::MutexLock lock(mutex_);
    slowest_us_ = 0;
  }
  /// Since Reset, the query that runs at the call included.
  std::int64_t SlowestUs() {
    const auto answered = [this] {
      base::MutexLock lock(mutex_);
      return queries_;
    };
    const std::int64_t before = answered();
    while (answered() < before + 2) std::this_thread::sleep_for(std::chrono::microseconds(100));
    base::MutexLock lock(mutex_);
    return slowest_us_;
  }

 private:
  base::Mutex mutex_;
  std::int64_t slowest_us_ GUARDED_BY(mutex_) = 0;
  std::int64_t queries_ GUARDED_BY(mutex_) = 0;
  std::jthread reader_;
};

class PublishReadersTest : public LoadTest {
 protected:
  static Cells Version(std::int64_t version) {
    char name[32];
    std::snprintf(name, sizeof name, "v%06lld", static_cast<long long>(version));
    Cells cells;
    for (std::int64_t i = 1; i <= kRows; ++i) cells.emplace_back(i, name);
    return cells;
  }

  // A reader that repeats `step` in a session of its own until the test stops it. Step returns what
  // it saw: rows of one version look like "20|v000007".
  void Read(const std::string& kind, const std::string& setup,
            std::function<std::vector<std::string>(PlainSession&)> step) {
    readers_.emplace_back([this, kind, setup, step = std::move(step)](const std::stop_token& stop) {
      PlainSession session(conninfo_);
      const std::string error = setup.empty() ? std::string() : session.Execute(setup);
      if (!error.empty()) findings_.Add(kind, error);
      std::string newest;
      while (!stop.stop_requested()) {
        const auto seen = step(session);
        // Readers that never rest would only measure the processors.
        std::this_thread::sleep_for(kRest);
        findings_.CountRead(kind);
        for (const std::string& text : seen) {
          if (text.size() != 10 || !text.starts_with("20|v")) {
            findings_.Add(kind, text);
          } else if (text != seen.front()) {
            findings_.Add(kind, "two versions at once: " + seen.front() + ", " + text);
          } else if (text < newest) {
            findings_.Add(kind, "older than before: " + text + " after " + newest);
          }
        }
        if (seen.empty()) findings_.Add(kind, "nothing");
        if (!seen.empty() && seen.front().starts_with("20|v")) newest = seen.front();
      }
    });
  }

  void StartReaders() {
    const std::string all = "SELECT count(*), min(name) FROM products HAVING min(name) = max(name)";
    const std::string view = "SELECT count(*), min(name) FROM v HAVING min(name) = max(name)";
    Read("read committed", "", [=](PlainSession& s) { return s.Query(all); });
    Read("prepared statement", "PREPARE q AS " + view,
         [](PlainSession& s) { return s.Query("EXECUTE q"); });
    Read("repeatable read", "", [=](PlainSession& s) {
      s.Execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class");
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      auto seen = s.Query(view);
      for (const std::string& again : s.Query(all)) seen.push_back(again);
      if (const auto error = s.Execute("COMMIT"); !error.empty()) seen.push_back(error);
      return seen;
    });
    Read("table, then view", "", [=](PlainSession& s) {
      s.Execute("BEGIN");
      auto seen = s.Query(all);
      for (const std::string& again : s.Query(view)) seen.push_back(again);
      if (const auto error = s.Execute("COMMIT"); !error.empty()) seen.push_back(error);
      return seen;
    });
    Read("stable function", "", [](PlainSession& s) {
      return s.Query(
          "SELECT DISTINCT seen() FROM (SELECT pg_sleep(0.004) FROM"
          " generate_series(1, 5) OFFSET 0) AS slow");
    });
    Read("cursor", "", [](PlainSession& s) {
      s.Execute("BEGIN; DECLARE c CURSOR FOR SELECT name FROM v ORDER BY id");
      std::map<std::string, int> names;
      for (int i = 0; i < 5; ++i) {
        for (const std::string& name : s.Query("FETCH 5 FROM c")) names[name] += 1;
      }
      std::vector<std::string> seen;
      for (const auto& [name, count] : names) seen.push_back(std::to_string(count) + "|" + name);
      if (const auto error = s.Execute("COMMIT"); !error.empty()) seen.push_back(error);
      return seen;
    });
    Read("policy and column grant", "SET ROLE column_reader",
         [=](PlainSession& s) { return s.Query(all); });
  }

  // Whole dumps. A relation that is replaced between pg_dump's look at the catalogs and its lock
  // makes it fail; it must never write what was not.
  void StartDumps() {
    auto programs = testing::TestServer::Programs(GetParam());
    ASSERT_TRUE(programs.ok());
    const std::string command =
        *programs + "/pg_dump --data-only --inserts -t products '" + conninfo_ + "' 2>&1";
    readers_.emplace_back([this, command](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        std::this_thread::sleep_for(kBetweenDumps);
        FILE* pipe = popen(command.c_str(), "r");
        std::map<std::string, int> names;
        std::string error;
        std::array<char, 4096> line{};
        while (fgets(line.data(), line.size(), pipe) != nullptr) {
          const std::string text(line.data());
          if (const auto at = text.find("'v"); text.starts_with("INSERT")) {
            names[text.substr(at + 1, 7)] += 1;
          } else if (text.find("error") != std::string::npos) {
            error = text;
          }
        }
        const int code = pclose(pipe);
        findings_.CountRead(code == 0 ? "pg_dump" : "pg_dump that stopped");
        if (code != 0 && error.find("deadlock") == std::string::npos) continue;
        if (code != 0 || names.size() != 1 || names.begin()->second != kRows) {
          findings_.Add("pg_dump", error + std::to_string(names.size()) + " versions");
        }
      }
    });
  }

  Published MustPublish(const Publish& publish) {
    auto published = target_->PublishStages(Soon(), {publish});
    EXPECT_TRUE(published.ok()) << published.status().ToString();
    return published.ok() ? *std::move(published) : Published();
  }

  // Prints what a person wants to know of the run.
  static void Print(const std::string& title, std::vector<std::int64_t> locked_us, int applied) {
    std::ranges::sort(locked_us);
    if (locked_us.empty()) return;
    const auto at = [&](std::size_t percent) {
      return static_cast<double>(locked_us[(locked_us.size() - 1) * percent / 100]) / 1000;
    };
    std::printf("%s: %zu swaps locked for p50 %.1f ms, p99 %.1f ms, max %.1f ms; %d applied\n",
                title.c_str(), locked_us.size(), at(50), at(99), at(100), applied);
  }

  Findings findings_;
  std::vector<std::jthread> readers_;
};

TEST_P(PublishReadersTest, NobodyIsSurprised) {
  const std::int64_t publishes = FromEnvironment("SPILLWAY_PUBLISHES", 5);
  MustLoad(1, Version(1));
  plain_->Execute("CREATE ROLE column_reader");
  ASSERT_EQ(plain_->Execute(
                "CREATE VIEW v AS SELECT * FROM products; CREATE VIEW w AS SELECT * FROM v;"
                "CREATE STATISTICS st ON id, name FROM products;"
                "CREATE INDEX by_name ON products (name);"
                "CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
                "CREATE TRIGGER t AFTER UPDATE ON products FOR EACH ROW EXECUTE FUNCTION tf();"
                "GRANT SELECT (id, name) ON products TO column_reader;"
                "GRANT USAGE ON SCHEMA public TO column_reader;"
                "ALTER TABLE products ENABLE ROW LEVEL SECURITY;"
                "CREATE POLICY p ON products TO column_reader USING (id > 0);"
                "CREATE FUNCTION seen() RETURNS text LANGUAGE plpgsql STABLE AS $$BEGIN RETURN"
                " (SELECT count(*) || '|' || min(name) FROM public.products); END$$"),
            "");
  const auto before = plain_->Query(testing::kCatalogPicture);
  StartReaders();
  StartDumps();
  std::vector<std::int64_t> locked;
  int applied = 0;
  for (std::int64_t version = 2; version <= publishes + 1 && !HasFailure(); ++version) {
    auto publish = Prepare(*target_, version, Version(version));
    ASSERT_TRUE(publish.ok()) << publish.status().ToString();
    publish->lock_timeout = std::chrono::milliseconds(50000);
    publish->max_delete_percent = 50;
    const Published published = MustPublish(*publish);
    if (HasFailure()) break;
    if (published.tables[0].way == PublishWay::kSwap) {
      locked.push_back(published.locked_for.count());
    } else {
      ++applied;
    }
  }
  for (std::jthread& reader : readers_) reader.request_stop();
  readers_.clear();
  for (const auto& [text, count] : findings_.found()) ADD_FAILURE() << count << " × " << text;
  EXPECT_EQ(plain_->Query(testing::kCatalogPicture), before);
  EXPECT_EQ(plain_->Value("SELECT deadlocks FROM pg_stat_database WHERE datname ="
                          " current_database()"),
            "0");
  Print("publishes under readers", locked, applied);
  for (const auto& [kind, count] : findings_.reads()) {
    std::printf("  %s: %d\n", kind.c_str(), count);
    EXPECT_GT(count, 0) << kind;
  }
  plain_->Execute("DROP OWNED BY column_reader; DROP ROLE column_reader");
}

// A reader of a view locks it and then its table: a swap that held the table while it waited for
// the view would lock itself and the reader out.
TEST_P(PublishReadersTest, AViewIsLockedBeforeItsTable) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("CREATE VIEW v AS SELECT * FROM products"), "");
  auto publish = Prepare(*target_, 2, {{2, "b"}});
  ASSERT_TRUE(publish.ok()) << publish.status().ToString();
  publish->lock_timeout = std::chrono::milliseconds(1500);
  PlainSession holder(conninfo_);
  ASSERT_EQ(holder.Execute("BEGIN; COMMENT ON VIEW v IS 'held'"), "");
  std::atomic<bool> over = false;
  std::jthread publisher([&] {
    EXPECT_CLASS(PublishOne(*target_, Soon(), *publish).status(), kLockTimeout);
    over = true;
  });
  std::int64_t waits = 0;
  std::int64_t table_held = 0;
  while (!over) {
    const std::string now = plain_->Value(
        "SELECT count(*) FILTER (WHERE NOT granted AND relation = 'v'::regclass) || ' ' ||"
        " count(*) FILTER (WHERE granted AND relation = 'products'::regclass"
        " AND mode = 'AccessExclusiveLock') FROM pg_locks");
    if (now.starts_with("1")) ++waits;
    if (!now.ends_with(" 0")) ++table_held;
  }
  EXPECT_GT(waits, 0);
  EXPECT_EQ(table_held, 0) << "of " << waits << " looks";
  EXPECT_EQ(holder.Execute("ROLLBACK"), "");
  auto swapped = PublishOne(*target_, Soon(), *publish);
  ASSERT_TRUE(swapped.ok()) << swapped.status().ToString();
  EXPECT_EQ(LoadTest::Read(), (std::vector<std::string>{"2|b"}));
}

TEST_P(PublishReadersTest, AnOldSnapshotOfAnotherRoleIsSeenByAnOrdinaryOne) {
  const std::string app = As("snapshot_app");
  const std::string reader = As("snapshot_reader");
  ASSERT_EQ(plain_->Execute("GRANT CREATE ON DATABASE " + database_ +
                            " TO snapshot_app;"
                            "GRANT CREATE, USAGE ON SCHEMA public TO snapshot_app"),
            "");
  target_ = OpenTarget(app);
  MustLoad(1, {{1, "a"}, {2, "b"}});
  ASSERT_EQ(plain_->Execute("GRANT SELECT ON products TO snapshot_reader"), "");
  PlainSession session(reader);
  ASSERT_EQ(session.Execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"), "");
  auto publish = Prepare(*target_, 2, {{1, "a"}, {3, "c"}, {4, "d"}});
  ASSERT_TRUE(publish.ok()) << publish.status().ToString();
  publish->lock_timeout = std::chrono::milliseconds(200);
  const Published published = MustPublish(*publish);
  EXPECT_EQ(published.tables[0].way, PublishWay::kApply);
  EXPECT_EQ(session.Value("SELECT count(*) FROM products"), "2");
  target_.reset();
  session.Execute("COMMIT");
  plain_->Execute(
      "DROP OWNED BY snapshot_app, snapshot_reader CASCADE;"
      "DROP ROLE snapshot_app, snapshot_reader");
}

TEST_P(PublishReadersTest, TheSwapIsShortWhateverTheSize) {
  const std::int64_t rows = FromEnvironment("SPILLWAY_SWAP_ROWS", 20000);
  const std::int64_t publishes = FromEnvironment("SPILLWAY_PUBLISHES", 5);
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("CREATE VIEW v AS SELECT * FROM products"), "");
  std::vector<std::int64_t> locked;
  std::vector<std::int64_t> waited;
  Probe probe(conninfo_);
  for (std::int64_t version = 2; version <= publishes + 1; ++version) {
    auto stage = Begin(*target_, "run-" + std::to_string(version));
    ASSERT_TRUE(stage.ok()) << stage.status().ToString();
    const std::string table = "spillway." + stage->table.table;
    ASSERT_EQ(
        plain_->Execute("INSERT INTO " + table +
                        " SELECT i, 'name ' || i FROM"
                        " generate_series(1, " +
                        std::to_string(rows) +
                        ") i;"
                        "INSERT INTO spillway.stage_task VALUES ('" +
                        stage->table.table + "', '0', 'run', " + std::to_string(rows) + ", 0)"),
        "");
    ASSERT_TRUE(target_->BuildIndexes(Soon(), *stage, index_).ok());
    probe.Reset();
    const Published published = MustPublish(PublishOf(*stage, version, rows));
    waited.push_back(probe.SlowestUs());
    if (HasFailure()) return;
    EXPECT_EQ(published.tables[0].way, PublishWay::kSwap);
    locked.push_back(published.locked_for.count());
  }
  Print(std::to_string(rows) + " rows, from the first lock to COMMIT's answer", locked, 0);
  Print(std::to_string(rows) + " rows, the slowest read", waited, 0);
  std::ranges::sort(waited);
  EXPECT_LT(waited[(waited.size() - 1) / 2], 1000000);
}

TEST_P(PublishReadersTest, ASubscriberEqualsTheTargetAfterEverySync) {
  auto started = testing::TestServer::Start(GetParam(), {{"wal_level", "logical"}});
  ASSERT_TRUE(started.ok()) << started.status().ToString();
  testing::TestServer& server = **started;
  auto made = server.CreateDatabase("publisher");
  ASSERT_TRUE(made.ok());
  conninfo_ = *made;
  plain_ = std::make_unique<PlainSession>(conninfo_);
  target_ = OpenTarget(conninfo_);
  auto subscriber_conninfo = server.CreateDatabase("subscriber");
  ASSERT_TRUE(subscriber_conninfo.ok());
  PlainSession subscriber(*subscriber_conninfo);
  MustLoad(1, {{1, "a"}, {2, "b"}});
  ASSERT_EQ(plain_->Execute("CREATE PUBLICATION pub FOR TABLE products"), "");
  // In one cluster the subscriber cannot make the slot itself: it would wait for its own
  // transaction.
  ASSERT_EQ(plain_->Execute("SELECT pg_create_logical_replication_slot('sub', 'pgoutput')"), "");
  ASSERT_EQ(subscriber.Execute("CREATE TABLE products (id bigint PRIMARY KEY, name text)"), "");
  ASSERT_EQ(
      subscriber.Execute("CREATE SUBSCRIPTION sub CONNECTION '" + server.conninfo("publisher") +
                         "' PUBLICATION pub WITH (create_slot = false, slot_name = 'sub')"),
      "");
  const std::string rows = "SELECT string_agg(id || name, ',' ORDER BY id) FROM products";
  for (std::int64_t version = 2; version <= 12; ++version) {
    MustLoad(version, {{1, "a"}, {2, "b" + std::to_string(version)}, {version + 7, "new"}});
    const std::string wanted = plain_->Value(rows);
    std::string found;
    for (int i = 0; i < 3000 && found != wanted; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      found = subscriber.Value(rows);
    }
    EXPECT_EQ(found, wanted) << "version " << version;
  }
  plain_->Execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots");
  subscriber.Execute(
      "ALTER SUBSCRIPTION sub DISABLE; ALTER SUBSCRIPTION sub SET (slot_name = NONE);"
      "DROP SUBSCRIPTION sub");
  target_.reset();
}

SPILLWAY_ON_EACH_SERVER(PublishReadersTest);

}  // namespace
}  // namespace spillway::target::postgres
