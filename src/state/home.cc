#include "state/home.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "base/absolute_path.h"
#include "state/durable_file.h"

namespace spillway::state {

using base::ErrorClass;
using base::Result;
using base::Status;

Environment ProcessEnvironment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

Result<Home> Home::Resolve(std::string_view chosen, const Environment& environment) {
  const auto variable = [&](const char* name) { return environment(name).value_or(""); };
  std::string path(chosen);
  if (path.empty()) path = variable("SPILLWAY_HOME");
  if (path.empty() && geteuid() == 0) path = "/var/lib/spillway";
  if (path.empty()) {
    // The XDG Base Directory Specification says that a relative value is to be ignored.
    std::string data = variable("XDG_DATA_HOME");
    if (!data.starts_with('/')) {
      const std::string user_home = variable("HOME");
      if (user_home.empty()) {
        return Status(ErrorClass::kFileUnusable, "there is no folder for Spillway's state")
            .Mend("Name one with --home FOLDER or SPILLWAY_HOME.");
      }
      data = user_home + "/.local/share";
    }
    path = data + "/spillway";
  }
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (error) return FileError(error.value(), "find the folder", path);
  return Home(base::AbsolutePath("/", absolute.string()));
}

Status Home::Prepare() const {
  struct stat found{};
  if (stat(path_.c_str(), &found) == 0) {
    return S_ISDIR(found.st_mode) ? Status() : FileError(ENOTDIR, "use as home", path_);
  }
  if (lstat(path_.c_str(), &found) == 0 && S_ISLNK(found.st_mode)) {
    return Status(base::ErrorClass::kFileUnusable,
                  "the home is a symbolic link that leads nowhere: " + path_)
        .With("path", path_)
        .Mend("Make the folder that it names, or remove the link.");
  }
  SPILLWAY_TRY(MakeFolders(std::filesystem::path(path_).parent_path().string(), 0755));
  const mode_t mode = geteuid() == 0 ? 0711 : 0700;
  SPILLWAY_TRY(MakeFolders(path_, mode));
  // The umask may have taken the right to pass through away.
  if (chmod(path_.c_str(), mode) != 0) return FileError(errno, "set the mode of", path_);
  return Status();
}

}  // namespace spillway::state
