#ifndef SPILLWAY_SERVICE_APPLY_H_
#define SPILLWAY_SERVICE_APPLY_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "service/configuration.h"
#include "service/world.h"

/// spillway plan and apply: the difference between what is declared and what is there, and making
/// it so. Repeating either is harmless.
namespace spillway::service {

/// What becomes of synced tables that are not declared.
enum class Prune : std::uint8_t { kLeave, kKeepTable, kDropTable };

enum class ChangeAction : std::uint8_t { kCreate, kChange, kLeave, kRemove };
/// create, change, leave, remove
std::string_view Name(ChangeAction action);

/// One field, option or URL that changes; empty where it is not set.
struct FieldChange {
  std::string key;
  std::string before;
  std::string after;
};

/// What happens to one thing.
struct Change {
  std::variant<TargetDeclaration, SourceDeclaration, TableDeclaration> declared;
  ChangeAction action = ChangeAction::kLeave;
  std::string reason;
  std::vector<FieldChange> fields;
  sync::Definition before;         ///< of a synced table that is there, as it was read
  std::vector<std::string> notes;  ///< what is kept but not acted on yet
  /// "target", "source" or "synced table"
  std::string_view kind() const;
  std::string name() const;
};

/// A value: made without touching sources or targets.
struct ChangePlan {
  std::vector<Change> changes;  ///< targets, sources, tables; declared ones in the files' order
  std::vector<std::string> warnings;
  Prune prune = Prune::kLeave;
  /// Whether anything would be done.
  bool HasChanges() const;
};

/// Compares. Reads the state only. Errors carry the place in the file: INVALID_DEFINITION,
/// NOT_YET_SUPPORTED, TARGET_NOT_FOUND, SOURCE_NOT_FOUND, INVALID_ARGUMENT.
base::Result<ChangePlan> PlanChanges(const base::Context& context, World& world,
                                     const Configuration& configuration, Prune prune);

/// Called after each change that was tried, with its outcome and warnings.
using ChangeObserver = std::function<void(const Change& change, const base::Status& outcome,
                                          const std::vector<std::string>& warnings)>;

/// Makes every change of `plan` that is no kLeave; one that fails does not stop the others, a
/// stopped context does. Loads nothing. SECRET_UNAVAILABLE, before anything is changed, when a
/// declared reference leads to nothing.
base::Status ApplyChanges(const base::Context& context, World& world, const ChangePlan& plan,
                          const ChangeObserver& observer);

/// The declared references that lead to nothing now, each with its place.
std::vector<base::Status> UnavailableSecrets(World& world, const ChangePlan& plan);

/// All that is there as it would be declared: targets but `local`, sources, synced tables. Secrets
/// are references.
base::Result<Configuration> DescribeAll(const base::Context& context, World& world);
/// The synced tables of these names alone. SYNCED_TABLE_NOT_FOUND.
base::Result<Configuration> DescribeTables(const base::Context& context, World& world,
                                           const std::vector<std::string>& names);

}  // namespace spillway::service

#endif  // SPILLWAY_SERVICE_APPLY_H_
