#include "state/sqlite_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/durable_file.h"
#include "state/test_folder.h"

namespace spillway::state {
namespace {

using base::ErrorClass;
using ::testing::ElementsAre;

class SqliteConnectionTest : public ::testing::Test {
 protected:
  SqliteConnectionTest() {
    EXPECT_TRUE(ReplaceFile(path_, "", 0600).ok());
    connection_ = *SqliteConnection::Open(path_, OpenMode::kReadWrite);
    EXPECT_TRUE(connection_->Run("CREATE TABLE t (a ANY, b ANY)").ok());
  }

  const TestFolder folder_;
  // Characters that mean something in SQLite's URIs.
  const std::string path_ = folder_.path() + "/a?b#c%41 é.db";
  std::unique_ptr<SqliteConnection> connection_;
};

TEST_F(SqliteConnectionTest, RoundTripsValues) {
  const std::vector<SqlValue> values = {SqlValue(std::string("x\0y", 3)), SqlValue()};
  ASSERT_TRUE(connection_->Run("INSERT INTO t VALUES (?, ?)", values).ok());
  EXPECT_EQ(connection_->changes(), 1);
  ASSERT_TRUE(connection_->Run("UPDATE t SET b = ?", {{SqlValue(INT64_MIN)}}).ok());
  EXPECT_THAT(*connection_->Run("SELECT a, b FROM t"),
              ElementsAre(SqlRow{values[0], SqlValue(INT64_MIN)}));
  EXPECT_EQ(connection_->Run("SELECT 1.5").status().error_class(), ErrorClass::kStateCorrupt);
  EXPECT_EQ(connection_->Run("SELECT nothing").status().error_class(), ErrorClass::kStateCorrupt);
}

TEST_F(SqliteConnectionTest, RollsBackUnlessCommitted) {
  {
    auto transaction = SqliteTransaction::Begin(connection_.get());
    ASSERT_TRUE(transaction.ok());
    ASSERT_TRUE(connection_->Run("INSERT INTO t VALUES (1, 2)").ok());
  }
  EXPECT_TRUE(connection_->Run("SELECT a FROM t")->empty());
  {
    // Also when the caller has been interrupted meanwhile.
    auto transaction = SqliteTransaction::Begin(connection_.get());
    ASSERT_TRUE(connection_->Run("INSERT INTO t VALUES (1, 2)").ok());
    std::stop_source stop;
    stop.request_stop();
    connection_->Bound({base::Deadline(), stop.get_token()}, std::chrono::seconds(1));
    EXPECT_EQ(transaction->Commit().error_class(), ErrorClass::kCancelled);
  }
  connection_->Bound(base::Context(), std::chrono::seconds(1));
  EXPECT_TRUE(connection_->Run("SELECT a FROM t")->empty());
  auto transaction = SqliteTransaction::Begin(connection_.get());
  ASSERT_TRUE(connection_->Run("INSERT INTO t VALUES (1, 2)").ok());
  ASSERT_TRUE(transaction->Commit().ok());
  EXPECT_EQ(connection_->Run("SELECT a FROM t")->size(), 1u);
}

TEST_F(SqliteConnectionTest, ClassifiesErrors) {
  ASSERT_TRUE(connection_->Run("CREATE UNIQUE INDEX i ON t (a)").ok());
  ASSERT_TRUE(connection_->Run("INSERT INTO t VALUES (1, 2)").ok());
  EXPECT_EQ(connection_->Run("INSERT INTO t VALUES (1, 2)").status().error_class(),
            ErrorClass::kAlreadyExists);
  auto reader = SqliteConnection::Open(path_, OpenMode::kReadOnly);
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ((*reader)->Run("DELETE FROM t").status().error_class(), ErrorClass::kFileUnusable);
  auto writer = SqliteTransaction::Begin(connection_.get());
  auto second = SqliteConnection::Open(path_, OpenMode::kReadWrite);
  ASSERT_TRUE(second.ok());
  (*second)->Bound(base::Context(), std::chrono::milliseconds(10));
  EXPECT_EQ(SqliteTransaction::Begin(second->get()).status().error_class(), ErrorClass::kStateBusy);
  EXPECT_EQ(
      SqliteConnection::Open(folder_.path() + "/none", OpenMode::kReadOnly).status().error_class(),
      ErrorClass::kFileUnusable);
}

}  // namespace
}  // namespace spillway::state
