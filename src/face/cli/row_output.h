#ifndef SPILLWAY_FACE_CLI_ROW_OUTPUT_H_
#define SPILLWAY_FACE_CLI_ROW_OUTPUT_H_

#include <memory>
#include <string>
#include <string_view>

#include "base/context.h"
#include "base/result.h"
#include "data/batch.h"
#include "face/cli/console.h"
#include "service/world.h"

namespace spillway::face::cli {

enum class RowFormat { kTable, kCsv, kNdjson, kParquet };

inline constexpr std::string_view kOutHelp =
    "A file in a folder that is there, written whole or not at all (else stdout)";

/// Where rows are written, and how: to stdout or to a file. A value, made before the rows are read
/// so that what cannot work is refused early.
class RowOutput {
 public:
  /// `out`: a path, through symbolic links; empty: stdout. Errors: FILE_UNUSABLE for a folder and
  /// for a file in a folder that is not there; INVALID_ARGUMENT for Parquet that does not go to a
  /// regular file.
  static base::Result<RowOutput> To(RowFormat format, const std::string& out);

  /// Writes every row of `rows`, and a remark how many there were when they went to a file. The
  /// file appears whole or not at all, in the place of one that was there; a pipe or device is
  /// written into. Errors: those of the stream, FILE_UNUSABLE, STORE_NO_SPACE.
  base::Status Write(const base::Context& context, service::World& world,
                     std::unique_ptr<data::BatchStream> rows, Console* console) const;

 private:
  RowOutput(RowFormat format, std::string out) : format_(format), out_(std::move(out)) {}

  RowFormat format_;
  std::string out_;          ///< as given; empty: stdout
  std::string file_;         ///< absolute, links resolved
  bool is_special_ = false;  ///< a pipe, a device, a socket, whose place no file may take
};

}  // namespace spillway::face::cli

#endif  // SPILLWAY_FACE_CLI_ROW_OUTPUT_H_
