#ifndef SPILLWAY_STATE_FILE_LOCK_H_
#define SPILLWAY_STATE_FILE_LOCK_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/context.h"
#include "base/result.h"

namespace spillway::state {

/// Who holds a lock, as written into its file.
struct LockHolder {
  std::int64_t pid = 0;
  std::string purpose;  ///< a run id, or a verb
};

/// An exclusive advisory lock (flock) on a file, among processes and among threads. The operating
/// system releases it when its owner dies. The file stays behind, so that nobody locks a name that
/// is being removed.
class FileLock {
 public:
  /// Takes the lock or returns nullptr when another holds it (its holder in `holder`, as far as it
  /// can be read). Makes the file (0600); its folder must exist. FILE_UNUSABLE, STORE_NO_SPACE.
  static base::Result<std::unique_ptr<FileLock>> TryAcquire(const std::string& path,
                                                            std::string_view purpose,
                                                            std::optional<LockHolder>* holder);
  /// Waits for the lock until the context ends: CANCELLED, or STATE_BUSY naming the holder.
  static base::Result<std::unique_ptr<FileLock>> Acquire(const base::Context& context,
                                                         const std::string& path,
                                                         std::string_view purpose);
  /// Who wrote its name into the file and has not let go; nothing when nobody has or it cannot be
  /// read. One that died stays named.
  static std::optional<LockHolder> ReadHolder(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
  bool is_held_ = false;
};

}  // namespace spillway::state

#endif  // SPILLWAY_STATE_FILE_LOCK_H_
