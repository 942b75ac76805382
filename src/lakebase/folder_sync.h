#ifndef SPILLWAY_LAKEBASE_FOLDER_SYNC_H_
#define SPILLWAY_LAKEBASE_FOLDER_SYNC_H_

#include <string>

#include "base/context.h"
#include "base/status.h"

namespace spillway::lakebase {

/// Makes every file and folder below `path`, and itself, durable. Several threads sync at once, so
/// that the file system commits many files together: a fresh cluster's thousand small files take a
/// fraction of the time of one after the other, and nothing waits for other programs' unwritten
/// files, as it would with syncfs(2). CANCELLED, DEADLINE_EXCEEDED, FILE_UNUSABLE, STORE_NO_SPACE.
base::Status SyncTree(const base::Context& context, const std::string& path);

}  // namespace spillway::lakebase

#endif  // SPILLWAY_LAKEBASE_FOLDER_SYNC_H_
