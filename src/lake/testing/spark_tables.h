#ifndef SPILLWAY_LAKE_TESTING_SPARK_TABLES_H_
#define SPILLWAY_LAKE_TESTING_SPARK_TABLES_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "lake/lake.h"

namespace spillway::lake::testing {

/// A lake and a temporary directory for tables of tests/data.
class SparkTables : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "spillway-delta-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    auto lake = OpenDeltaLake();
    ASSERT_TRUE(lake.ok()) << lake.status().ToString();
    lake_ = *std::move(lake);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  /// Unpacks a table that Spark wrote.
  Location Unpack(const std::string& name) {
    const std::string command =
        "tar -xzf " SPILLWAY_TEST_DATA "/delta/" + name + ".tar.gz -C " + directory_.string();
    EXPECT_EQ(std::system(command.c_str()), 0);
    return {.url = (directory_ / name).string(), .storage_options = {}};
  }

  std::filesystem::path directory_;
  std::unique_ptr<Lake> lake_;
};

}  // namespace spillway::lake::testing

#endif  // SPILLWAY_LAKE_TESTING_SPARK_TABLES_H_
