#include <thread>

#include "target/postgres/load_fixture_test.h"
#include "target/postgres/old_readers.h"

namespace spillway::target::postgres {
namespace {

using std::chrono::milliseconds;
using testing::PlainSession;

class OldReadersTest : public ServerTest {};

TEST_P(OldReadersTest, NobodyIsWaitedForInAQuietDatabase) {
  auto connection = Connect(conninfo_);
  PlainSession idle(conninfo_);
  PlainSession between(conninfo_);
  ASSERT_EQ(between.Execute("BEGIN; SELECT 1"), "");  // read committed: its next snapshot is new
  EXPECT_TRUE(WaitForOldReaders(Soon(), *connection, milliseconds(0)).ok());
}

TEST_P(OldReadersTest, ARepeatableReaderIsWaitedForAndNamed) {
  auto connection = Connect(conninfo_);
  PlainSession reader(conninfo_);
  ASSERT_EQ(reader.Execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"), "");
  plain_->Execute("CREATE TABLE public.later (a int)");  // moves the horizon on
  const base::Status waited = WaitForOldReaders(Soon(), *connection, milliseconds(100));
  EXPECT_CLASS(waited, kLockTimeout);
  EXPECT_NE(waited.detail("blockers").find("pid " + std::to_string(reader.pid())),
            std::string::npos)
      << waited.ToString();
  auto waiting = Connect(conninfo_);
  std::jthread ender([&] {
    Await(ActivityOf(waiting->facts().backend_pid, "query LIKE '%backend_xmin%'"), "t");
    reader.Execute("COMMIT");
  });
  EXPECT_TRUE(WaitForOldReaders(Soon(), *waiting, milliseconds(10000)).ok());
}

TEST_P(OldReadersTest, AReaderOfAnotherRoleIsWaitedForByAnOrdinaryOne) {
  auto connection = Connect(As("waiting_role"));
  PlainSession reader(As("reading_role"));
  ASSERT_EQ(reader.Execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"), "");
  plain_->Execute("CREATE TABLE public.later (a int)");
  const base::Status waited = WaitForOldReaders(Soon(), *connection, milliseconds(100));
  EXPECT_CLASS(waited, kLockTimeout);
  EXPECT_NE(
      waited.detail("blockers").find("pid " + std::to_string(reader.pid()) + " (reading_role"),
      std::string::npos)
      << waited.ToString();
  reader.Execute("COMMIT");
  EXPECT_TRUE(WaitForOldReaders(Soon(), *connection, milliseconds(10000)).ok());
}

TEST_P(OldReadersTest, AnOldWriterHoldsBackNobodyNewer) {
  auto connection = Connect(conninfo_);
  ASSERT_EQ(plain_->Execute("CREATE TABLE public.t (a int)"), "");
  PlainSession writer(conninfo_);
  ASSERT_EQ(writer.Execute("BEGIN; INSERT INTO public.t VALUES (1)"), "");
  plain_->Execute("CREATE TABLE public.later (a int)");
  std::atomic<bool> done = false;
  // Readers that come and go: each one's horizon is held back by the writer, each one's snapshot is
  // new.
  std::jthread readers([&] {
    PlainSession session(conninfo_);
    while (!done)
      session.Execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_sleep(0.005); COMMIT");
  });
  EXPECT_TRUE(WaitForOldReaders(Soon(), *connection, milliseconds(5000)).ok());
  done = true;
}

TEST_P(OldReadersTest, ReadersOfOtherDatabasesDoNotMatter) {
  auto connection = Connect(conninfo_);
  PlainSession elsewhere(server_->conninfo());
  ASSERT_EQ(elsewhere.Execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"), "");
  plain_->Execute("CREATE TABLE public.later (a int)");
  EXPECT_TRUE(WaitForOldReaders(Soon(), *connection, milliseconds(0)).ok());
}

TEST_P(OldReadersTest, AStopEndsTheWait) {
  auto connection = Connect(conninfo_);
  PlainSession reader(conninfo_);
  ASSERT_EQ(reader.Execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"), "");
  plain_->Execute("CREATE TABLE public.later (a int)");
  std::stop_source source;
  std::jthread stopper([&] {
    Await(ActivityOf(connection->facts().backend_pid, "query LIKE '%backend_xmin%'"), "t");
    source.request_stop();
  });
  EXPECT_CLASS(
      WaitForOldReaders({base::Deadline(), source.get_token()}, *connection, milliseconds(30000)),
      kCancelled);
}

TEST_P(OldReadersTest, AStandbyThatReportsNoSnapshotsIsNamed) {
  auto connection = Connect(As("waiting_role"));
  auto silent = NameSilentStandbys(Soon(), *connection);
  ASSERT_TRUE(silent.ok()) << silent.status().ToString();
  EXPECT_EQ(*silent, "");
  const PlainSession standby(conninfo_ + " replication=true application_name=replica");
  silent = NameSilentStandbys(Soon(), *connection);
  ASSERT_TRUE(silent.ok()) << silent.status().ToString();
  EXPECT_NE(silent->find("replica"), std::string::npos);
  EXPECT_TRUE(WaitForOldReaders(Soon(), *connection, milliseconds(0)).ok());
}

SPILLWAY_ON_EACH_SERVER(OldReadersTest);

}  // namespace
}  // namespace spillway::target::postgres
