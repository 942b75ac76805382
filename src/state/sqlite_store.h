#ifndef SPILLWAY_STATE_SQLITE_STORE_H_
#define SPILLWAY_STATE_SQLITE_STORE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "base/context.h"
#include "base/result.h"
#include "state/store.h"

namespace spillway::state {

/// What becomes of writes.
enum class WriteMode : std::uint8_t {
  kCommit,
  kRehearse,  ///< each is checked as ever, then rolled back
};

/// Opens the state file `path` (docs/formats/state.md), made with mode 0600 when it is not there.
/// Its folder must exist. A file or folder that cannot be written is opened for reading; writes
/// then fail with FILE_UNUSABLE. Errors: STATE_CORRUPT (damaged, truncated, not a state file),
/// NOT_YET_SUPPORTED (made by a newer Spillway), STATE_BUSY, FILE_UNUSABLE, STORE_NO_SPACE.
base::Result<std::unique_ptr<Store>> OpenSqliteStore(const base::Context& context,
                                                     const std::string& path,
                                                     WriteMode mode = WriteMode::kCommit);

}  // namespace spillway::state

#endif  // SPILLWAY_STATE_SQLITE_STORE_H_
