#ifndef SPILLWAY_TARGET_POSTGRES_COPY_COPY_ENCODER_H_
#define SPILLWAY_TARGET_POSTGRES_COPY_COPY_ENCODER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/batch.h"
#include "data/schema.h"
#include "target/bad_row.h"
#include "target/postgres/copy/column_encoder.h"
#include "target/table_state.h"

namespace spillway::target::postgres {

/// Turns batches into PostgreSQL's binary COPY format (COPY, "Binary Format", in the PostgreSQL
/// manual): column pointers in, bytes out, no virtual call per value. Every value's bytes are those
/// that the server itself sends for it. Used by one thread; holds no reference to a batch between
/// calls.
class CopyEncoder {
 public:
  /// `schema` is that of the batches, `columns` the target's columns in the same order. Errors:
  /// UNSUPPORTED_COLUMN_TYPE, INVALID_DEFINITION for an override without an encoding. `key` lists
  /// the indexes of the key columns (bad-row reports; NULL there is a bad row).
  static base::Result<CopyEncoder> Make(const data::Schema& schema,
                                        const std::vector<Column>& columns,
                                        std::vector<std::size_t> key,
                                        const EncodeOptions& options = {});
  CopyEncoder(CopyEncoder&&) noexcept;
  CopyEncoder& operator=(CopyEncoder&&) noexcept;
  ~CopyEncoder();

  /// The file header: once, before the first row.
  static void AppendHeader(std::string* out);
  /// The file trailer: once, after the last row.
  static void AppendTrailer(std::string* out);

  /// Appends those of the rows [first, first + count) of `batch` that can be stored; the others are
  /// appended to `*bad` in their order: column, key, reason, error_class, row (within the batch).
  /// Errors: INTERNAL.
  base::Status AppendGood(const data::Batch& batch, std::int64_t first, std::int64_t count,
                          std::string* out, std::vector<BadRow>* bad);

 private:
  struct Impl;
  explicit CopyEncoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_COPY_COPY_ENCODER_H_
