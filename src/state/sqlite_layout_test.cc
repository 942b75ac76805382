#include "state/sqlite_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "state/test_folder.h"

namespace spillway::state {
namespace {

using base::Context;
using base::ErrorClass;

constexpr std::array kFirst = {"CREATE TABLE thing (name TEXT) STRICT"};
constexpr std::array kSecond = {"ALTER TABLE thing ADD COLUMN size INTEGER",
                                "UPDATE thing SET size = length(name)"};
constexpr std::array kBroken = {"ALTER TABLE thing ADD COLUMN weight INTEGER",
                                "UPDATE nothing SET size = 1"};

class SqliteLayoutTest : public ::testing::Test {
 protected:
  std::unique_ptr<SqliteConnection> Open() {
    auto connection = SqliteConnection::Open(path_, OpenMode::kReadWrite);
    EXPECT_TRUE(connection.ok());
    return *std::move(connection);
  }

  TestFolder folder_;
  const std::string path_ = folder_.path() + "/state.db";
};

TEST_F(SqliteLayoutTest, BringsAnOlderFileUpToDate) {
  const std::array first = {Migration(kFirst)};
  const std::array both = {Migration(kFirst), Migration(kSecond)};
  ASSERT_TRUE(MakeStateFile(Context(), path_, first).ok());
  ASSERT_TRUE(Open()->Run("INSERT INTO thing VALUES ('abc')").ok());
  auto connection = Open();
  ASSERT_TRUE(CheckLayout(connection.get(), path_, both).ok());
  const auto rows = connection->Run("SELECT name, size FROM thing");
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(*rows, (std::vector<SqlRow>{{std::string("abc"), std::int64_t{3}}}));
  EXPECT_TRUE(CheckLayout(connection.get(), path_, both).ok());
  EXPECT_EQ(CheckLayout(connection.get(), path_, first).error_class(),
            ErrorClass::kNotYetSupported);
}

TEST_F(SqliteLayoutTest, LeavesTheOldLayoutWhenAMigrationFails) {
  const std::array first = {Migration(kFirst)};
  const std::array broken = {Migration(kFirst), Migration(kBroken)};
  ASSERT_TRUE(MakeStateFile(Context(), path_, first).ok());
  EXPECT_FALSE(CheckLayout(Open().get(), path_, broken).ok());
  auto connection = Open();
  EXPECT_TRUE(CheckLayout(connection.get(), path_, first).ok());
  EXPECT_FALSE(connection->Run("SELECT weight FROM thing").ok());
}

TEST_F(SqliteLayoutTest, MakesTheFileOnce) {
  ASSERT_TRUE(MakeStateFile(Context(), path_, Migrations()).ok());
  ASSERT_TRUE(Open()->Run("DROP TABLE setting").ok());
  ASSERT_TRUE(MakeStateFile(Context(), path_, Migrations()).ok());
  EXPECT_FALSE(Open()->Run("SELECT key FROM setting").ok());
}

TEST_F(SqliteLayoutTest, KnowsASoundStructure) {
  ASSERT_TRUE(MakeStateFile(Context(), path_, Migrations()).ok());
  EXPECT_TRUE(CheckStructure(Open().get(), path_).ok());
}

}  // namespace
}  // namespace spillway::state
