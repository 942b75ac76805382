#include "service/world.h"

#include <algorithm>
#include <thread>

#include "base/check.h"
#include "target/postgres/postgres_target.h"

namespace spillway::service {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

// A definition's most connections (sync::Validate), and some beside them for observing, fencing and
// publishing.
constexpr int kMaxConnections = 20;

sync::Limits DetectLimits() {
  sync::Limits limits;
  limits.cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return limits;
}

}  // namespace

World::World(state::Home home, const state::Environment& environment,
             std::unique_ptr<state::Store> store, std::string working_folder, state::WriteMode mode)
    : home_(std::move(home)),
      environment_(environment),
      mode_(mode),
      store_(std::move(store)),
      secrets_(home_, environment_, rehearses()),
      sources_(store_.get(), &secrets_, std::move(working_folder)),
      limits_(DetectLimits()) {}

Result<std::unique_ptr<World>> World::Open(const base::Context& context, std::string_view home,
                                           const state::Environment& environment,
                                           std::string working_folder, state::WriteMode mode) {
  SPILLWAY_ASSIGN(state::Home resolved, state::Home::Resolve(home, environment));
  SPILLWAY_TRY(resolved.Prepare());
  SPILLWAY_ASSIGN(auto store, state::OpenSqliteStore(context, resolved.state_file(), mode));
  return std::unique_ptr<World>(new World(std::move(resolved), environment, std::move(store),
                                          std::move(working_folder), mode));
}

Result<std::unique_ptr<World>> World::WithoutState(std::string_view home,
                                                   const state::Environment& environment,
                                                   std::string working_folder) {
  SPILLWAY_ASSIGN(state::Home resolved, state::Home::Resolve(home, environment));
  return std::unique_ptr<World>(new World(std::move(resolved), environment, nullptr,
                                          std::move(working_folder), state::WriteMode::kRehearse));
}

state::Store& World::store() {
  SPILLWAY_CHECK(store_ != nullptr);
  return *store_;
}

Result<lake::Lake*> World::Lake() {
  base::MutexLock lock(mutex_);
  if (lake_ == nullptr) {
    SPILLWAY_ASSIGN(lake_, lake::OpenDeltaLake());
  }
  return lake_.get();
}

Result<target::Target*> World::Target(const base::Context& context, std::string_view name) {
  Opened opened;
  target::postgres::PostgresOptions options;
  options.max_connections = kMaxConnections;
  if (name == kLocalTarget) {
    if (target::Target* found = Find(name, opened)) return found;
    SPILLWAY_ASSIGN(const lakebase::Started started, LocalCluster().Start(context, {}));
    options.url = started.endpoint.steadfast_url;
    // Given, since PGPASSWORD in the environment goes before the file that the URL names.
    options.password = started.endpoint.password;
  } else {
    SPILLWAY_ASSIGN(const state::Target registered, store_->GetTarget(context, name));
    opened.url = registered.url;
    opened.password_reference = registered.password_reference;
    if (target::Target* found = Find(name, opened)) return found;
    options.url = registered.url;
    if (!registered.password_reference.empty()) {
      SPILLWAY_ASSIGN(options.password, secrets_.Resolve(registered.password_reference));
    }
  }
  SPILLWAY_ASSIGN(opened.target, target::postgres::OpenPostgresTarget(std::move(options)));
  base::MutexLock lock(mutex_);
  Opened& kept = targets_[std::string(name)];
  if (kept.target != nullptr) retired_.push_back(std::move(kept.target));
  kept = std::move(opened);
  return kept.target.get();
}

Result<target::Target*> World::TargetThatRuns(const base::Context& context, std::string_view name) {
  if (name == kLocalTarget) {
    SPILLWAY_ASSIGN(const lakebase::ClusterStatus status, LocalCluster().GetStatus(context));
    if (status.state != lakebase::ClusterState::kRunning) {
      return Status(ErrorClass::kLocalPostgres, "the local PostgreSQL does not run")
          .Mend("Start it: spillway pg start.");
    }
  }
  return Target(context, name);
}

target::Target* World::Find(std::string_view name, const Opened& registration) {
  base::MutexLock lock(mutex_);
  const auto found = targets_.find(name);
  const bool same = found != targets_.end() && found->second.url == registration.url &&
                    found->second.password_reference == registration.password_reference;
  return same ? found->second.target.get() : nullptr;
}

}  // namespace spillway::service
