#ifndef SPILLWAY_LAKEBASE_PASSAGE_H_
#define SPILLWAY_LAKEBASE_PASSAGE_H_

#include <string>
#include <vector>

#include "base/result.h"
#include "lakebase/os_user.h"

namespace spillway::lakebase {

/// Whether `user` may enter `folder`, tried in a child process that has become the user.
bool CanEnter(const OsUser& user, const std::string& folder);

/// Sees to it that the server's user can enter `folder`, which root keeps under `home`. Where a
/// folder on the way is closed to it, the user alone is given the right to pass through (an access
/// control entry u:NAME:--x); where the file system has no such entries, everybody is, but only on
/// folders from `home` down. Returns a note for each right given above `home`. LOCAL_POSTGRES
/// naming the folder that stays closed. Does nothing when the user is ourselves.
base::Result<std::vector<std::string>> OpenPassage(const OsUser& user, const std::string& home,
                                                   const std::string& folder);

}  // namespace spillway::lakebase

#endif  // SPILLWAY_LAKEBASE_PASSAGE_H_
