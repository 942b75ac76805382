#ifndef SPILLWAY_LAKEBASE_CLUSTER_CREATION_H_
#define SPILLWAY_LAKEBASE_CLUSTER_CREATION_H_

#include "base/context.h"
#include "base/result.h"
#include "base/secret.h"
#include "lakebase/branch_folder.h"
#include "lakebase/os_user.h"
#include "lakebase/server_programs.h"

namespace spillway::lakebase {

/// Removes what CreateData left beside the data folder when its process died. What cannot be
/// removed whole (an initdb that is still dying writes into it) waits for the next call. REQUIRES:
/// the caller holds the cluster's lock.
void RemoveUnfinishedData(const BranchFolder& folder);

/// Makes the data folder of a branch: initdb into a temporary folder beside it, the configuration,
/// then a rename.
/// REQUIRES: the caller holds the cluster's lock; folder.path() exists; folder.data() does not.
base::Status CreateData(const base::Context& context, const BranchFolder& folder,
                        const ServerPrograms& programs, const OsUser& user,
                        const base::Secret& password);

}  // namespace spillway::lakebase

#endif  // SPILLWAY_LAKEBASE_CLUSTER_CREATION_H_
