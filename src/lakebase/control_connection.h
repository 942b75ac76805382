#ifndef SPILLWAY_LAKEBASE_CONTROL_CONNECTION_H_
#define SPILLWAY_LAKEBASE_CONTROL_CONNECTION_H_

#include <string>

#include "base/context.h"
#include "base/result.h"
#include "lakebase/cluster.h"

namespace spillway::lakebase {

/// Returns when the server at `endpoint` accepts writes in its database. Tries again while the
/// server is starting or recovering. LOCAL_POSTGRES, CANCELLED, DEADLINE_EXCEEDED.
base::Status AwaitWritable(const base::Context& context, const Endpoint& endpoint);

}  // namespace spillway::lakebase

#endif  // SPILLWAY_LAKEBASE_CONTROL_CONNECTION_H_
