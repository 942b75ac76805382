#ifndef SPILLWAY_TARGET_POSTGRES_STAGE_ROWS_H_
#define SPILLWAY_TARGET_POSTGRES_STAGE_ROWS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "target/bad_row.h"
#include "target/postgres/session/connection.h"
#include "target/stage.h"

/// What is done to the rows of a stage between its load and its indexes. Each function runs its own
/// transaction under the fence on a connection that the caller lends, and means what the function
/// of Target of its name means.
namespace spillway::target::postgres {

base::Result<std::int64_t> KeepGreatest(const base::Context& context, Connection& connection,
                                        const Stage& stage, const std::vector<std::string>& key,
                                        const std::string& column);

base::Result<std::vector<std::string>> RepeatedImages(const base::Context& context,
                                                      Connection& connection, const Stage& stage,
                                                      const std::vector<std::string>& columns,
                                                      std::int64_t limit);

base::Result<std::int64_t> RejectStageRows(const base::Context& context, Connection& connection,
                                           const Stage& stage, const std::vector<BadRow>& rows);

base::Result<std::int64_t> RemoveImages(const base::Context& context, Connection& connection,
                                        const Stage& stage, const std::vector<std::string>& columns,
                                        const std::vector<std::string>& images);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_STAGE_ROWS_H_
