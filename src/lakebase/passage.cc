#include "lakebase/passage.h"

#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace spillway::lakebase {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

// The kernel's form of an access control list: a version, then entries ordered by tag and id, all
// little-endian (linux/posix_acl_xattr.h).
constexpr const char* kAttribute = "system.posix_acl_access";
constexpr std::uint32_t kVersion = 2;
enum Tag : std::uint16_t {
  kOwner = 0x01,
  kNamedUser = 0x02,
  kOwningGroup = 0x04,
  kNamedGroup = 0x08,
  kMask = 0x10,
  kOther = 0x20,
};
constexpr std::uint16_t kPass = 1;
constexpr std::uint32_t kNobody = 0xffffffff;

struct Entry {
  std::uint16_t tag;
  std::uint16_t rights;
  std::uint32_t id;
};
static_assert(sizeof(Entry) == 8);

Result<std::vector<Entry>> ReadList(const std::string& folder, mode_t mode) {
  char bytes[8192];
  const ssize_t size = getxattr(folder.c_str(), kAttribute, bytes, sizeof(bytes));
  if (size < 0 && errno == ENODATA) {
    const auto rights = [mode](int shift) {
      return static_cast<std::uint16_t>((mode >> shift) & 7);
    };
    return std::vector<Entry>{{kOwner, rights(6), kNobody},
                              {kOwningGroup, rights(3), kNobody},
                              {kOther, rights(0), kNobody}};
  }
  std::uint32_t version = 0;
  if (size >= static_cast<ssize_t>(sizeof(version))) std::memcpy(&version, bytes, sizeof(version));
  if (version != kVersion) {
    return Status(ErrorClass::kLocalPostgres, "the access control list cannot be read");
  }
  const std::size_t count = (static_cast<std::size_t>(size) - sizeof(version)) / sizeof(Entry);
  std::vector<Entry> list(count);
  std::memcpy(list.data(), bytes + sizeof(version), count * sizeof(Entry));
  return list;
}

void Allow(std::vector<Entry>* list, std::uint32_t uid) {
  const auto find = [&](std::uint16_t tag, std::uint32_t id) {
    return std::find_if(list->begin(), list->end(), [&](const Entry& entry) {
      return entry.tag == tag && (tag != kNamedUser || entry.id == id);
    });
  };
  if (const auto user = find(kNamedUser, uid); user != list->end()) {
    user->rights |= kPass;
  } else {
    list->push_back({kNamedUser, kPass, uid});
  }
  if (const auto mask = find(kMask, kNobody); mask != list->end()) {
    mask->rights |= kPass;
  } else {
    // The mask bounds the owning group too, so it must allow what the group has.
    const auto group = find(kOwningGroup, kNobody);
    const std::uint16_t group_rights = group == list->end() ? std::uint16_t{0} : group->rights;
    list->push_back({kMask, static_cast<std::uint16_t>(group_rights | kPass), kNobody});
  }
  std::sort(list->begin(), list->end(), [](const Entry& a, const Entry& b) {
    return a.tag != b.tag ? a.tag < b.tag : a.id < b.id;
  });
}

bool AllowByEntry(const OsUser& user, const std::string& folder, mode_t mode) {
  auto list = ReadList(folder, mode);
  if (!list.ok()) return false;
  Allow(&*list, user.uid);
  std::string bytes(sizeof(kVersion) + list->size() * sizeof(Entry), '\0');
  std::memcpy(bytes.data(), &kVersion, sizeof(kVersion));
  std::memcpy(bytes.data() + sizeof(kVersion), list->data(), list->size() * sizeof(Entry));
  return setxattr(folder.c_str(), kAttribute, bytes.data(), bytes.size(), 0) == 0;
}

Status Closed(const OsUser& user, const std::string& folder) {
  return Status(ErrorClass::kLocalPostgres, "the local PostgreSQL runs as user " + user.name +
                                                ", who cannot pass through " + folder)
      .With("path", folder)
      .With("user", user.name)
      .Mend("Allow it (chmod o+x " + folder + "), or choose a --home that " + user.name +
            " can reach.");
}

}  // namespace

bool CanEnter(const OsUser& user, const std::string& folder) {
  if (user.is_self) return access(folder.c_str(), X_OK) == 0;
  const char* path = folder.c_str();
  const pid_t child = fork();
  if (child == 0) {
    const bool entered = setgroups(user.groups.size(), user.groups.data()) == 0 &&
                         setgid(user.gid) == 0 && setuid(user.uid) == 0 && chdir(path) == 0;
    _exit(entered ? 0 : 1);
  }
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Result<std::vector<std::string>> OpenPassage(const OsUser& user, const std::string& home,
                                             const std::string& folder) {
  std::vector<std::string> notes;
  if (user.is_self || CanEnter(user, folder)) return notes;
  std::filesystem::path way;
  bool is_ours = false;
  for (const auto& part : std::filesystem::path(folder)) {
    way /= part;
    const std::string here = way.string();
    is_ours = is_ours || here == home;
    if (CanEnter(user, here)) continue;
    struct stat found{};
    if (stat(here.c_str(), &found) != 0) return Closed(user, here);
    const mode_t mode = found.st_mode & 07777;
    if (AllowByEntry(user, here, mode)) {
      if (!is_ours) {
        notes.push_back("user " + user.name +
                        ", who runs the local PostgreSQL, may now pass through " + here +
                        " (to take it back: setfacl -x u:" + user.name + " " + here + ")");
      }
    } else if (!is_ours || chmod(here.c_str(), mode | 0011) != 0) {
      return Closed(user, here);
    }
    if (!CanEnter(user, here)) return Closed(user, here);
  }
  if (!CanEnter(user, folder)) return Closed(user, folder);
  return notes;
}

}  // namespace spillway::lakebase
