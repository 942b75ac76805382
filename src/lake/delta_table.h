#ifndef SPILLWAY_LAKE_DELTA_TABLE_H_
#define SPILLWAY_LAKE_DELTA_TABLE_H_

#include <memory>

#include "base/context.h"
#include "base/result.h"
#include "lake/lake.h"
#include "lake/lakeio_runtime.h"

namespace spillway::lake {

/// Makes the port's table of an opened lakeio table, asking lakeio to describe it.
base::Result<std::unique_ptr<Table>> MakeDeltaTable(const base::Context& context,
                                                    std::shared_ptr<Runtime> runtime,
                                                    LakeioTable table);

}  // namespace spillway::lake

#endif  // SPILLWAY_LAKE_DELTA_TABLE_H_
