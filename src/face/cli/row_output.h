#ifndef SPILLWAY_FACE_CLI_ROW_OUTPUT_H_
#define SPILLWAY_FACE_CLI_ROW_OUTPUT_H_

#include <string>

#include "base/context.h"
#include "base/status.h"
#include "data/batch.h"
#include "face/cli/console.h"

namespace spillway::face::cli {

enum class RowFormat { kTable, kCsv, kNdjson, kParquet };

/// Whether `path` is something that a file must not take the place of: a pipe, a device, a socket.
bool IsSpecialFile(const std::string& path);

/// Writes every row of `rows` as text to the file `out`, which appears whole or not at all (a
/// pipe or device is written into), or to stdout when it is empty. kParquet is not a text format
/// and is refused. Errors: those of the stream, FILE_UNUSABLE, STORE_NO_SPACE.
base::Status WriteRows(const base::Context& context, RowFormat format, data::BatchStream& rows,
                       const std::string& out, Console* console);

}  // namespace spillway::face::cli

#endif  // SPILLWAY_FACE_CLI_ROW_OUTPUT_H_
