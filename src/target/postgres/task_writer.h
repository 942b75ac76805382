#ifndef SPILLWAY_TARGET_POSTGRES_TASK_WRITER_H_
#define SPILLWAY_TARGET_POSTGRES_TASK_WRITER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/schema.h"
#include "target/postgres/session/pool.h"
#include "target/stage.h"
#include "target/task_writer.h"

namespace spillway::target::postgres {

/// Begins the transaction of one task: locks the fence row shared, sees that the stage is open and
/// whether the task is there already. `pool` outlives the writer, which keeps one connection of it.
/// Errors: FENCED; those of CopyEncoder.
base::Result<std::unique_ptr<TaskWriter>> OpenTaskWriter(const base::Context& context, Pool& pool,
                                                         const Stage& stage,
                                                         std::string_view task_id,
                                                         const data::Schema& schema,
                                                         const TaskOptions& options);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_TASK_WRITER_H_
