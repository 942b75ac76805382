#include "lakebase/cluster.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "lakebase/branch_folder.h"
#include "lakebase/os_user.h"
#include "lakebase/port.h"
#include "lakebase/postmaster.h"
#include "lakebase/process.h"
#include "state/durable_file.h"
#include "state/file_lock.h"
#include "state/test_folder.h"

namespace spillway::lakebase {
namespace {

using base::Context;
using base::ErrorClass;
using ::testing::AnyOf;
using ::testing::HasSubstr;

// A cluster in a home of its own, below folders that only we may enter; ended with the test.
class ClusterTest : public ::testing::Test {
 protected:
  ClusterTest()
      : home_(*state::Home::Resolve(folder_.path() + "/a home", state::ProcessEnvironment())) {}
  ~ClusterTest() override { EXPECT_TRUE(Local().Stop(context_, StopMode::kImmediate).ok()); }

  Cluster Local() const { return Cluster(home_, state::ProcessEnvironment()); }

  Endpoint Start() {
    auto started = Local().Start(context_, {});
    EXPECT_TRUE(started.ok()) << started.status().ToString();
    return started.ok() ? started->endpoint : Endpoint();
  }

  BranchFolder Folder() const {
    const auto record = ReadBranchRecord(home_);
    EXPECT_TRUE(record.ok() && *record);
    return BranchFolder(home_, record.ok() && *record ? (*record)->uid : "br-none");
  }

  pid_t Postmaster() const {
    const auto file = FindPostmaster(Folder().data());
    return file.ok() && *file ? (*file)->pid : 0;
  }

  // The first value that a statement returns, or the error.
  static std::string Ask(const std::string& url, const std::string& statement) {
    const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(url.c_str()),
                                                                  &PQfinish);
    if (PQstatus(connection.get()) != CONNECTION_OK) return PQerrorMessage(connection.get());
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexec(connection.get(), statement.c_str()), &PQclear);
    switch (PQresultStatus(result.get())) {
      case PGRES_TUPLES_OK:
        return PQntuples(result.get()) == 0 ? "" : PQgetvalue(result.get(), 0, 0);
      case PGRES_COMMAND_OK:
        return "done";
      default:
        return PQresultErrorMessage(result.get());
    }
  }

  const Context context_;
  const state::TestFolder folder_;
  const state::Home home_;
};

TEST_F(ClusterTest, StartsStopsAndKeepsDataAndPort) {
  EXPECT_EQ(Local().GetStatus(context_)->state, ClusterState::kAbsent);
  EXPECT_TRUE(Local().Stop(context_, StopMode::kFast).ok());
  const auto first = Local().Start(context_, {});
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_TRUE(first->created);
  EXPECT_FALSE(first->already);
  EXPECT_EQ(Ask(first->endpoint.url, "CREATE TABLE t AS SELECT 17 AS a"), "done");
  const auto again = Local().Start(context_, {});
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->already);
  EXPECT_EQ(again->endpoint.url, first->endpoint.url);
  const auto running = Local().GetStatus(context_);
  ASSERT_TRUE(running.ok());
  EXPECT_EQ(running->state, ClusterState::kRunning);
  EXPECT_EQ(running->pid, Postmaster());
  EXPECT_EQ(Ask(first->endpoint.url, "SHOW cluster_name"), running->uid);

  ASSERT_TRUE(Local().Stop(context_, StopMode::kFast).ok());
  EXPECT_EQ(Local().GetStatus(context_)->state, ClusterState::kStopped);
  EXPECT_TRUE(ServerProcesses(Folder().data()).empty());
  const auto second = Local().Start(context_, {});
  ASSERT_TRUE(second.ok()) << second.status().ToString();
  EXPECT_FALSE(second->created);
  EXPECT_EQ(second->endpoint.url, first->endpoint.url);
  EXPECT_EQ(Ask(second->endpoint.url, "SELECT a FROM t"), "17");
}

TEST_F(ClusterTest, IsSafeAndClosed) {
  const Endpoint endpoint = Start();
  EXPECT_EQ(Ask(endpoint.url, "SHOW fsync"), "on");
  EXPECT_EQ(Ask(endpoint.url, "SHOW full_page_writes"), "on");
  EXPECT_EQ(Ask(endpoint.url, "SHOW synchronous_commit"), "on");
  EXPECT_EQ(Ask(endpoint.url, "SHOW data_checksums"), "on");
  EXPECT_EQ(Ask(endpoint.url, "SHOW timezone"), "UTC");
  EXPECT_EQ(Ask(endpoint.url, "SHOW listen_addresses"), "127.0.0.1");
  EXPECT_EQ(Ask(endpoint.url, "SELECT count(*) FROM pg_file_settings WHERE error IS NOT NULL"),
            "0");
  EXPECT_EQ(Ask(endpoint.url,
                "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid"
                " WHERE rolname = current_user"),
            "t");
  EXPECT_THAT(Ask("host=127.0.0.1 port=" + std::to_string(endpoint.port) +
                      " user=spillway dbname=postgres password=wrong",
                  "SELECT 1"),
              HasSubstr("password authentication failed"));
  EXPECT_EQ(Ask("host='" + endpoint.socket_folder + "' port=" + std::to_string(endpoint.port) +
                    " user=spillway dbname=" + endpoint.database +
                    " password=" + endpoint.password.Reveal(),
                "SELECT 1"),
            "1");
  struct stat password{};
  ASSERT_EQ(stat(endpoint.password_file.c_str(), &password), 0);
  EXPECT_EQ(password.st_mode & 0777, 0600u);
  EXPECT_EQ(password.st_uid, geteuid());
  struct stat data{};
  ASSERT_EQ(stat(Folder().data().c_str(), &data), 0);
  EXPECT_EQ(data.st_mode & 0777, 0700u);
  EXPECT_NE(data.st_uid, 0u);
  if (geteuid() == 0) {
    // The server cannot read what is ours.
    EXPECT_THAT(Ask(endpoint.url, "SELECT pg_read_file('" + endpoint.password_file + "')"),
                HasSubstr("ermission denied"));
  }
  EXPECT_EQ(endpoint.url.find(endpoint.password.Reveal()), std::string::npos);
}

TEST_F(ClusterTest, GivesPsqlItsArguments) {
  EXPECT_EQ(Local().MakePsqlCommand(context_, {}).status().error_class(),
            ErrorClass::kLocalPostgres);
  const Endpoint endpoint = Start();
  EXPECT_EQ(Ask(endpoint.url, "CREATE ROLE app LOGIN PASSWORD 'app'"), "done");
  const std::string asked = "SELECT current_user, current_database()";
  for (const auto& [arguments, answer] :
       {std::pair<std::vector<std::string>, std::string>{{}, "spillway|databricks_postgres\n"},
        {{"-d", "postgres"}, "spillway|postgres\n"},
        {{"postgres"}, "spillway|postgres\n"},
        {{"-h", "localhost"}, "spillway|databricks_postgres\n"},
        {{"-h", endpoint.socket_folder}, "spillway|databricks_postgres\n"},
        {{"-d", "user=app password=app dbname=postgres"}, "app|postgres\n"}}) {
    std::vector<std::string> words = {"-X", "-Atc", asked};
    words.insert(words.end(), arguments.begin(), arguments.end());
    const auto command = Local().MakePsqlCommand(context_, words);
    ASSERT_TRUE(command.ok());
    Command psql;
    psql.arguments = command->arguments;
    for (const auto& [name, value] : command->environment) {
      psql.environment.push_back(name + "=" + value);
    }
    psql.folder = "/";
    psql.user = *UserByNumber(geteuid());
    const auto result = RunProgram(context_, psql);
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_EQ(result->output, answer);
  }
  // Another address, though of this machine, is another server: it gets no password.
  const auto password_for = [&](const std::string& host) {
    const std::string url = "hostaddr=127.0.0.1 host=" + host +
                            " port=" + std::to_string(endpoint.port) + " dbname=postgres" +
                            " user=spillway passfile='" + endpoint.password_file + "'";
    return Ask(url, "SELECT 1");
  };
  EXPECT_EQ(password_for("localhost"), "1");
  EXPECT_THAT(password_for("db.example.com"), HasSubstr("no password supplied"));
}

TEST_F(ClusterTest, WithoutItsPasswordItIsStoppedAndShown) {
  Start();
  ASSERT_EQ(unlink(Folder().password_file().c_str()), 0);
  const auto status = Local().GetStatus(context_);
  ASSERT_TRUE(status.ok()) << status.status().ToString();
  EXPECT_EQ(status->state, ClusterState::kRunning);
  ASSERT_TRUE(Local().Stop(context_, StopMode::kFast).ok());
  // No other password is made, which the data would not know.
  EXPECT_EQ(Local().Start(context_, {}).status().detail("path"), Folder().password_file());
  EXPECT_FALSE(std::filesystem::exists(Folder().password_file()));
}

TEST_F(ClusterTest, DataWithoutTheirRecordAreNotForgotten) {
  Start();
  ASSERT_TRUE(Local().Stop(context_, StopMode::kFast).ok());
  const std::string record = BranchFolder::RecordFile(home_);
  const auto kept = ReadBranchRecord(home_);
  ASSERT_TRUE(kept.ok() && *kept);
  ASSERT_EQ(unlink(record.c_str()), 0);
  const base::Status gone = Local().Start(context_, {}).status();
  EXPECT_EQ(gone.error_class(), ErrorClass::kLocalPostgres);
  EXPECT_EQ(gone.detail("path"), record);
  EXPECT_THAT(std::string(gone.message()), HasSubstr("is gone"));
  EXPECT_TRUE(WriteBranchRecord(home_, **kept).ok());
}

TEST_F(ClusterTest, RecoversWhenThePostmasterIsKilled) {
  const Endpoint endpoint = Start();
  EXPECT_EQ(Ask(endpoint.url, "CREATE TABLE t (a int)"), "done");
  EXPECT_EQ(Ask(endpoint.url, "INSERT INTO t SELECT generate_series(1, 100000)"), "done");
  // A session that does not notice that its postmaster is gone.
  std::thread busy([url = endpoint.url] { Ask(url, "SELECT pg_sleep(600) FROM t"); });
  while (Ask(endpoint.url,
             "SELECT count(*) FROM pg_stat_activity WHERE query LIKE "
             "'SELECT pg_sleep%' AND state = 'active'") != "1") {
    std::this_thread::yield();
  }
  const pid_t killed = Postmaster();
  ASSERT_EQ(kill(killed, SIGKILL), 0);
  ASSERT_TRUE(WaitForExit(context_, killed).ok());
  EXPECT_EQ(Local().GetStatus(context_)->state, ClusterState::kStopped);
  const auto started = Local().Start(context_, {});
  busy.join();
  ASSERT_TRUE(started.ok()) << started.status().ToString();
  EXPECT_FALSE(started->already);
  EXPECT_EQ(started->endpoint.port, endpoint.port);
  EXPECT_EQ(Ask(started->endpoint.url, "SELECT count(*) FROM t"), "100000");
}

TEST_F(ClusterTest, RecoversFromAReusedProcessNumber) {
  Start();
  const pid_t killed = Postmaster();
  ASSERT_EQ(kill(killed, SIGKILL), 0);
  ASSERT_TRUE(WaitForExit(context_, killed).ok());
  // postmaster.pid now names a live process that is no server: the test.
  const std::string path = Folder().data() + "/postmaster.pid";
  auto text = state::ReadSmallFile(path);
  ASSERT_TRUE(text.ok() && *text);
  const std::string forged = std::to_string(getpid()) + (*text)->substr((*text)->find('\n'));
  ASSERT_TRUE(state::ReplaceFile(path, forged, 0600).ok());
  EXPECT_EQ(Local().GetStatus(context_)->state, ClusterState::kStopped);
  EXPECT_TRUE(Local().Stop(context_, StopMode::kFast).ok());
  const auto started = Local().Start(context_, {});
  ASSERT_TRUE(started.ok()) << started.status().ToString();
}

TEST_F(ClusterTest, NamesWhoHoldsThePort) {
  const Endpoint endpoint = Start();
  ASSERT_TRUE(Local().Stop(context_, StopMode::kFast).ok());
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  const auto taken = Local().Start(context_, {});
  ASSERT_FALSE(taken.ok());
  EXPECT_EQ(taken.status().error_class(), ErrorClass::kLocalPostgres);
  EXPECT_EQ(taken.status().detail("pid"), std::to_string(getpid()));
  EXPECT_EQ(taken.status().detail("port"), std::to_string(endpoint.port));
  EXPECT_THAT(std::string(taken.status().message()),
              HasSubstr(std::string(program_invocation_short_name).substr(0, 15)));
  // Another port is used when it is asked for, and kept.
  const auto other_port = ChoosePort("another");
  ASSERT_TRUE(other_port.ok());
  const auto moved = Local().Start(context_, {*other_port});
  ASSERT_TRUE(moved.ok()) << moved.status().ToString();
  EXPECT_EQ(moved->endpoint.port, *other_port);
  EXPECT_EQ(
      Local().Start(context_, {static_cast<std::uint16_t>(*other_port + 1)}).status().error_class(),
      ErrorClass::kLocalPostgres);
  close(listener);
  ASSERT_TRUE(Local().Stop(context_, StopMode::kFast).ok());
  EXPECT_EQ(Start().port, *other_port);
}

TEST_F(ClusterTest, IsStartedOnceByManyProcesses) {
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      const auto started = Local().Start(Context(), {});
      if (!started.ok()) std::fprintf(stderr, "%s\n", started.status().ToString().c_str());
      _exit(started.ok() ? (started->created ? 1 : 0) : 2);
    }
    children.push_back(child);
  }
  int created = 0;
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_NE(WEXITSTATUS(status), 2);
    created += WEXITSTATUS(status);
  }
  EXPECT_EQ(created, 1);
  // The server outlives the processes that started it.
  EXPECT_EQ(Ask(Start().url, "SELECT 1"), "1");
}

TEST_F(ClusterTest, CompletesAStartThatWasKilled) {
  // Kills the process that starts the cluster at moments spread over the whole first start; what it
  // leaves must never be in the way.
  const auto kill_after = [&](std::chrono::milliseconds delay) {
    const pid_t child = fork();
    if (child == 0) {
      static_cast<void>(Local().Start(Context(), {}));
      _exit(0);
    }
    std::this_thread::sleep_for(delay);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  };
  for (const int delay : {0, 1, 3, 10, 30, 60, 100, 200, 400, 600, 800, 1000, 1300}) {
    kill_after(std::chrono::milliseconds(delay));
  }
  const Endpoint endpoint = Start();
  EXPECT_EQ(Ask(endpoint.url, "CREATE TABLE t AS SELECT 1 AS a"), "done");
  for (const auto& entry : std::filesystem::directory_iterator(Folder().path())) {
    EXPECT_FALSE(entry.path().filename().string().starts_with("making-")) << entry.path();
  }
  // And between the server's start and its readiness.
  for (const int delay : {0, 5, 20, 40, 60}) {
    ASSERT_TRUE(Local().Stop(context_, StopMode::kImmediate).ok());
    kill_after(std::chrono::milliseconds(delay));
    EXPECT_EQ(Ask(Start().url, "SELECT a FROM t"), "1");
  }
}

TEST_F(ClusterTest, CanBeInterrupted) {
  std::stop_source stop;
  const Context stoppable{base::Deadline(), stop.get_token()};
  stop.request_stop();
  EXPECT_EQ(Local().Start(stoppable, {}).status().error_class(), ErrorClass::kCancelled);
  for (const int delay : {20, 150, 500}) {
    std::stop_source later;
    std::jthread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(delay));
      later.request_stop();
    });
    const auto begin = std::chrono::steady_clock::now();
    const auto started = Local().Start({base::Deadline(), later.get_token()}, {});
    if (!started.ok()) {
      EXPECT_EQ(started.status().error_class(), ErrorClass::kCancelled)
          << started.status().ToString();
      EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
    }
  }
  EXPECT_EQ(Local().Start(context_.Within(std::chrono::milliseconds(5)), {}).status().code(),
            base::Code::kDeadlineExceeded);
  Start();
}

TEST_F(ClusterTest, SaysWhyTheServerDidNotStart) {
  Start();
  ASSERT_TRUE(Local().Stop(context_, StopMode::kFast).ok());
  const std::string path = Folder().data() + "/postgresql.auto.conf";
  std::ofstream(path, std::ios::app) << "max_connections = 'many'\n";
  const auto broken = Local().Start(context_, {});
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.status().error_class(), ErrorClass::kLocalPostgres);
  EXPECT_THAT(std::string(broken.status().message()), HasSubstr("max_connections"));
  EXPECT_EQ(broken.status().detail("log_file"), Folder().log_file());
  ASSERT_TRUE(state::ReplaceFile(path, "", 0600).ok());
  struct stat data{};
  ASSERT_EQ(stat(Folder().data().c_str(), &data), 0);
  ASSERT_EQ(chown(path.c_str(), data.st_uid, data.st_gid), 0);
  Start();
}

TEST_F(ClusterTest, RefusesDataOfAReleaseThatIsNotInstalled) {
  Start();
  ASSERT_TRUE(Local().Stop(context_, StopMode::kFast).ok());
  const std::string path = Folder().data() + "/PG_VERSION";
  ASSERT_TRUE(state::ReplaceFile(path, "99\n", 0644).ok());
  const auto missing = Local().Start(context_, {});
  EXPECT_EQ(missing.status().detail("major"), "99");
  EXPECT_THAT(std::string(missing.status().mend()), HasSubstr("postgresql-99"));
  ASSERT_TRUE(state::ReplaceFile(path, "", 0644).ok());
  EXPECT_EQ(Local().Start(context_, {}).status().error_class(), ErrorClass::kLocalPostgres);
}

TEST_F(ClusterTest, NeedsItsPrograms) {
  const Cluster without(home_, [](const std::string& name) -> std::optional<std::string> {
    if (name == "SPILLWAY_PG_BIN") return "/nonexistent";
    return std::nullopt;
  });
  const auto missing = Cluster(without).Start(context_, {});
  EXPECT_EQ(missing.status().error_class(), ErrorClass::kLocalPostgres);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("/nonexistent"));
  EXPECT_THAT(std::string(missing.status().mend()), HasSubstr("apt-get install"));
}

TEST_F(ClusterTest, WorksBelowAPathTooLongForASocket) {
  const auto home = state::Home::Resolve(folder_.path() + "/" + std::string(120, 'x'),
                                         state::ProcessEnvironment());
  Cluster deep(*home, state::ProcessEnvironment());
  const auto started = deep.Start(context_, {});
  ASSERT_TRUE(started.ok()) << started.status().ToString();
  EXPECT_THAT(started->endpoint.socket_folder, HasSubstr("/tmp/spillway-br-"));
  EXPECT_EQ(Ask("host=" + started->endpoint.socket_folder +
                    " port=" + std::to_string(started->endpoint.port) + " user=spillway dbname=" +
                    started->endpoint.database + " password=" + started->endpoint.password.Reveal(),
                "SELECT 1"),
            "1");
  EXPECT_TRUE(deep.Stop(context_, StopMode::kFast).ok());
  std::filesystem::remove_all(started->endpoint.socket_folder);
}

TEST_F(ClusterTest, RunsForAUserWhoIsNotRoot) {
  if (geteuid() != 0) GTEST_SKIP() << "is what every other test does here";
  const std::string folder = folder_.path() + "/of nobody";
  ASSERT_EQ(chmod(folder_.path().c_str(), 0711), 0);
  ASSERT_EQ(mkdir(folder.c_str(), 0700), 0);
  ASSERT_EQ(chown(folder.c_str(), 65534, 65534), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (setgid(65534) != 0 || setuid(65534) != 0) _exit(9);
    Cluster cluster(*state::Home::Resolve(folder + "/home", state::ProcessEnvironment()),
                    state::ProcessEnvironment());
    const auto started = cluster.Start(Context(), {});
    if (!started.ok()) {
      std::fprintf(stderr, "%s\n", started.status().ToString().c_str());
      _exit(1);
    }
    if (Ask(started->endpoint.url, "SELECT 1") != "1") _exit(2);
    if (cluster.GetStatus(Context())->state != ClusterState::kRunning) _exit(3);
    _exit(cluster.Stop(Context(), StopMode::kFast).ok() ? 0 : 4);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST_F(ClusterTest, RefusesADamagedRecord) {
  Start();
  ASSERT_TRUE(Local().Stop(context_, StopMode::kFast).ok());
  const auto whole = state::ReadSmallFile(BranchFolder::RecordFile(home_));
  ASSERT_TRUE(whole.ok() && *whole);
  for (std::size_t length = 0; length + 2 < (*whole)->size(); ++length) {
    ASSERT_TRUE(
        state::ReplaceFile(BranchFolder::RecordFile(home_), (*whole)->substr(0, length), 0644)
            .ok());
    EXPECT_EQ(Local().GetStatus(context_).status().error_class(), ErrorClass::kLocalPostgres)
        << length;
  }
  for (const char* text : {R"({"format":2,"uid":"br-a"})", R"({"format":1,"uid":"../../x"})",
                           R"({"format":1,"uid":"br-a","port":70000})", "[]"}) {
    ASSERT_TRUE(state::ReplaceFile(BranchFolder::RecordFile(home_), text, 0644).ok());
    EXPECT_EQ(Local().Start(context_, {}).status().error_class(), ErrorClass::kLocalPostgres)
        << text;
  }
  ASSERT_TRUE(state::ReplaceFile(BranchFolder::RecordFile(home_), **whole, 0644).ok());
  Start();
}

}  // namespace
}  // namespace spillway::lakebase
