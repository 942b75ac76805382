#ifndef SPILLWAY_SYNC_OBSERVE_H_
#define SPILLWAY_SYNC_OBSERVE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "lake/lake.h"
#include "sync/definition.h"
#include "target/target.h"

namespace spillway::sync {

/// Everything a plan is made from, as it was at one moment. Reading it writes nothing anywhere.
struct Observation {
  target::TableState target;
  target::Capabilities capabilities;
  /// How the source stands to the recorded position; absent when the target has none.
  std::optional<lake::Relation> relation;
  /// The latest version of the source; null when `relation` is kSame and nothing else calls for a
  /// load.
  std::unique_ptr<lake::Table> source;
  lake::Totals totals;
  lake::Scan scan;
  std::vector<target::Column> columns;  ///< as the target shall have them
  /// The definition's, else the source's constraint; as the source writes the names.
  std::vector<std::string> key;
  std::string timeseries_key;  ///< as the source writes it; empty: none
};

/// True when the recorded position, the definition and the target's table leave nothing to do.
bool NothingChanged(const Definition& definition, const target::TableState& state,
                    std::optional<lake::Relation> relation);

/// CHANGED_PRIMARY_KEY when the published key is the source's and the source declares another now,
/// or none: readers find their rows by it, so somebody decides, by resync or by the definition's
/// primary_key. A key where none was published is taken.
base::Status CheckSourceKey(const Definition& definition, const Observation& observation);

/// Observes target first, then as little of the source as the question needs. `complete` opens the
/// source even when nothing changed (resync). `key_may_change`: not checked by CheckSourceKey.
/// Errors: those of the ports, IDENTIFIER_COLLISION, COLUMN_NOT_FOUND, INVALID_DEFINITION,
/// CHANGED_PRIMARY_KEY, DEPENDENT_OBJECTS_STILL_EXIST.
base::Result<Observation> Observe(const base::Context& context, const Definition& definition,
                                  const lake::Location& location, lake::Lake& lake,
                                  target::Target& target, bool complete, bool key_may_change);

}  // namespace spillway::sync

#endif  // SPILLWAY_SYNC_OBSERVE_H_
