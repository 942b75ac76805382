#ifndef SPILLWAY_TARGET_POSTGRES_TESTING_TEST_SERVER_H_
#define SPILLWAY_TARGET_POSTGRES_TESTING_TEST_SERVER_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

/// Real PostgreSQL clusters for tests. Not for the product: spillway's own clusters are lakebase's.
namespace spillway::target::postgres::testing {

/// The servers that the adapter is tested against.
enum class ServerVersion : std::uint8_t { k15, k18 };

/// A PostgreSQL cluster of its own in a temporary directory, on a free port of 127.0.0.1, without
/// durability (fsync off). Runs as user postgres, or nobody, when we are root. Stopped and removed
/// by the destructor; the kernel stops it when the process dies otherwise. Used by one thread at a
/// time, except conninfo().
class TestServer {
 public:
  /// Settings of postgresql.conf, added to or replacing the ones of its own.
  using Settings = std::map<std::string, std::string>;

  /// Folder of the version's programs: $SPILLWAY_PG15_BIN or Debian's; $SPILLWAY_PG18_BIN or what
  /// tools/install-pg18 installed. Errors: LOCAL_POSTGRES with the mend when there is none (tests
  /// skip then, and say so).
  static base::Result<std::string> Programs(ServerVersion version);

  /// Makes a cluster and returns when it accepts writes. Blocks for one or two seconds, at most 60.
  /// Errors: LOCAL_POSTGRES with the log's end.
  static base::Result<std::unique_ptr<TestServer>> Start(ServerVersion version,
                                                         const Settings& settings = {});
  /// The process' own cluster of that version, started by the first call and removed at exit.
  /// nullptr when it cannot be had; `why` then says so.
  static TestServer* Shared(ServerVersion version, std::string* why);

  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer();

  ServerVersion version() const { return version_; }
  int port() const { return port_; }
  /// libpq connection string of superuser "spillway" (no password is asked for) to `database`.
  std::string conninfo(std::string_view database = "postgres") const;
  /// Creates a database and returns its connection string. `name` needs no quoting in SQL.
  base::Result<std::string> CreateDatabase(std::string_view name);
  /// Folder of the cluster's data, for pg_hba.conf and the like; Reload() makes the server read
  /// them again.
  std::string data_directory() const { return directory_ + "/data"; }
  base::Status Reload();

  /// Stops: every session is ended, the data are written.
  base::Status Stop();
  /// Stops as if the power went: SIGKILL to every process of the cluster. Without fsync the
  /// operating system still has all that was written.
  void Crash();
  /// Starts again after Stop or Crash, on the same port.
  base::Status StartAgain();
  /// What the server logged since it was made.
  std::string Log() const;

 private:
  TestServer(ServerVersion version, std::string directory);
  base::Status Initialize(const Settings& settings);
  base::Status WaitUntilReady();
  void Reap(int seconds);

  ServerVersion version_;
  std::string directory_;
  std::string programs_;
  int port_ = 0;
  pid_t postmaster_ = -1;
};

}  // namespace spillway::target::postgres::testing

#endif  // SPILLWAY_TARGET_POSTGRES_TESTING_TEST_SERVER_H_
