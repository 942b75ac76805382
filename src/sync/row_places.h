#ifndef SPILLWAY_SYNC_ROW_PLACES_H_
#define SPILLWAY_SYNC_ROW_PLACES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "lake/lake.h"
#include "target/bad_row.h"

namespace spillway::sync {

/// Finds the data file and the position in it of rows of one split, by reading the split again for
/// nothing but that. Costs nothing before the first call. Used by one thread.
class RowPlaces {
 public:
  /// `scan` is the document that the split was read with. Arguments are kept by reference but
  /// `split`.
  RowPlaces(lake::Lake& lake, const lake::Location& location, const std::string& scan,
            std::string_view split, const lake::ReadOptions& options);

  /// Replaces each row's number in the split's stream by its file and position. Numbers ascend,
  /// also from call to call. Errors: those of reading; DATA_FILE_MISSING when the split has fewer
  /// rows than before.
  base::Status Locate(const base::Context& context, std::vector<target::BadRow>* rows);

 private:
  base::Status Advance(const base::Context& context);

  lake::Lake& lake_;
  const lake::Location& location_;
  const std::string& scan_;
  const std::string split_;
  const lake::ReadOptions options_;
  std::unique_ptr<data::BatchStream> stream_;
  std::optional<data::Batch> batch_;
  std::int64_t first_ = 0;  ///< number of the batch's first row in the stream
};

}  // namespace spillway::sync

#endif  // SPILLWAY_SYNC_ROW_PLACES_H_
