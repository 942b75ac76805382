#ifndef SPILLWAY_TARGET_WRITE_ALL_TEST_H_
#define SPILLWAY_TARGET_WRITE_ALL_TEST_H_

#include <vector>

#include "target/task_writer.h"

namespace spillway::target {

/// Writes the rows of a batch that has no bad one; tests only. Errors: those of WriteGood, and that
/// of a bad row.
inline base::Status WriteAll(TaskWriter& writer, const base::Context& context,
                             const data::Batch& batch) {
  std::vector<BadRow> bad;
  SPILLWAY_TRY(writer.WriteGood(context, batch, &bad));
  return bad.empty() ? base::Status() : BadRowsError("the table", bad);
}

}  // namespace spillway::target

#endif  // SPILLWAY_TARGET_WRITE_ALL_TEST_H_
