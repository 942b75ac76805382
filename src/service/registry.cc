#include "service/registry.h"

#include <chrono>

#include "lakebase/doctor_checks.h"
#include "source/connection_string.h"

namespace spillway::service {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

// A probe of something that may be down must not make the doctor wait for long.
constexpr std::chrono::seconds kProbeTime{5};

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

// A target as it will be registered: a password in `url` or `password` is taken out and kept.
Result<state::Target> MakeTarget(const base::Context& context, World& world, std::string_view name,
                                 std::string_view url, std::string_view password,
                                 std::vector<std::string>* warnings) {
  SPILLWAY_ASSIGN(source::ConnectionString parted, source::TakePassword(url));
  std::string given(password);
  if (given.empty() && parted.password) given = *parted.password;
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

void CheckTargets(const base::Context& context, World& world, std::vector<DoctorLine>* lines) {
  const auto targets = world.store().ListTargets(context);
  if (!targets.ok()) {
    lines->push_back({"targets", targets.status(), ""});
    return;
  }
  for (const state::Target& registered : *targets) {
    const base::Context brief = context.Within(kProbeTime);
    DoctorLine line{"target " + registered.name, Status(), registered.url};
    if (auto target = world.Target(brief, registered.name); !target.ok()) {
      line.outcome = target.status();
    } else if (auto identity = (*target)->Identify(brief); !identity.ok()) {
      line.outcome = identity.status();
    }
    lines->push_back(std::move(line));
  }
}

void CheckSources(const base::Context& context, World& world, std::vector<DoctorLine>* lines) {
  const auto sources = world.store().ListSources(context);
  if (!sources.ok()) {
    lines->push_back({"sources", sources.status(), ""});
    return;
  }
  for (const state::Source& registered : *sources) {
    const base::Context brief = context.Within(kProbeTime);
    DoctorLine line{"source " + registered.name, Status(), registered.url};
    const auto resolved = world.sources().Resolve(brief, registered.name);
    const auto lake = world.Lake();
    if (!resolved.ok()) {
      line.outcome = resolved.status();
    } else if (!lake.ok()) {
      line.outcome = lake.status();
    } else if (auto probe = (*lake)->Check(brief, resolved->location); !probe.ok()) {
      line.outcome = probe.status();
    } else {
      line.outcome = probe->outcome;
      line.note += "; credential: " + probe->credential;
    }
    lines->push_back(std::move(line));
  }
}

}  // namespace

Result<std::vector<std::string>> AddTarget(const base::Context& context, World& world,
                                           std::string_view name, std::string_view url,
                                           std::string_view password) {
  if (name == kLocalTarget) return NotForLocal("added");
  if (name.empty() || name.find('.') != std::string_view::npos) {
    return Status(ErrorClass::kInvalidArgument,
                  "a target's name must not be empty or hold a dot: '" + std::string(name) + "'");
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
  SPILLWAY_TRY(world.store().AddTarget(context, target));
  return warnings;
}

Result<std::vector<std::string>> ChangeTarget(const base::Context& context, World& world,
                                              std::string_view name, std::string_view url,
                                              std::string_view password) {
  if (name == kLocalTarget) return NotForLocal("changed");
  SPILLWAY_TRY(world.store().GetTarget(context, name).status());
  std::vector<std::string> warnings;
  SPILLWAY_ASSIGN(const state::Target target,
                  MakeTarget(context, world, name, url, password, &warnings));
  SPILLWAY_TRY(world.store().ChangeTarget(context, target));
  if (!target.password_reference.starts_with("${stored:")) {
    SPILLWAY_TRY(world.secrets().Forget(context, "target/" + target.name));
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
  return target->Test(context);
}

Status RemoveTarget(const base::Context& context, World& world, std::string_view name) {
  if (name == kLocalTarget) return NotForLocal("removed");
  SPILLWAY_TRY(world.store().RemoveTarget(context, name));
  return world.secrets().Forget(context, "target/" + std::string(name));
}

std::vector<DoctorLine> Doctor(const base::Context& context, World& world) {
  std::vector<DoctorLine> lines;
  for (const lakebase::DoctorCheck& check :
       lakebase::CheckLocalPostgres(context, world.home(), world.environment())) {
    lines.push_back({check.name, check.outcome, check.note});
  }
  CheckTargets(context, world, &lines);
  CheckSources(context, world, &lines);
  return lines;
}

}  // namespace spillway::service
