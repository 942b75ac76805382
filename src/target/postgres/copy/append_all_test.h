#ifndef SPILLWAY_TARGET_POSTGRES_COPY_APPEND_ALL_TEST_H_
#define SPILLWAY_TARGET_POSTGRES_COPY_APPEND_ALL_TEST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "target/postgres/copy/copy_encoder.h"

namespace spillway::target::postgres {

/// Appends rows of which all can be stored; tests only. Of a bad one nothing is appended, and the
/// error has its class and the details column, key, reason, row.
inline base::Status AppendAll(CopyEncoder& encoder, const data::Batch& batch, std::int64_t first,
                              std::int64_t count, std::string* out) {
  const std::size_t before = out->size();
  std::vector<BadRow> bad;
  SPILLWAY_TRY(encoder.AppendGood(batch, first, count, out, &bad));
  if (bad.empty()) return base::Status();
  out->resize(before);
  return base::Status(bad[0].error_class, "a value cannot be stored: " + bad[0].reason)
      .With("column", bad[0].column)
      .With("key", bad[0].key)
      .With("reason", bad[0].reason)
      .With("row", std::to_string(bad[0].row));
}

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_COPY_APPEND_ALL_TEST_H_
