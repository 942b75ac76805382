#ifndef SPILLWAY_LAKEBASE_OS_USER_H_
#define SPILLWAY_LAKEBASE_OS_USER_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace spillway::lakebase {

/// The operating system's user whom a server runs as.
struct OsUser {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  bool is_self = true;  ///< the process's own effective user: nothing is to be changed
};

/// Ourselves; for root, whom PostgreSQL refuses, `postgres`, else `nobody`. LOCAL_POSTGRES when
/// neither exists.
base::Result<OsUser> ServerUser();

/// The user with this number. LOCAL_POSTGRES when we may not become them (we are not root).
base::Result<OsUser> UserByNumber(uid_t uid);

}  // namespace spillway::lakebase

#endif  // SPILLWAY_LAKEBASE_OS_USER_H_
