#include "state/durable_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace spillway::state {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

constexpr std::size_t kLargest = std::size_t{16} << 20;

// Closes a descriptor at the end of a scope.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

Status WriteAll(int descriptor, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError(errno, "write", path);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return Status();
}

Status WriteNew(const std::string& path, std::string_view content, mode_t mode) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return FileError(errno, "replace", path);
  Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (file.number() < 0) return FileError(errno, "create", path);
  if (fchmod(file.number(), mode) != 0) return FileError(errno, "set the mode of", path);
  SPILLWAY_TRY(WriteAll(file.number(), content, path));
  if (fsync(file.number()) != 0) return FileError(errno, "sync", path);
  return Status();
}

}  // namespace

Status FileError(int error_number, std::string_view action, std::string_view path) {
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  return Status(full ? ErrorClass::kStoreNoSpace : ErrorClass::kFileUnusable,
                "cannot " + std::string(action) + " " + std::string(path) + ": " +
                    std::system_category().message(error_number))
      .With("path", path)
      .With("errno", std::to_string(error_number));
}

Result<std::optional<std::string>> ReadSmallFile(const std::string& path) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0) {
    if (errno == ENOENT) return std::optional<std::string>();
    return FileError(errno, "open", path);
  }
  std::string content;
  char buffer[16384];
  for (;;) {
    const ssize_t count = read(file.number(), buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FileError(errno, "read", path);
    if (count == 0) return std::optional<std::string>(std::move(content));
    content.append(buffer, static_cast<std::size_t>(count));
    if (content.size() > kLargest) return FileError(EFBIG, "read", path);
  }
}

Status ReplaceFile(const std::string& path, std::string_view content, mode_t mode) {
  const std::string fresh = path + ".new";
  if (Status written = WriteNew(fresh, content, mode); !written.ok()) {
    unlink(fresh.c_str());
    return written;
  }
  if (rename(fresh.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(fresh.c_str());
    return FileError(error, "replace", path);
  }
  return SyncFolder(std::filesystem::path(path).parent_path().string());
}

Status MakeFolders(const std::string& path, mode_t mode) {
  struct stat existing{};
  if (stat(path.c_str(), &existing) == 0) {
    return S_ISDIR(existing.st_mode) ? Status() : FileError(ENOTDIR, "use the folder", path);
  }
  const std::string parent = std::filesystem::path(path).parent_path().string();
  if (!parent.empty() && parent != path) SPILLWAY_TRY(MakeFolders(parent, mode));
  if (mkdir(path.c_str(), mode) != 0) {
    return errno == EEXIST ? Status() : FileError(errno, "make the folder", path);
  }
  return SyncFolder(parent);
}

Status SyncFolder(const std::string& path) {
  Descriptor folder(open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.number() < 0) return FileError(errno, "open the folder", path);
  if (fsync(folder.number()) != 0) return FileError(errno, "sync the folder", path);
  return Status();
}

}  // namespace spillway::state
