#include "lakebase/server_programs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "state/durable_file.h"
#include "state/test_folder.h"

namespace spillway::lakebase {
namespace {

using base::Context;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

state::Environment Programs(const std::string& folder) {
  return [folder](const std::string& name) -> std::optional<std::string> {
    if (name == "SPILLWAY_PG_BIN") return folder;
    return std::nullopt;
  };
}

// A release of which only the version is true.
void Install(const state::TestFolder& folder, const std::string& version_line) {
  const std::string script = "#!/bin/sh\necho '" + version_line + "'\n";
  for (const char* name : {"/postgres", "/initdb"}) {
    ASSERT_TRUE(state::ReplaceFile(folder.path() + name, script, 0755).ok());
  }
}

TEST(ServerPrograms, FindsWhatIsInstalled) {
  const auto found = FindPrograms(Context(), state::ProcessEnvironment(), 0);
  ASSERT_TRUE(found.ok()) << found.status().ToString();
  EXPECT_GE(found->major, kOldestMajor);
  EXPECT_TRUE(found->version.starts_with(std::to_string(found->major)));
  EXPECT_EQ(access(found->program("initdb").c_str(), X_OK), 0);
  EXPECT_EQ(FindPrograms(Context(), state::ProcessEnvironment(), found->major)->folder,
            found->folder);
}

TEST(ServerPrograms, ReadsVersions) {
  const state::TestFolder folder;
  Install(folder, "postgres (PostgreSQL) 18beta1 (Debian 18~beta1-1)");
  const auto all = InstalledPrograms(Context(), Programs(folder.path()));
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].version, "18beta1");
  EXPECT_EQ(all[0].major, 18);
  Install(folder, "something else");
  EXPECT_THAT(InstalledPrograms(Context(), Programs(folder.path())), IsEmpty());
}

TEST(ServerPrograms, RefusesAnOldRelease) {
  const state::TestFolder folder;
  Install(folder, "postgres (PostgreSQL) 13.4");
  const auto old = FindPrograms(Context(), Programs(folder.path()), 0);
  ASSERT_FALSE(old.ok());
  EXPECT_THAT(std::string(old.status().message()), HasSubstr("13.4 in " + folder.path()));
}

}  // namespace
}  // namespace spillway::lakebase
