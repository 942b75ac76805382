#include "service/registry.h"

#include <chrono>

#include "base/shell_word.h"
#include "source/connection_string.h"
#include "target/postgres/session/connection_string.h"

namespace spillway::service {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

// Enough to open a store, not to wait for it.
constexpr std::chrono::milliseconds kGlance{20};
constexpr std::chrono::seconds kDropTime{5};

Status NotForLocal(std::string_view verb) {
  return Status(
      ErrorClass::kInvalidArgument,
      "'local' is the PostgreSQL that Spillway runs itself; it cannot be " + std::string(verb));
}

state::Target LocalTarget(const base::Context& context, World& world) {
  state::Target target;
  target.name = kLocalTarget;
  if (const auto status = world.LocalCluster().GetStatus(context);
      status.ok() && status->endpoint) {
    target.url = status->endpoint->url;
  }
  return target;
}

// A target as it will be registered: a password in `url` or `password` is taken out and kept; a
// warning says that it was a literal, which is stored.
Result<state::Target> MakeTarget(const base::Context& context, World& world, std::string_view name,
                                 std::string_view url, std::string_view password,
                                 std::vector<std::string>* warnings) {
  SPILLWAY_ASSIGN(source::ConnectionString parted, source::TakePassword(url));
  SPILLWAY_TRY(target::postgres::CheckConnectionString(parted.url));
  SPILLWAY_ASSIGN(const std::string given, OnePassword(parted.password, password));
  SPILLWAY_ASSIGN(const source::KeptSecret kept,
                  world.secrets().Keep(context, "target/" + std::string(name), given));
  if (!kept.warning.empty()) warnings->push_back(kept.warning);
  state::Target target;
  target.name = name;
  target.url = std::move(parted.url);
  target.password_reference = kept.reference;
  target.created_at =
      std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  return target;
}

// Takes away a secret that nothing refers to any more, a stop or not.
Status DropSecret(World& world, const std::string& reference) {
  return world.secrets().Drop(base::Context().Within(kDropTime), reference);
}

}  // namespace

Result<std::string> OnePassword(const std::optional<std::string>& in_url, std::string_view beside) {
  if (beside.empty()) return in_url.value_or("");
  if (!in_url) return std::string(beside);
  return Status(ErrorClass::kInvalidArgument,
                "the password is given twice: in the URL, and by itself")
      .Mend("Leave one of them out, best that in the URL.");
}

Result<std::vector<std::string>> AddTarget(const base::Context& context, World& world,
                                           std::string_view name, std::string_view url,
                                           std::string_view password) {
  if (name == kLocalTarget) return NotForLocal("added");
  if (name.empty() || name.find_first_of("./") != std::string_view::npos) {
    return Status(
        ErrorClass::kInvalidArgument,
        "a target's name must not be empty or hold a dot or a slash: '" + std::string(name) + "'");
  }
  // Before the password is kept: that of a target that is there must stay as it is.
  const Result<state::Target> present = world.store().GetTarget(context, name);
  if (!present.ok() && present.status().error_class() != ErrorClass::kTargetNotFound) {
    return present.status();
  }
  if (present.ok()) {
    return Status(ErrorClass::kAlreadyExists, "the target is there already: " + std::string(name))
        .Mend("Remove it first: spillway target remove " + std::string(name));
  }
  std::vector<std::string> warnings;
  SPILLWAY_ASSIGN(const state::Target target,
                  MakeTarget(context, world, name, url, password, &warnings));
  if (Status added = world.store().AddTarget(context, target); !added.ok()) {
    if (!warnings.empty()) static_cast<void>(DropSecret(world, target.password_reference));
    return added;
  }
  return warnings;
}

Result<std::vector<std::string>> ChangeTarget(const base::Context& context, World& world,
                                              std::string_view name, std::string_view url,
                                              std::string_view password) {
  if (name == kLocalTarget) return NotForLocal("changed");
  SPILLWAY_ASSIGN(const state::Target before, world.store().GetTarget(context, name));
  std::vector<std::string> warnings;
  SPILLWAY_ASSIGN(const state::Target target,
                  MakeTarget(context, world, name, url, password, &warnings));
  if (Status changed = world.store().ChangeTarget(context, target); !changed.ok()) {
    if (!warnings.empty()) static_cast<void>(DropSecret(world, target.password_reference));
    return changed;
  }
  if (target.password_reference != before.password_reference) {
    SPILLWAY_TRY(DropSecret(world, before.password_reference));
  }
  return warnings;
}

Result<std::vector<state::Target>> ListTargets(const base::Context& context, World& world) {
  std::vector<state::Target> targets = {LocalTarget(context, world)};
  SPILLWAY_ASSIGN(std::vector<state::Target> registered, world.store().ListTargets(context));
  for (state::Target& target : registered) targets.push_back(std::move(target));
  return targets;
}

Result<state::Target> ShowTarget(const base::Context& context, World& world,
                                 std::string_view name) {
  if (name == kLocalTarget) return LocalTarget(context, world);
  return world.store().GetTarget(context, name);
}

Result<std::vector<target::Check>> TestTarget(const base::Context& context, World& world,
                                              std::string_view name) {
  SPILLWAY_ASSIGN(target::Target * target, world.Target(context, name));
  std::vector<target::Check> checks = target->Test(context);
  for (target::Check& check : checks) {
    if (check.outcome.ok() || check.outcome.error_class() != ErrorClass::kTargetAuthentication) {
      continue;
    }
    check.outcome = std::move(check.outcome)
                        .Mend(
                            "Check user, password or certificate; where they come from says: "
                            "spillway target show " +
                            base::ShellWord(name));
  }
  return checks;
}

Status RemoveTarget(const base::Context& context, World& world, std::string_view name) {
  if (name == kLocalTarget) return NotForLocal("removed");
  SPILLWAY_TRY(world.store().RemoveTarget(context, name));
  return world.secrets().Forget(context, "target/" + std::string(name));
}

Status CheckStorageOptions(const base::Context& context, World& world, std::string_view url,
                           const std::map<std::string, std::string>& storage_options) {
  if (storage_options.empty() || !source::IsLocation(url)) return Status();
  SPILLWAY_ASSIGN(source::ResolvedSource resolved, world.sources().Resolve(context, url));
  bool all_known = true;
  for (const auto& [written, value] : storage_options) {
    const auto known = world.sources().ResolveOptions({{written, value}});
    const std::string option = source::OptionName(written);
    if (!resolved.location.storage_options.emplace(option, known.ok() ? known->at(written) : "")
             .second) {
      return Status(ErrorClass::kInvalidArgument, "storage option " + option + " is given twice")
          .With("option", option);
    }
    all_known = all_known && known.ok();
  }
  SPILLWAY_ASSIGN(lake::Lake * lake, world.Lake());
  const auto probe = lake->Check(context.Within(kGlance), resolved.location);
  const Status outcome = probe.ok() ? probe->outcome : probe.status();
  if (outcome.ok() || outcome.error_class() != ErrorClass::kInvalidArgument) return Status();
  const bool of_options =
      !outcome.detail("option").empty() ||
      (all_known && outcome.message().find("storage option") != std::string_view::npos);
  return of_options ? outcome : Status();
}

Result<std::vector<std::string>> AddSource(
    const base::Context& context, World& world, std::string_view name, std::string_view url,
    const std::map<std::string, std::string>& storage_options) {
  SPILLWAY_TRY(CheckStorageOptions(context, world, url, storage_options));
  return world.sources().Add(context, name, url, storage_options);
}

Result<std::vector<std::string>> ChangeSource(
    const base::Context& context, World& world, std::string_view name, std::string_view url,
    const std::map<std::string, std::string>& storage_options) {
  SPILLWAY_TRY(CheckStorageOptions(context, world, url, storage_options));
  return world.sources().Change(context, name, url, storage_options);
}

}  // namespace spillway::service
