#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "target/postgres/session/server_fixture_test.h"
#include "target/postgres/session/session.h"

namespace spillway::target::postgres {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using SteadyClock = std::chrono::steady_clock;

class ConnectionTest : public ServerTest {
 protected:
  base::Status OpenError(const std::string& url, base::Secret password = {}) {
    auto connection = Connection::Open(Soon(), {.url = url, .password = std::move(password)});
    return connection.ok() ? base::Status() : connection.status();
  }
};

// A port of this machine that takes connections and never answers, while it lives.
class SilentHost {
 public:
  SilentHost() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_, any, size) == 0 && listen(listener_, 4) == 0 &&
        getsockname(listener_, any, &size) == 0) {
      port_ = ntohs(address.sin_port);
    }
  }
  ~SilentHost() { close(listener_); }
  SilentHost(const SilentHost&) = delete;
  SilentHost& operator=(const SilentHost&) = delete;

  int port() const { return port_; }  // 0: there is none

 private:
  const int listener_;
  int port_ = 0;
};

TEST_P(ConnectionTest, SettingsArePinnedWhateverTheRoleSays) {
  const std::string hostile = As("hostile");
  for (const char* setting :
       {"search_path = evil, pg_catalog", "DateStyle = 'SQL, DMY'", "TimeZone = 'Asia/Kathmandu'",
        "IntervalStyle = 'sql_standard'", "default_transaction_isolation = 'serializable'",
        "default_transaction_read_only = on", "statement_timeout = '1ms'", "lock_timeout = '1ms'",
        "idle_in_transaction_session_timeout = '1ms'", "client_encoding = 'LATIN1'",
        "synchronous_commit = off", "standard_conforming_strings = off", "row_security = on",
        "extra_float_digits = -3", "bytea_output = 'escape'", "transform_null_equals = on",
        "client_min_messages = 'debug5'", "quote_all_identifiers = on"}) {
    EXPECT_EQ(plain_->Execute(std::string("ALTER ROLE hostile SET ") + setting), "") << setting;
  }
  EXPECT_EQ(plain_->Execute("CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO hostile;"
                            "CREATE FUNCTION evil.pg_backend_pid() RETURNS int LANGUAGE sql AS"
                            " 'SELECT 666'"),
            "");
  auto connection = Connect(hostile);
  ASSERT_NE(connection, nullptr);
  Sql sql;
  sql << "SELECT current_setting('search_path'), current_setting('DateStyle'),"
      << " current_setting('TimeZone'), current_setting('IntervalStyle'),"
      << " current_setting('transaction_isolation'), current_setting('transaction_read_only'),"
      << " current_setting('statement_timeout'), current_setting('lock_timeout'),"
      << " current_setting('idle_in_transaction_session_timeout'),"
      << " current_setting('client_encoding'), current_setting('synchronous_commit'),"
      << " current_setting('standard_conforming_strings'), current_setting('row_security'),"
      << " current_setting('extra_float_digits'), current_setting('bytea_output'),"
      << " current_setting('transform_null_equals'), current_setting('client_min_messages'),"
      << " current_setting('quote_all_identifiers')";
  auto rows = connection->Query(Soon(), sql);
  ASSERT_TRUE(rows.ok()) << rows.status().ToString();
  const std::vector<std::string> expected = {"pg_catalog, pg_temp",
                                             "ISO, MDY",
                                             "UTC",
                                             "postgres",
                                             "read committed",
                                             "off",
                                             "0",
                                             "30s",
                                             "5min",
                                             "UTF8",
                                             "on",
                                             "on",
                                             "off",
                                             "1",
                                             "hex",
                                             "off",
                                             "error",
                                             "off"};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(rows->text(0, static_cast<int>(i)), expected[i]) << i;
  }
  EXPECT_NE(connection->facts().backend_pid, 666);
  EXPECT_FALSE(connection->facts().through_proxy);
  EXPECT_EQ(connection->facts().user, "hostile");
  EXPECT_TRUE(connection->RequireWritable().ok());
}

TEST_P(ConnectionTest, AStrongerSynchronousCommitIsKept) {
  const std::string careful = As("careful");
  ASSERT_EQ(plain_->Execute("ALTER ROLE careful SET synchronous_commit = remote_apply"), "");
  auto connection = Connect(careful);
  auto rows = connection->Query(Soon(), Sql() << "SHOW synchronous_commit");
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(rows->text(0, 0), "remote_apply");
}

TEST_P(ConnectionTest, ADisabledConstraintCheckIsRefused) {
  const std::string replica = As("replica_role");
  ASSERT_EQ(plain_->Execute("ALTER ROLE replica_role SET session_replication_role = 'replica'"),
            "");
  EXPECT_CLASS(OpenError(replica), kTargetUnsuitable);
}

TEST_P(ConnectionTest, ErrorsOfConnectingHaveTheirClass) {
  EXPECT_CLASS(OpenError(Replace(conninfo_, database_, "nowhere")), kConnectionError);
  EXPECT_CLASS(OpenError(Replace(conninfo_, "user=spillway", "user=nobody_here")),
               kTargetAuthentication);
  const base::Status nobody = OpenError("host=127.0.0.1 port=1 user=x sslmode=disable");
  EXPECT_CLASS(nobody, kConnectionError);
  EXPECT_TRUE(nobody.message().ends_with(
      "Connection refused; Is the server running on that host and accepting TCP/IP connections?"))
      << nobody.message();
  const base::Status plain = OpenError(Replace(conninfo_, "sslmode=disable", "sslmode=require"));
  EXPECT_CLASS(plain, kConnectionError);
  EXPECT_NE(plain.mend().find("sslmode=prefer"), std::string::npos) << plain.mend();
}

TEST_P(ConnectionTest, UnreadableUrlsNeverShowTheirPassword) {
  for (const char* url :
       {"postgresql://app:hush-hush@[::1/db", "postgresql://app:hush-hush@db:port/x?bad=1",
        "host=db password='hush-hush", "hush-hush", "postgresql://app:hush-hush@db/x?nonsense=1"}) {
    const base::Status error = OpenError(url);
    ASSERT_FALSE(error.ok()) << url;
    EXPECT_EQ(error.error_class(), base::ErrorClass::kInvalidArgument) << error.ToString();
    EXPECT_EQ(error.ToString().find("hush"), std::string::npos) << error.ToString();
  }
}

TEST_P(ConnectionTest, ADatabaseThatIsNotUtf8IsRefusedForWriting) {
  ASSERT_EQ(plain_->Execute("CREATE DATABASE ascii_" + database_ +
                            " ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"),
            "");
  auto connection = Connect(Replace(conninfo_, database_, "ascii_" + database_));
  EXPECT_CLASS(connection->RequireWritable(), kTargetUnsuitable);
}

TEST_P(ConnectionTest, ErrorsCarryWhatTheServerSaid) {
  auto connection = Connect(conninfo_);
  ASSERT_TRUE(connection
                  ->Execute(Soon(), Sql() << "CREATE TABLE public.t (a int CONSTRAINT positive"
                                          << " CHECK (a > 0))")
                  .ok());
  const base::Status error =
      connection->Execute(Soon(), Sql() << "INSERT INTO public.t VALUES (-1)");
  EXPECT_EQ(error.detail("sqlstate"), "23514");
  EXPECT_EQ(error.detail("table"), "t");
  EXPECT_EQ(error.detail("schema"), "public");
  EXPECT_EQ(error.detail("constraint"), "positive");
  EXPECT_TRUE(connection->idle());
}

TEST_P(ConnectionTest, SingleStatementsCannotBeTwo) {
  auto connection = Connect(conninfo_);
  EXPECT_FALSE(connection->QuerySingle(Soon(), Sql() << "SELECT 1; SELECT 2").ok());
  EXPECT_TRUE(connection->QuerySingle(Soon(), Sql() << "SELECT 1").ok());
}

TEST_P(ConnectionTest, AStopEndsAWaitWithinASecond) {
  auto connection = Connect(conninfo_);
  const int pid = connection->facts().backend_pid;
  std::stop_source source;
  std::jthread stopper([&] {
    Await(ActivityOf(pid, "wait_event"), "PgSleep");
    source.request_stop();
  });
  const auto began = SteadyClock::now();
  EXPECT_CLASS(
      connection->Execute({base::Deadline(), source.get_token()}, Sql() << "SELECT pg_sleep(300)"),
      kCancelled);
  EXPECT_LT(SteadyClock::now() - began, milliseconds(900));
  EXPECT_FALSE(connection->usable());
  // The server ends it as well, a moment later: the statement sleeps for longer than Await waits.
  Await("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid = " +
            std::to_string(pid),
        "0");
}

TEST_P(ConnectionTest, AServerThatTakesNoNewConnectionDoesNotHoldAStopUp) {
  auto own = testing::TestServer::Start(GetParam());
  ASSERT_TRUE(own.ok()) << own.status().ToString();
  auto connection = Connect((*own)->conninfo());
  ASSERT_NE(connection, nullptr);
  pid_t postmaster = 0;
  std::ifstream((*own)->data_directory() + "/postmaster.pid") >> postmaster;
  ASSERT_GT(postmaster, 0);
  testing::PlainSession watcher((*own)->conninfo());
  std::stop_source source;
  SteadyClock::time_point stopped;
  std::jthread stopper([&] {
    const std::string event = ActivityOf(connection->facts().backend_pid, "wait_event");
    while (watcher.Value(event) != "PgSleep") std::this_thread::yield();
    kill(postmaster, SIGSTOP);  // its socket still takes connections, which nobody answers
    stopped = SteadyClock::now();
    source.request_stop();
  });
  const auto status =
      connection->Execute({base::Deadline(), source.get_token()}, Sql() << "SELECT pg_sleep(30)");
  const auto ended = SteadyClock::now();
  stopper.join();
  kill(postmaster, SIGCONT);
  EXPECT_CLASS(status, kCancelled);
  EXPECT_LT(ended - stopped, milliseconds(900));
  EXPECT_FALSE(connection->usable());
}

TEST_P(ConnectionTest, ADeadlineEndsAWaitForALock) {
  ASSERT_EQ(plain_->Execute("CREATE TABLE public.l (a int)"), "");
  ASSERT_EQ(plain_->Execute("BEGIN; LOCK TABLE public.l"), "");
  auto connection = Connect(conninfo_);
  const auto began = SteadyClock::now();
  EXPECT_CLASS(connection->Execute({base::Deadline::After(milliseconds(200)), {}},
                                   Sql() << "SELECT * FROM public.l"),
               kDeadlineExceeded);
  EXPECT_LT(SteadyClock::now() - began, milliseconds(900));
}

TEST_P(ConnectionTest, ALockTimeoutIsOne) {
  ASSERT_EQ(plain_->Execute("CREATE TABLE public.l (a int)"), "");
  ASSERT_EQ(plain_->Execute("BEGIN; LOCK TABLE public.l"), "");
  auto connection = Connection::Open(Soon(), {.url = conninfo_, .lock_timeout = milliseconds(50)});
  ASSERT_TRUE(connection.ok());
  EXPECT_CLASS((*connection)->Execute(Soon(), Sql() << "SELECT * FROM public.l"), kLockTimeout);
  EXPECT_TRUE((*connection)->usable());
}

TEST_P(ConnectionTest, AKilledSessionIsAConnectionError) {
  auto connection = Connect(conninfo_);
  plain_->Execute("SELECT pg_terminate_backend(" + std::to_string(connection->facts().backend_pid) +
                  ")");
  for (int i = 0; i < 200 && connection->Quiet(); ++i) std::this_thread::sleep_for(milliseconds(5));
  EXPECT_FALSE(connection->Quiet());
  EXPECT_CLASS(connection->Execute(Soon(), Sql() << "SELECT 1"), kConnectionError);
  EXPECT_FALSE(connection->usable());
  EXPECT_CLASS(connection->Execute(Soon(), Sql() << "SELECT 1"), kConnectionError);
}

TEST_P(ConnectionTest, ACopyStoresRowsOrNone) {
  auto connection = Connect(conninfo_);
  ASSERT_TRUE(connection->Execute(Soon(), Sql() << "CREATE TABLE public.c (a int)").ok());
  const Sql copy = Sql() << "COPY public.c FROM STDIN";
  ASSERT_TRUE(connection->BeginCopy(Soon(), copy).ok());
  ASSERT_TRUE(connection->SendCopy(Soon(), "1\n2\n").ok());
  auto rows = connection->EndCopy(Soon());
  ASSERT_TRUE(rows.ok()) << rows.status().ToString();
  EXPECT_EQ(*rows, 2);
  ASSERT_TRUE(connection->idle());

  ASSERT_TRUE(connection->BeginCopy(Soon(), copy).ok());
  // The server may refuse before the copy's end.
  base::Status refused = connection->SendCopy(Soon(), "3\nthree\n");
  if (refused.ok()) refused = connection->EndCopy(Soon()).status();
  EXPECT_CLASS(refused, kValueOutOfRange);
  EXPECT_TRUE(connection->idle());
  EXPECT_EQ(plain_->Value("SELECT count(*) FROM public.c"), "2");
}

TEST_P(ConnectionTest, AFailedCopyIsNoticedBeforeItsEnd) {
  auto connection = Connect(conninfo_);
  ASSERT_TRUE(connection->Execute(Soon(), Sql() << "CREATE TABLE public.c (a int)").ok());
  ASSERT_TRUE(connection->BeginCopy(Soon(), Sql() << "COPY public.c FROM STDIN").ok());
  std::string many = "one\n";
  for (int i = 0; i < 20000; ++i) many += "1\n";
  base::Status status;
  int sends = 0;
  for (; sends < 10000 && status.ok(); ++sends) status = connection->SendCopy(Soon(), many);
  EXPECT_LT(sends, 10000);
  EXPECT_CLASS(status, kValueOutOfRange);
  EXPECT_TRUE(connection->idle());
}

TEST_P(ConnectionTest, AStopDuringACopyLeavesNothing) {
  ASSERT_EQ(
      plain_->Execute("CREATE TABLE public.c (a int); BEGIN; LOCK TABLE public.c IN SHARE MODE"),
      "");
  auto connection = Connect(conninfo_);
  ASSERT_EQ(plain_->Execute("COMMIT; CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql"
                            " AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END';"
                            "CREATE TRIGGER slow BEFORE INSERT ON public.c FOR EACH ROW"
                            " EXECUTE FUNCTION public.slow()"),
            "");
  ASSERT_TRUE(connection->BeginCopy(Soon(), Sql() << "COPY public.c FROM STDIN").ok());
  std::stop_source source;
  std::jthread stopper([&] {
    Await(ActivityOf(connection->facts().backend_pid, "wait_event"), "PgSleep");
    source.request_stop();
  });
  const base::Context stoppable{base::Deadline(), source.get_token()};
  std::string many;
  for (int i = 0; i < 100000; ++i) many += "1\n";
  const auto began = SteadyClock::now();
  base::Status status;
  while (status.ok()) status = connection->SendCopy(stoppable, many);
  EXPECT_CLASS(status, kCancelled);
  EXPECT_LT(SteadyClock::now() - began, milliseconds(900));
  // Closed or inside of the copy: no pool takes it back.
  EXPECT_FALSE(connection->idle());
  EXPECT_EQ(plain_->Value("SELECT count(*) FROM public.c"), "0");
}

TEST_P(ConnectionTest, PasswordFilesServicesAndSecretsAreUnderstood) {
  ASSERT_EQ(plain_->Execute("CREATE ROLE keyed LOGIN PASSWORD 'it''s; a {secret}'"), "");
  const std::string hba = server_->data_directory() + "/pg_hba.conf";
  std::ifstream in(hba);
  const std::string before((std::istreambuf_iterator<char>(in)), {});
  {
    std::ofstream out(hba, std::ios::trunc);
    out << "host all keyed 127.0.0.1/32 scram-sha-256\n" << before;
  }
  ASSERT_TRUE(server_->Reload().ok());
  const std::string keyed = Replace(conninfo_, "user=spillway", "user=keyed");
  // The server reads the file a moment after the signal.
  for (int i = 0; i < 200 && OpenError(keyed).ok(); ++i)
    std::this_thread::sleep_for(milliseconds(10));
  const base::Status missing = OpenError(keyed);
  EXPECT_CLASS(missing, kTargetAuthentication);
  EXPECT_NE(missing.message().find("password"), std::string::npos);
  const base::Status wrong = OpenError(keyed, base::Secret("wrong"));
  EXPECT_CLASS(wrong, kTargetAuthentication);
  EXPECT_EQ(wrong.detail("sqlstate"), "28P01");
  EXPECT_TRUE(OpenError(keyed, base::Secret("it's; a {secret}")).ok());

  const auto folder = std::filesystem::temp_directory_path() / database_;
  std::filesystem::create_directory(folder);
  const std::string passfile = folder / "pgpass";
  std::ofstream(passfile) << "*:*:*:keyed:it's; a {secret}\n";
  chmod(passfile.c_str(), 0600);
  EXPECT_TRUE(OpenError(keyed + " passfile=" + passfile).ok());
  const std::string services = folder / "services";
  std::ofstream(services) << "[shop]\nhost=127.0.0.1\nport=" << server_->port()
                          << "\nuser=keyed\ndbname=" << database_ << "\npassfile=" << passfile
                          << "\n";
  setenv("PGSERVICEFILE", services.c_str(), 1);
  EXPECT_TRUE(OpenError("service=shop").ok());
  EXPECT_TRUE(OpenError("postgresql://?service=shop").ok());
  unsetenv("PGSERVICEFILE");
  std::ofstream(hba, std::ios::trunc) << before;
  EXPECT_TRUE(server_->Reload().ok());
  std::filesystem::remove_all(folder);
}

TEST_P(ConnectionTest, UrlsWithEveryCharacterWork) {
  ASSERT_EQ(plain_->Execute("CREATE ROLE \"Ünï @:/?\" LOGIN"), "");
  EXPECT_TRUE(OpenError("postgresql://%C3%9Cn%C3%AF%20%40%3A%2F%3F@127.0.0.1:" +
                        std::to_string(server_->port()) + "/" + database_ + "?sslmode=disable")
                  .ok());
}

TEST_P(ConnectionTest, AmongSeveralHostsThePrimaryIsChosen) {
  const std::string port = std::to_string(server_->port());
  EXPECT_TRUE(OpenError("postgresql://spillway@127.0.0.1:1,127.0.0.1:" + port + "/" + database_ +
                        "?sslmode=disable")
                  .ok());
}

TEST_P(ConnectionTest, ASilentHostDoesNotHideTheNextOne) {
  const SilentHost silent;
  ASSERT_NE(silent.port(), 0);
  auto connection = Connection::Open(
      Soon(), {.url = "postgresql://spillway@127.0.0.1:" + std::to_string(silent.port()) +
                      ",127.0.0.1:" + std::to_string(server_->port()) + "/" + database_ +
                      "?sslmode=disable",
               .connect_timeout = milliseconds(1000)});
  EXPECT_TRUE(connection.ok()) << connection.status().ToString();
}

TEST_P(ConnectionTest, AnOlderServerIsNamed) {
  auto connection = Connect(conninfo_);
  ASSERT_NE(connection, nullptr);
  const auto pinned = PinSession(Soon(), *connection, {140012, 1}, milliseconds(0));
  ASSERT_FALSE(pinned.ok());
  EXPECT_EQ(pinned.status().error_class(), base::ErrorClass::kTargetUnsuitable);
  EXPECT_EQ(pinned.status().message(),
            "the server is PostgreSQL 14; the oldest that Spillway works with is 15");
}

TEST_P(ConnectionTest, TlsIsVerified) {
  const auto folder = std::filesystem::temp_directory_path() / (database_ + "_tls");
  std::filesystem::create_directory(folder);
  const std::string key = folder / "server.key";
  const std::string certificate = folder / "server.crt";
  const std::string command =
      "openssl req -new -x509 -days 2 -nodes -subj /CN=localhost -addext "
      "subjectAltName=DNS:localhost -keyout " +
      key + " -out " + certificate + " 2>/dev/null";
  if (std::system(command.c_str()) != 0) GTEST_SKIP() << "openssl makes no certificate";
  auto own = testing::TestServer::Start(GetParam());
  ASSERT_TRUE(own.ok()) << own.status().ToString();
  testing::TestServer& server = **own;
  struct stat owner{};
  ASSERT_EQ(stat(server.data_directory().c_str(), &owner), 0);
  for (const char* file : {"server.key", "server.crt"}) {
    const std::string to = server.data_directory() + "/" + file;
    std::filesystem::copy_file(folder / file, to);
    ASSERT_EQ(chmod(to.c_str(), 0600), 0);
    ASSERT_EQ(chown(to.c_str(), owner.st_uid, owner.st_gid), 0);
  }
  testing::PlainSession admin(server.conninfo());
  if (const std::string refused = admin.Execute("ALTER SYSTEM SET ssl = on"); !refused.empty()) {
    EXPECT_NE(refused.find("not supported by this build"), std::string::npos) << refused;
    return;  // ErrorsOfConnectingHaveTheirClass asks such a server for TLS
  }
  ASSERT_TRUE(server.Reload().ok());
  const std::string base =
      "port=" + std::to_string(server.port()) + " user=spillway dbname=postgres ";
  const std::string verified =
      base + "host=localhost hostaddr=127.0.0.1 sslmode=verify-full sslrootcert=" + certificate;
  base::Status opened = OpenError(verified);
  for (int i = 0; i < 200 && !opened.ok(); ++i) {
    std::this_thread::sleep_for(milliseconds(10));
    opened = OpenError(verified);
  }
  EXPECT_TRUE(opened.ok()) << opened.ToString();
  auto connection = Connect(verified);
  auto rows = connection->Query(
      Soon(), Sql() << "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
  ASSERT_TRUE(rows.ok());
  EXPECT_TRUE(rows->boolean(0, 0));
  EXPECT_CLASS(
      OpenError(base +
                "host=otherhost hostaddr=127.0.0.1 sslmode=verify-full sslrootcert=" + certificate),
      kConnectionError);
  std::filesystem::remove_all(folder);
}

SPILLWAY_ON_EACH_SERVER(ConnectionTest);

TEST(ConnectionWithoutServerTest, ASilentHostEndsAtTheTimeout) {
  const SilentHost silent;
  ASSERT_NE(silent.port(), 0);
  const std::string url = "host=127.0.0.1 port=" + std::to_string(silent.port());
  auto timed_out =
      Connection::Open(base::Context(), {.url = url, .connect_timeout = milliseconds(100)});
  ASSERT_FALSE(timed_out.ok());
  EXPECT_EQ(timed_out.status().error_class(), base::ErrorClass::kConnectionError);
  std::stop_source source;
  source.request_stop();
  auto stopped = Connection::Open({base::Deadline(), source.get_token()}, {.url = url});
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.status().error_class(), base::ErrorClass::kCancelled);
}

}  // namespace
}  // namespace spillway::target::postgres
