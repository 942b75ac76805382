#ifndef SPILLWAY_SERVICE_CLAIMS_H_
#define SPILLWAY_SERVICE_CLAIMS_H_

#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "base/context.h"
#include "base/status.h"
#include "service/world.h"
#include "state/store.h"
#include "sync/definition.h"

/// What synced tables may not share: two definitions never have one table of one database, by
/// whichever target names, and the tables of a group are in one target.
namespace spillway::service {

/// The claims of some definitions. The context and the world outlive it. Not thread-safe.
class Claims {
 public:
  Claims(const base::Context& context, World& world) : context_(context), world_(world) {}

  /// A target as it will be registered; others are looked up.
  void Declare(const std::string& target, const std::string& url) { urls_[target] = url; }

  /// Notes the claims of a definition, of a stored one as far as it can be read. The first claim of
  /// a table or group stays.
  void Add(const sync::Definition& definition);
  void Add(const state::SyncedTable& table);

  /// INVALID_DEFINITION when another definition's claim is in the way: detail `object` names it,
  /// and `field` the field for a group. An error of finding out where a target leads to.
  base::Status Check(const sync::Definition& definition);

 private:
  using Table = std::tuple<std::string, std::string, std::string>;  // place, schema, table
  Table TableOf(const std::string& target, const std::string& schema, const std::string& table);
  base::Result<std::string> FindPlace(const std::string& target);

  const base::Context& context_;
  World& world_;
  std::map<std::string, std::string> urls_;                            // declared; by target
  std::map<std::string, std::string> places_;                          // found; by target
  base::Status error_;                                                 // the first of finding them
  std::map<Table, std::string> tables_;                                // name of who has it
  std::map<std::string, std::pair<std::string, std::string>> groups_;  // target and name of one
};

/// Checks `definition` against all stored ones but that of its own name. Reads the state only.
base::Status CheckAgainstOthers(const base::Context& context, World& world,
                                const sync::Definition& definition);

}  // namespace spillway::service

#endif  // SPILLWAY_SERVICE_CLAIMS_H_
