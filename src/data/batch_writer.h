#ifndef SPILLWAY_DATA_BATCH_WRITER_H_
#define SPILLWAY_DATA_BATCH_WRITER_H_

#include <cstdio>
#include <functional>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "data/batch.h"
#include "data/schema.h"

/// Batches as text for people and programs (docs/formats/text.md). Used by one thread.
namespace spillway::data {

/// Where text goes, piece by piece; an error ends the writing.
using TextSink = std::function<base::Status(std::string_view)>;

/// Writes to `file`, which stays the caller's. Errors: FILE_UNUSABLE, STORE_NO_SPACE, with details
/// object = `name`.
TextSink FileSink(std::FILE* file, std::string name);

class BatchWriter {
 public:
  virtual ~BatchWriter() = default;
  /// Writes all rows. REQUIRES: the schema given when the writer was made. Errors: those of the
  /// sink; of a value that has no text form, with details column, reason and row (from 0, over all
  /// batches): nothing of that row is written.
  virtual base::Status Write(const Batch& batch) = 0;
  /// Writes what is left (a header when there was no row). Once, at the end, when all went well.
  virtual base::Status Finish() = 0;
};

/// RFC 4180 with a header line. NULL is an empty cell, an empty string is "".
base::Result<std::unique_ptr<BatchWriter>> MakeCsvWriter(std::shared_ptr<const Schema> schema,
                                                         TextSink sink);

/// One JSON object a line, fields in column order.
base::Result<std::unique_ptr<BatchWriter>> MakeNdjsonWriter(std::shared_ptr<const Schema> schema,
                                                            TextSink sink);

struct TableOptions {
  int max_column_width = 60;  ///< in terminal columns; a longer value ends in …
  int rows_for_widths =
      1000;  ///< rows looked at before the columns' widths are fixed; later values are cut to them
};
/// An aligned table for terminals: a header, a line, the rows; numbers to the right, NULL as NULL.
base::Result<std::unique_ptr<BatchWriter>> MakeTableWriter(std::shared_ptr<const Schema> schema,
                                                           const TableOptions& options,
                                                           TextSink sink);

}  // namespace spillway::data

#endif  // SPILLWAY_DATA_BATCH_WRITER_H_
