#ifndef SPILLWAY_TARGET_POSTGRES_INDEX_BUILD_H_
#define SPILLWAY_TARGET_POSTGRES_INDEX_BUILD_H_

#include "target/postgres/session/pool.h"
#include "target/stage.h"

namespace spillway::target::postgres {

/// Makes the key and the indexes of a stage without rows in a transaction that it rolls back.
/// Errors: INVALID_DEFINITION for what the server refuses, FENCED.
base::Status TryIndexes(const base::Context& context, Pool& pool, const Stage& stage,
                        const IndexSpec& index);

/// Makes the primary key of a stage, then its indexes, several at a time over connections of
/// `pool`; what an earlier call made is not made again. Errors: PRIMARY_KEY_CONSTRAINT_VIOLATION
/// with up to ten keys (details key, keys, key_count, reason, table), INVALID_DEFINITION for an
/// index that the server refuses, FENCED.
base::Status BuildIndexes(const base::Context& context, Pool& pool, const Stage& stage,
                          const IndexSpec& index);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_INDEX_BUILD_H_
