#ifndef SPILLWAY_SYNC_DUPLICATES_H_
#define SPILLWAY_SYNC_DUPLICATES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "lake/lake.h"
#include "sync/plan.h"
#include "target/key_register.h"
#include "target/target.h"

namespace spillway::sync {

/// Rows of a loaded stage whose key is not unique, and what is needed to find them in the source.
struct DuplicateSearch {
  lake::Lake* lake = nullptr;
  target::Target* target = nullptr;
  const lake::Table* source = nullptr;
  lake::Location location;
  lake::Scan scan;
  const Plan* plan = nullptr;
  target::Stage stage;
  std::vector<std::string> key;
  /// What rows must agree in to be duplicates: the key, and the timeseries key if there is one.
  std::vector<std::string> columns;
  std::optional<std::int64_t> max_rejected;
  std::int64_t rejected = 0;            ///< of the load
  target::KeyRegister* keys = nullptr;  ///< of the load; may be null
};

/// Rejects every row of every duplicated key, each with its own file and position, and removes them
/// from the stage. The source is read once more for each 200,000 such keys. Returns the rows
/// removed. Errors: TOO_MANY_REJECTED as soon as the bound is passed; those of the ports.
base::Result<std::int64_t> RejectDuplicates(const base::Context& context,
                                            const DuplicateSearch& search);

/// Rejects the first row of each key that the load's register saw again (its other rows were held
/// back by their tasks), from a second read of its task's splits only. Returns the images of their
/// keys: the rows are in the stage still. Errors: TOO_MANY_REJECTED; INTERNAL when the register
/// took two keys for one, which another run does not do.
base::Result<std::vector<std::string>> RejectFirstRows(const base::Context& context,
                                                       const DuplicateSearch& search);

/// What building a stage's key found.
struct KeyOutcome {
  std::int64_t superseded = 0;  ///< rows removed because a greater timeseries key won
  std::int64_t rejected = 0;    ///< rows removed because their key is a duplicate
};

/// Builds the key and indexes of the stage. Rows that stand in the key's way are dealt with as the
/// definition says: with `timeseries_key` the greatest wins, then duplicates are rejected or are
/// the error, with file and position of up to ten of their rows. Errors: those of
/// Target::BuildIndexes and RejectDuplicates.
base::Result<KeyOutcome> BuildKeyAndIndexes(const base::Context& context,
                                            const DuplicateSearch& search,
                                            const target::IndexSpec& index,
                                            const std::string& timeseries_key, bool reject);

}  // namespace spillway::sync

#endif  // SPILLWAY_SYNC_DUPLICATES_H_
