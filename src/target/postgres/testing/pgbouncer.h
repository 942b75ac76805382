#ifndef SPILLWAY_TARGET_POSTGRES_TESTING_PGBOUNCER_H_
#define SPILLWAY_TARGET_POSTGRES_TESTING_PGBOUNCER_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace spillway::target::postgres::testing {

/// A real PgBouncer on a free port of 127.0.0.1 in front of a server there. Ended by the
/// destructor.
class PgBouncer {
 public:
  /// `pool_mode` is PgBouncer's: session, transaction, statement. Errors: LOCAL_POSTGRES when it is
  /// not installed (tools/install-pgbouncer) or does not start.
  static base::Result<std::unique_ptr<PgBouncer>> Start(int server_port,
                                                        std::string_view pool_mode);
  ~PgBouncer();
  PgBouncer(const PgBouncer&) = delete;
  PgBouncer& operator=(const PgBouncer&) = delete;
  int port() const { return port_; }

 private:
  PgBouncer() = default;
  std::string directory_;
  int port_ = 0;
  pid_t process_ = -1;
};

}  // namespace spillway::target::postgres::testing

#endif  // SPILLWAY_TARGET_POSTGRES_TESTING_PGBOUNCER_H_
