#include "lakebase/server_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spillway::lakebase {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

TEST(ServerSettings, FollowTheMachine) {
  const std::string small = ServerSettings({kGiB / 2, kGiB, 1, true});
  EXPECT_THAT(small, HasSubstr("shared_buffers = '128MB'\n"));
  EXPECT_THAT(small, HasSubstr("max_wal_size = '256MB'\n"));
  const std::string large = ServerSettings({512 * kGiB, 4096 * kGiB, 128, true});
  EXPECT_THAT(large, HasSubstr("shared_buffers = '1024MB'\n"));
  EXPECT_THAT(large, HasSubstr("max_wal_size = '8192MB'\n"));
  EXPECT_THAT(large, HasSubstr("max_parallel_workers = '8'\n"));
  EXPECT_THAT(large, HasSubstr("search_path = 'public'\n"));
}

TEST(ServerSettings, AreSafeOnAnyMachine) {
  for (const Machine& machine : {Machine{}, Machine{kGiB, 0, 1, false}, MeasureMachine("/")}) {
    const std::string settings = ServerSettings(machine);
    EXPECT_THAT(settings, HasSubstr("fsync = on\n"));
    EXPECT_THAT(settings, HasSubstr("full_page_writes = on\n"));
    EXPECT_THAT(settings, HasSubstr("synchronous_commit = on\n"));
  }
}

TEST(MeasureMachine, SeesThisOne) {
  const Machine machine = MeasureMachine("/");
  EXPECT_GT(machine.memory_bytes, 64 << 20);
  EXPECT_GT(machine.free_disk_bytes, 0);
  EXPECT_GE(machine.cores, 1);
}

}  // namespace
}  // namespace spillway::lakebase
