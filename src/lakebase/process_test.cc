#include "lakebase/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "state/durable_file.h"
#include "state/test_folder.h"

namespace spillway::lakebase {
namespace {

using base::Context;
using base::ErrorClass;
using ::testing::HasSubstr;

Command Shell(const std::string& script) {
  Command command;
  command.arguments = {"/bin/sh", "-c", script};
  command.environment = {"PATH=/usr/bin:/bin", "NAME=value"};
  command.folder = "/";
  command.user = *UserByNumber(geteuid());
  return command;
}

TEST(RunProgram, GivesOutputAndExitCode) {
  const auto result = RunProgram(Context(), Shell("echo out; echo err >&2; pwd; exit 7"));
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->output, "out\nerr\n/\n");
  EXPECT_EQ(result->exit_code, 7);
  EXPECT_EQ(RunProgram(Context(), Shell("kill -9 $$"))->exit_code, 128 + SIGKILL);
}

TEST(RunProgram, InheritsNothing) {
  ASSERT_EQ(setenv("SPILLWAY_TEST_SECRET", "hush", 1), 0);
  const int leaked = dup(STDOUT_FILENO);  // without close-on-exec
  const auto result =
      RunProgram(Context(), Shell("echo $NAME$SPILLWAY_TEST_SECRET; ls /proc/self/fd | wc -l"));
  close(leaked);
  ASSERT_TRUE(result.ok());
  // 0, 1, 2 and the folder that ls reads.
  EXPECT_EQ(result->output, "value\n4\n");
}

TEST(RunProgram, ReadsItsInput) {
  const state::TestFolder folder;
  Command command = Shell("cat");
  EXPECT_EQ(RunProgram(Context(), command)->output, "");
  command.input_file = folder.path() + "/input";
  EXPECT_EQ(RunProgram(Context(), command).status().error_class(), ErrorClass::kFileUnusable);
  ASSERT_TRUE(state::ReplaceFile(command.input_file, "words", 0600).ok());
  EXPECT_EQ(RunProgram(Context(), command)->output, "words");
}

TEST(RunProgram, KeepsTheEndOfALongOutput) {
  const auto result = RunProgram(Context(), Shell("yes | head -c 1000000; echo last"));
  ASSERT_TRUE(result.ok());
  EXPECT_LE(result->output.size(), 128u << 10);
  EXPECT_TRUE(result->output.ends_with("last\n"));
}

TEST(RunProgram, IsBounded) {
  const auto begin = std::chrono::steady_clock::now();
  const auto late =
      RunProgram(Context().Within(std::chrono::milliseconds(50)), Shell("sleep 60 & sleep 60"));
  EXPECT_EQ(late.status().error_class(), ErrorClass::kDeadlineExceeded);
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_EQ(
      RunProgram({base::Deadline(), stop.get_token()}, Shell("sleep 60")).status().error_class(),
      ErrorClass::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST(RunProgram, NamesWhatCannotRun) {
  Command command = Shell("true");
  command.arguments[0] = "/nonexistent";
  const auto missing = RunProgram(Context(), command);
  EXPECT_EQ(missing.status().error_class(), ErrorClass::kLocalPostgres);
  EXPECT_THAT(missing.status().ToString(), HasSubstr("/nonexistent"));
  command = Shell("true");
  command.folder = "/nonexistent";
  EXPECT_THAT(RunProgram(Context(), command).status().ToString(), HasSubstr("enter the folder"));
}

TEST(RunProgram, BecomesTheUser) {
  if (geteuid() != 0) GTEST_SKIP() << "becoming another user needs root";
  Command command = Shell("id -u; id -g; id -G");
  command.user = *UserByNumber(65534);
  const auto result = RunProgram(Context(), command);
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->output, "65534\n65534\n65534\n");
}

TEST(StartDaemon, OutlivesItsParentAndWritesItsLog) {
  const state::TestFolder folder;
  const std::string log = folder.path() + "/log";
  const auto pid = StartDaemon(Shell("echo started; exec sleep 60"), log);
  ASSERT_TRUE(pid.ok()) << pid.status().ToString();
  EXPECT_TRUE(IsAlive(*pid));
  EXPECT_EQ(waitpid(*pid, nullptr, WNOHANG), -1);  // not our child
  EXPECT_EQ(getsid(*pid) == getsid(0), false);
  while (*state::ReadSmallFile(log) != "started\n") std::this_thread::yield();
  EXPECT_EQ(WaitForExit(Context().Within(std::chrono::milliseconds(20)), *pid).error_class(),
            ErrorClass::kDeadlineExceeded);
  ASSERT_EQ(kill(*pid, SIGKILL), 0);
  EXPECT_TRUE(WaitForExit(Context(), *pid).ok());
  EXPECT_FALSE(IsAlive(*pid));
}

TEST(StartDaemon, SaysWhatFailed) {
  const state::TestFolder folder;
  Command command = Shell("true");
  command.arguments[0] = "/nonexistent";
  EXPECT_EQ(StartDaemon(command, folder.path() + "/log").status().error_class(),
            ErrorClass::kLocalPostgres);
  EXPECT_EQ(StartDaemon(Shell("true"), folder.path() + "/no/log").status().error_class(),
            ErrorClass::kFileUnusable);
}

TEST(IsAlive, KnowsZombies) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  EXPECT_TRUE(WaitForExit(Context().Within(std::chrono::seconds(20)), child).ok());
  EXPECT_FALSE(IsAlive(child));  // not buried yet
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(IsAlive(getpid()));
  EXPECT_FALSE(IsAlive(0));
}

}  // namespace
}  // namespace spillway::lakebase
