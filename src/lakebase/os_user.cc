#include "lakebase/os_user.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

namespace spillway::lakebase {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

// Calls one of the reentrant look-ups with a buffer that grows.
template <typename LookUp>
std::optional<OsUser> Find(LookUp look_up) {
  std::vector<char> buffer(4096);
  for (;;) {
    passwd entry{};
    passwd* found = nullptr;
    const int error = look_up(&entry, buffer.data(), buffer.size(), &found);
    if (error == ERANGE && buffer.size() < (std::size_t{1} << 20)) {
      buffer.resize(buffer.size() * 2);
      continue;
    }
    if (error != 0 || found == nullptr) return std::nullopt;
    OsUser user;
    user.name = found->pw_name;
    user.uid = found->pw_uid;
    user.gid = found->pw_gid;
    user.is_self = user.uid == geteuid();
    int count = 64;
    user.groups.resize(static_cast<std::size_t>(count));
    while (getgrouplist(user.name.c_str(), user.gid, user.groups.data(), &count) < 0) {
      user.groups.resize(static_cast<std::size_t>(count));
    }
    user.groups.resize(static_cast<std::size_t>(count));
    return user;
  }
}

std::optional<OsUser> ByName(const char* name) {
  return Find([name](passwd* entry, char* buffer, std::size_t size, passwd** found) {
    return getpwnam_r(name, entry, buffer, size, found);
  });
}

std::optional<OsUser> ByNumber(uid_t uid) {
  return Find([uid](passwd* entry, char* buffer, std::size_t size, passwd** found) {
    return getpwuid_r(uid, entry, buffer, size, found);
  });
}

// Containers run processes under numbers that no user database lists.
OsUser Nameless(uid_t uid) {
  OsUser user;
  user.name = std::to_string(uid);
  user.uid = uid;
  user.gid = uid == geteuid() ? getegid() : static_cast<gid_t>(uid);
  user.groups = {user.gid};
  user.is_self = uid == geteuid();
  return user;
}

}  // namespace

Result<OsUser> ServerUser() {
  if (geteuid() != 0) return UserByNumber(geteuid());
  for (const char* name : {"postgres", "nobody"}) {
    if (auto user = ByName(name); user && user->uid != 0) return *std::move(user);
  }
  return Status(ErrorClass::kLocalPostgres,
                "PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
      .Mend("Make one (adduser --system --group postgres), or run spillway as another user.");
}

Result<OsUser> UserByNumber(uid_t uid) {
  OsUser user = ByNumber(uid).value_or(Nameless(uid));
  if (user.is_self || geteuid() == 0) return user;
  return Status(ErrorClass::kLocalPostgres,
                "the local PostgreSQL belongs to another user: " + user.name)
      .With("user", user.name)
      .Mend("Run as " + user.name + " or root, or choose another --home.");
}

}  // namespace spillway::lakebase
