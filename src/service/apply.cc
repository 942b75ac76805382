#include "service/apply.h"

#include <utility>

#include "service/registry.h"
#include "service/synced_tables.h"
#include "service/table_name.h"

namespace spillway::service {
namespace {

using base::Context;
using base::Result;
using base::Status;

Status ApplyTarget(const Context& context, World& world, const Change& change,
                   std::vector<std::string>* warnings) {
  const auto& target = std::get<TargetDeclaration>(change.declared);
  auto done = change.action == ChangeAction::kCreate
                  ? AddTarget(context, world, target.name, target.url, target.password)
                  : ChangeTarget(context, world, target.name, target.url, target.password);
  if (!done.ok()) return std::move(done).status();
  *warnings = *std::move(done);
  return Status();
}

Status ApplySource(const Context& context, World& world, const Change& change,
                   std::vector<std::string>* warnings) {
  const auto& source = std::get<SourceDeclaration>(change.declared);
  auto done = change.action == ChangeAction::kCreate
                  ? AddSource(context, world, source.name, source.url, source.storage_options)
                  : ChangeSource(context, world, source.name, source.url, source.storage_options);
  if (!done.ok()) return std::move(done).status();
  *warnings = *std::move(done);
  return Status();
}

Status ApplyTable(const Context& context, World& world, const Change& change, Prune prune,
                  std::vector<std::string>* warnings) {
  const auto& definition = std::get<TableDeclaration>(change.declared).definition;
  switch (change.action) {
    case ChangeAction::kCreate: {
      SPILLWAY_ASSIGN(Created created,
                      CreateSyncedTable(context, world, definition, TakeOver::kNone, false));
      *warnings = std::move(created.plan.warnings);
      return Status();
    }
    case ChangeAction::kChange: {
      SPILLWAY_ASSIGN(Created altered,
                      AlterSyncedTable(context, world, change.before, definition, false));
      *warnings = std::move(altered.plan.warnings);
      return Status();
    }
    case ChangeAction::kRemove: {
      SPILLWAY_ASSIGN(std::string note, DeleteSyncedTable(context, world, definition.name(),
                                                          prune == Prune::kDropTable));
      if (!note.empty()) warnings->push_back(std::move(note));
      return Status();
    }
    case ChangeAction::kLeave:
      break;
  }
  return Status();
}

// The reference that `text` is, when it leads to nothing.
Status CheckReference(const World& world, const Origin& origin, const std::string& text) {
  if (!source::LooksLikeSecretReference(text)) return Status();
  return At(origin, world.secrets().Resolve(text).status());
}

}  // namespace

std::vector<Status> UnavailableSecrets(World& world, const ChangePlan& plan) {
  std::vector<Status> missing;
  const auto check = [&](const Origin& origin, const std::string& text) {
    Status status = CheckReference(world, origin, text);
    if (!status.ok()) missing.push_back(std::move(status));
  };
  for (const Change& change : plan.changes) {
    if (const auto* target = std::get_if<TargetDeclaration>(&change.declared)) {
      check(target->origin, target->password);
    } else if (const auto* source = std::get_if<SourceDeclaration>(&change.declared)) {
      for (const auto& [option, value] : source->storage_options) check(source->origin, value);
    }
  }
  return missing;
}

Status ApplyChanges(const Context& context, World& world, const ChangePlan& plan,
                    const ChangeObserver& observer) {
  std::vector<Status> missing = UnavailableSecrets(world, plan);
  if (!missing.empty()) return std::move(missing.front());
  for (const Change& change : plan.changes) {
    if (change.action == ChangeAction::kLeave) continue;
    SPILLWAY_TRY(context.Check());
    std::vector<std::string> warnings;
    Status outcome;
    if (std::holds_alternative<TargetDeclaration>(change.declared)) {
      outcome = ApplyTarget(context, world, change, &warnings);
    } else if (std::holds_alternative<SourceDeclaration>(change.declared)) {
      outcome = ApplySource(context, world, change, &warnings);
    } else {
      outcome = ApplyTable(context, world, change, plan.prune, &warnings);
    }
    observer(change, outcome, warnings);
  }
  return Status();
}

Result<Configuration> DescribeTables(const Context& context, World& world,
                                     const std::vector<std::string>& names) {
  Configuration configuration;
  for (const std::string& name : names) {
    SPILLWAY_ASSIGN(const SyncedTableView view, GetSyncedTable(context, world, name, false));
    TableDeclaration table;
    table.definition = view.definition;
    configuration.tables.push_back(std::move(table));
  }
  return configuration;
}

Result<Configuration> DescribeAll(const Context& context, World& world) {
  Configuration configuration;
  SPILLWAY_ASSIGN(const auto targets, world.store().ListTargets(context));
  for (const state::Target& target : targets) {
    configuration.targets.push_back({target.name, target.url, target.password_reference, {}});
  }
  SPILLWAY_ASSIGN(const auto sources, world.store().ListSources(context));
  for (const state::Source& source : sources) {
    configuration.sources.push_back({source.name, source.url, source.storage_options, {}});
  }
  SPILLWAY_ASSIGN(const auto tables, world.store().ListSyncedTables(context));
  for (const state::SyncedTable& table : tables) {
    TableDeclaration declaration;
    SPILLWAY_ASSIGN(declaration.definition, sync::DefinitionFromJson(table.definition));
    configuration.tables.push_back(std::move(declaration));
  }
  return configuration;
}

}  // namespace spillway::service
