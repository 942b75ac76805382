#include "target/postgres/testing/pgbouncer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

namespace spillway::target::postgres::testing {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
namespace fs = std::filesystem;

std::string Program() {
  if (const char* own = getenv("SPILLWAY_PGBOUNCER"); own != nullptr) return own;
  const char* cache = getenv("SPILLWAY_CACHE");
  const char* home = getenv("HOME");
  return (cache != nullptr ? std::string(cache)
                           : std::string(home == nullptr ? "/root" : home) + "/.cache/spillway") +
         "/pgbouncer/run";
}

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

int FreePort() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  bind(probe, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size);
  close(probe);
  return ntohs(address.sin_port);
}

bool Listens(int port) {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  const bool listens =
      connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(probe);
  return listens;
}

}  // namespace

Result<std::unique_ptr<PgBouncer>> PgBouncer::Start(int server_port, std::string_view pool_mode) {
  const std::string program = Program();
  if (!fs::exists(program)) {
    return Status(ErrorClass::kLocalPostgres, "no PgBouncer at " + program)
        .Mend("Install it: tools/install-pgbouncer.");
  }
  std::unique_ptr<PgBouncer> bouncer(new PgBouncer);
  std::string name = "/tmp/spillway-pgbouncer-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) {
    return Status(ErrorClass::kLocalPostgres, "cannot make a folder in /tmp");
  }
  bouncer->directory_ = name;
  bouncer->port_ = FreePort();
  chmod(name.c_str(), 0755);
  std::ofstream(name + "/pgbouncer.ini")
      << "[databases]\n* = host=127.0.0.1 port=" << server_port
      << " user=spillway\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = " << bouncer->port_
      << "\nauth_type = any\npool_mode = " << pool_mode
      << "\nunix_socket_dir =\nmax_client_conn = 100\ndefault_pool_size = 20\n";
  bouncer->process_ = fork();
  if (bouncer->process_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const std::string log = name + "/log";
    if (freopen(log.c_str(), "w", stderr) == nullptr) _exit(126);
    const std::string configuration = name + "/pgbouncer.ini";
    if (geteuid() == 0) {
      // It refuses to run as root, and the folder of the cache may be closed to others: it changes
      // the user itself.
      execl(program.c_str(), "pgbouncer", "-u", "nobody", configuration.c_str(), nullptr);
    } else {
      execl(program.c_str(), "pgbouncer", configuration.c_str(), nullptr);
    }
    _exit(127);
  }
  for (int i = 0; i < 500; ++i) {
    if (Listens(bouncer->port_)) return bouncer;
    int status = 0;
    if (waitpid(bouncer->process_, &status, WNOHANG) == bouncer->process_) {
      bouncer->process_ = -1;
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::ifstream log(name + "/log");
  return Status(
      ErrorClass::kLocalPostgres,
      "PgBouncer does not start: " + std::string((std::istreambuf_iterator<char>(log)), {}));
}

PgBouncer::~PgBouncer() {
  if (process_ > 0) {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  std::error_code ignored;
  if (!directory_.empty()) fs::remove_all(directory_, ignored);
}

}  // namespace spillway::target::postgres::testing
