#include "lakebase/doctor_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "state/durable_file.h"
#include "state/test_folder.h"

namespace spillway::lakebase {
namespace {

using base::Context;
using base::ErrorClass;
using ::testing::HasSubstr;

DoctorCheck Find(const std::vector<DoctorCheck>& checks, const std::string& name) {
  for (const auto& check : checks) {
    if (check.name == name) return check;
  }
  ADD_FAILURE() << "no check " << name;
  return {};
}

TEST(DoctorChecks, AreAllWellHere) {
  const state::TestFolder folder;
  const auto home = state::Home::Resolve(folder.path() + "/home", state::ProcessEnvironment());
  const auto checks = CheckLocalPostgres(Context(), *home, state::ProcessEnvironment());
  for (const auto& check : checks) {
    EXPECT_TRUE(check.outcome.ok()) << check.name << ": " << check.outcome.ToString();
    EXPECT_FALSE(check.note.empty()) << check.name;
  }
  EXPECT_THAT(Find(checks, "local PostgreSQL").note, HasSubstr("absent"));
  EXPECT_THAT(Find(checks, "home").note, HasSubstr("not made yet"));
  // Looking makes nothing.
  EXPECT_NE(access(home->path().c_str(), F_OK), 0);
}

TEST(DoctorChecks, NameWhatIsWrong) {
  const state::TestFolder folder;
  const auto home = state::Home::Resolve(folder.path(), state::ProcessEnvironment());
  ASSERT_TRUE(state::ReplaceFile(home->secrets_file(), "{}", 0644).ok());
  const auto checks = CheckLocalPostgres(Context(), *home,
                                         [](const std::string& name) -> std::optional<std::string> {
                                           if (name == "SPILLWAY_PG_BIN") return "/nonexistent";
                                           return std::nullopt;
                                         });
  EXPECT_EQ(Find(checks, "PostgreSQL programs").outcome.error_class(), ErrorClass::kLocalPostgres);
  EXPECT_THAT(std::string(Find(checks, "home").outcome.mend()), HasSubstr("chmod 600"));
}

TEST(DoctorChecks, RefuseAFileAsHome) {
  const state::TestFolder folder;
  ASSERT_TRUE(state::ReplaceFile(folder.path() + "/file", "", 0600).ok());
  const auto home = state::Home::Resolve(folder.path() + "/file", state::ProcessEnvironment());
  const auto checks = CheckLocalPostgres(Context(), *home, state::ProcessEnvironment());
  EXPECT_EQ(Find(checks, "home").outcome.error_class(), ErrorClass::kFileUnusable);
  EXPECT_THAT(Find(checks, "way to the home").note, HasSubstr("is no folder"));
}

TEST(DoctorChecks, NameWhatTheUserMayNotUse) {
  constexpr uid_t kNobody = 65534;
  const state::TestFolder folder;
  const auto home = state::Home::Resolve(folder.path(), state::ProcessEnvironment());
  const uid_t user = geteuid();
  if (user == 0) {  // who may use everything
    ASSERT_EQ(chown(folder.path().c_str(), kNobody, kNobody), 0);
    ASSERT_EQ(seteuid(kNobody), 0);
  }
  // The service tells of locks and the state file: one fault is one line.
  EXPECT_EQ(mkdir(home->locks().c_str(), 0), 0);
  const auto without = CheckLocalPostgres(Context(), *home, state::ProcessEnvironment());
  EXPECT_EQ(mkdir(home->logs().c_str(), 0), 0);
  EXPECT_EQ(mkdir(home->lakebase().c_str(), 0), 0);
  const auto checks = CheckLocalPostgres(Context(), *home, state::ProcessEnvironment());
  ASSERT_EQ(seteuid(user), 0);
  EXPECT_TRUE(Find(without, "home").outcome.ok());
  std::vector<std::string> paths;
  for (const DoctorCheck& check : checks) {
    if (check.name == "home") paths.emplace_back(check.outcome.detail("path"));
  }
  EXPECT_THAT(paths, ::testing::ElementsAre(home->logs(), home->lakebase()));
}

TEST(DoctorChecks, TryAWriteWhereTheHomeWillBe) {
  const state::TestFolder folder;
  const auto made = state::Home::Resolve(folder.path(), state::ProcessEnvironment());
  EXPECT_TRUE(
      Find(CheckLocalPostgres(Context(), *made, state::ProcessEnvironment()), "home").outcome.ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  // /proc lets root pass access() and makes no folder for anybody.
  const auto never = state::Home::Resolve("/proc/spillway", state::ProcessEnvironment());
  const auto checks = CheckLocalPostgres(Context(), *never, state::ProcessEnvironment());
  EXPECT_EQ(Find(checks, "home").outcome.error_class(), ErrorClass::kFileUnusable);
}

}  // namespace
}  // namespace spillway::lakebase
