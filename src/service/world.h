#ifndef SPILLWAY_SERVICE_WORLD_H_
#define SPILLWAY_SERVICE_WORLD_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/mutex.h"
#include "base/result.h"
#include "lake/lake.h"
#include "lakebase/cluster.h"
#include "source/secret_reference.h"
#include "source/source_registry.h"
#include "state/home.h"
#include "state/sqlite_store.h"
#include "state/store.h"
#include "sync/plan.h"
#include "target/target.h"

namespace spillway::service {

/// The target that is always there: the PostgreSQL that Spillway runs itself.
inline constexpr std::string_view kLocalTarget = "local";

/// What the verbs act on: the home with its state, the lake, the targets. Parts are opened when
/// first asked for, so that a command pays only for what it uses. Thread-safe.
class World {
 public:
  /// `home` is --home or empty; `working_folder` is where relative paths start. In a world of
  /// WriteMode::kRehearse definitions, targets and sources are checked and not changed; what a verb
  /// does in a target it must leave by itself.
  static base::Result<std::unique_ptr<World>> Open(const base::Context& context,
                                                   std::string_view home,
                                                   const state::Environment& environment,
                                                   std::string working_folder,
                                                   state::WriteMode mode);

  /// The same without a state file: store() must not be called, nor names of sources or targets be
  /// looked up. Makes nothing in the home.
  static base::Result<std::unique_ptr<World>> WithoutState(std::string_view home,
                                                           const state::Environment& environment,
                                                           std::string working_folder);

  const state::Home& home() const { return home_; }
  const state::Environment& environment() const { return environment_; }
  /// REQUIRES: the world was not made WithoutState.
  state::Store& store();
  const source::SecretKeeper& secrets() const { return secrets_; }
  const source::SourceRegistry& sources() const { return sources_; }
  const sync::Limits& limits() const { return limits_; }
  bool rehearses() const { return mode_ == state::WriteMode::kRehearse; }

  base::Result<lake::Lake*> Lake();
  /// The target of that name, connected lazily; `local` is started when it does not run. Owned by
  /// the world. TARGET_NOT_FOUND with the nearest names and the command that adds it.
  base::Result<target::Target*> Target(const base::Context& context, std::string_view name);
  /// The same, but LOCAL_POSTGRES instead of a start when `local` does not run.
  base::Result<target::Target*> TargetThatRuns(const base::Context& context, std::string_view name);
  /// A cluster object for the local PostgreSQL.
  lakebase::Cluster LocalCluster() const { return lakebase::Cluster(home_, environment_); }

 private:
  /// A target and the registration that it was opened for.
  struct Opened {
    std::string url;
    std::string password_reference;
    std::unique_ptr<target::Target> target;
  };

  /// The target opened for `registration`; null when there is none.
  target::Target* Find(std::string_view name, const Opened& registration);

  World(state::Home home, const state::Environment& environment,
        std::unique_ptr<state::Store> store, std::string working_folder, state::WriteMode mode);

  const state::Home home_;
  const state::Environment environment_;
  const state::WriteMode mode_;
  const std::unique_ptr<state::Store> store_;
  const source::SecretKeeper secrets_;
  const source::SourceRegistry sources_;
  const sync::Limits limits_;
  base::Mutex mutex_;
  std::unique_ptr<lake::Lake> lake_ GUARDED_BY(mutex_);
  std::map<std::string, Opened, std::less<>> targets_ GUARDED_BY(mutex_);
  /// Targets of registrations that changed; callers may still hold them.
  std::vector<std::unique_ptr<target::Target>> retired_ GUARDED_BY(mutex_);
};

}  // namespace spillway::service

#endif  // SPILLWAY_SERVICE_WORLD_H_
