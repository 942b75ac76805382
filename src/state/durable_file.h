#ifndef SPILLWAY_STATE_DURABLE_FILE_H_
#define SPILLWAY_STATE_DURABLE_FILE_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

/// Small files that are read and replaced whole.
namespace spillway::state {

/// The error of a failed system call: STORE_NO_SPACE, or FILE_UNUSABLE with details `path` and
/// `errno`. `action` is a present-tense phrase: "open the lock file".
base::Status FileError(int error_number, std::string_view action, std::string_view path);

/// The whole file, nullopt when there is none. FILE_UNUSABLE when it cannot be read or is larger
/// than 16 MiB.
base::Result<std::optional<std::string>> ReadSmallFile(const std::string& path);

/// Replaces the file by `content`: at any moment, power loss included, it holds the old or the new
/// bytes. Writes a file of the same name with ".new" appended first, so that callers of one path
/// must take turns.
base::Status ReplaceFile(const std::string& path, std::string_view content, mode_t mode);

/// Makes `path` and missing parents with `mode`. What exists is left as it is.
base::Status MakeFolders(const std::string& path, mode_t mode);

/// Makes a rename or a new entry in the folder `path` durable.
base::Status SyncFolder(const std::string& path);

}  // namespace spillway::state

#endif  // SPILLWAY_STATE_DURABLE_FILE_H_
