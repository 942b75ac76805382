#ifndef SPILLWAY_LAKEBASE_CLUSTER_H_
#define SPILLWAY_LAKEBASE_CLUSTER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "base/secret.h"
#include "state/home.h"

/// PostgreSQL servers that Spillway runs itself on this machine.
namespace spillway::lakebase {

/// How a running server is reached.
struct Endpoint {
  std::string host;  ///< 127.0.0.1
  std::uint16_t port = 0;
  std::string database;
  std::string user;
  std::string password_file;  ///< in .pgpass form, 0600; for this server's hosts only
  base::Secret password;      ///< the same; pass it on, since PGPASSWORD goes before a file
  std::string socket_folder;  ///< holds the Unix socket; a host that libpq takes, the faster one
  std::string url;            ///< postgresql://… that names the password file, not the password
  /// The same with what libpq else takes from environment variables, which are for other servers.
  std::string steadfast_url;
};

enum class ClusterState : std::uint8_t { kAbsent, kStopped, kStarting, kRunning };
/// absent, stopped, starting, running.
std::string_view Name(ClusterState state);

struct ClusterStatus {
  ClusterState state = ClusterState::kAbsent;
  std::string uid;             ///< the server's cluster_name; empty when absent
  std::int64_t pid = 0;        ///< of the postmaster; 0 when not running
  std::string server_version;  ///< 15.8; of the programs that run it
  std::string os_user;         ///< who runs it
  std::string data_folder;
  std::string log_file;
  std::optional<Endpoint> endpoint;  ///< without the password; absent when the cluster is
};

struct StartOptions {
  std::optional<std::uint16_t> port;  ///< kept from now on; a running server must be stopped first
};

/// kFast ends sessions and writes a checkpoint; kImmediate ends at once, the next start recovers.
enum class StopMode : std::uint8_t { kFast, kImmediate };

/// What a start did.
struct Started {
  Endpoint endpoint;
  bool already = false;  ///< it was running
  bool created = false;  ///< this start made the cluster
  std::vector<std::string>
      notes;  ///< things a user should know, for instance a right that was given
};

/// How psql is run. Variables carry the connection, so that psql's own arguments replace just the
/// parts that they name.
struct PsqlCommand {
  std::vector<std::string> arguments;              ///< [0] is the program
  std::map<std::string, std::string> environment;  ///< to set
  std::vector<std::string> unset;  ///< libpq would take these before what `environment` says
};

/// The local cluster of a home: made by the first start, in folder lakebase/local, as branch of a
/// project that more can be put beside. A server outlives the process that started it. All calls
/// block; calls of several processes take turns. Errors are LOCAL_POSTGRES with what is wrong and
/// the mend, CANCELLED, DEADLINE_EXCEEDED, FILE_UNUSABLE, STORE_NO_SPACE. Not thread-safe.
class Cluster {
 public:
  /// Opens nothing. `environment`: SPILLWAY_PG_BIN names the folder of the server's programs.
  Cluster(state::Home home, state::Environment environment);

  /// Makes the cluster if there is none, starts it if it does not run, and returns when it accepts
  /// writes. Interrupted at any moment, by death too, a later start completes the work. At most two
  /// minutes, or the context's deadline.
  base::Result<Started> Start(const base::Context& context, const StartOptions& options);

  /// Returns when the server has ended; at once when none runs.
  base::Status Stop(const base::Context& context, StopMode mode);

  /// Reads only.
  base::Result<ClusterStatus> GetStatus(const base::Context& context) const;

  /// What runs psql on the cluster, running or not, with `arguments`, which may name another
  /// database, user or server; the password goes to this machine only.
  base::Result<PsqlCommand> MakePsqlCommand(const base::Context& context,
                                            const std::vector<std::string>& arguments) const;

 private:
  state::Home home_;
  state::Environment environment_;
};

}  // namespace spillway::lakebase

#endif  // SPILLWAY_LAKEBASE_CLUSTER_H_
