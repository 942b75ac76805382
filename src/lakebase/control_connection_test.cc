#include "lakebase/control_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "lakebase/port.h"
#include "state/test_folder.h"

namespace spillway::lakebase {
namespace {

using base::Context;
using base::ErrorClass;
using ::testing::HasSubstr;

TEST(ControlConnection, SeesThatAServerIsWritable) {
  const state::TestFolder folder;
  const auto home = state::Home::Resolve(folder.path() + "/home", state::ProcessEnvironment());
  Cluster cluster(*home, state::ProcessEnvironment());
  auto started = cluster.Start(Context(), {});
  ASSERT_TRUE(started.ok()) << started.status().ToString();
  Endpoint other = started->endpoint;
  const auto name = other.steadfast_url.find("/" + other.database + "?") + 1;
  other.steadfast_url.replace(name, other.database.size(), "strange%20%22name%22");
  EXPECT_THAT(AwaitWritable(Context(), other).ToString(), HasSubstr("does not exist"));
  EXPECT_TRUE(AwaitWritable(Context(), started->endpoint).ok());
  Endpoint wrong = started->endpoint;
  wrong.password = base::Secret("wrong");
  EXPECT_THAT(AwaitWritable(Context(), wrong).ToString(), HasSubstr("password"));
  EXPECT_TRUE(cluster.Stop(Context(), StopMode::kFast).ok());
}

TEST(ControlConnection, WaitsForAServerWithinBounds) {
  Endpoint nobody;
  nobody.steadfast_url = "postgresql://b@127.0.0.1:" + std::to_string(*ChoosePort("nobody")) + "/a";
  EXPECT_EQ(AwaitWritable(Context().Within(std::chrono::milliseconds(50)), nobody).error_class(),
            ErrorClass::kDeadlineExceeded);
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_EQ(AwaitWritable({base::Deadline(), stop.get_token()}, nobody).error_class(),
            ErrorClass::kCancelled);
}

}  // namespace
}  // namespace spillway::lakebase
