#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/name_list.h"
#include "base/nearest_name.h"
#include "service/apply.h"
#include "service/claims.h"
#include "service/registry.h"
#include "source/connection_string.h"
#include "sync/definition_text.h"
#include "target/postgres/postgres_target.h"

namespace spillway::service {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;
using sync::Definition;
using sync::Field;

constexpr std::string_view kHidden = "***";

// A secret for people: a reference is shown, a literal or stored one is not.
std::string Shown(const std::string& secret) {
  const bool open = source::LooksLikeSecretReference(secret) && !secret.starts_with("${stored:");
  return open || secret.empty() ? secret : std::string(kHidden);
}

// Whether the declared secret is the one that is kept.
bool SameSecret(const World& world, const std::string& declared, const std::string& kept) {
  if (declared == kept) return true;
  if (source::LooksLikeSecretReference(declared) || !kept.starts_with("${stored:")) return false;
  const Result<base::Secret> stored = world.secrets().Resolve(kept);
  return stored.ok() && stored->Reveal() == declared;
}

Change AsDeclared(Change change) {
  if (change.fields.empty()) {
    change.action = ChangeAction::kLeave;
    change.reason = "as declared";
  } else {
    change.action = ChangeAction::kChange;
  }
  return change;
}

std::string ValueText(const Field& field, const Definition& definition) {
  const auto value = field.get(definition);
  return value ? sync::ValueForPeople(field, *value) : field.default_text();
}

class Planner {
 public:
  Planner(const Context& context, World& world, const Configuration& configuration, Prune prune)
      : context_(context), world_(world), configuration_(configuration), claims_(context, world) {
    plan_.prune = prune;
    plan_.warnings = configuration.warnings;
  }

  Result<ChangePlan> Make() {
    for (const TargetDeclaration& target : configuration_.targets) {
      SPILLWAY_TRY(At(target.origin, PlanTarget(target)));
    }
    for (const SourceDeclaration& source : configuration_.sources) {
      SPILLWAY_TRY(At(source.origin, PlanSource(source)));
      if (plan_.changes.back().action != ChangeAction::kLeave) SPILLWAY_TRY(CheckOptions(source));
    }
    SPILLWAY_ASSIGN(const auto tables, world_.store().ListSyncedTables(context_));
    std::map<std::string, const state::SyncedTable*> present;
    for (const state::SyncedTable& table : tables) present.emplace(table.name(), &table);
    for (const TableDeclaration& table : configuration_.tables) {
      declared_.insert(table.definition.name());
    }
    // One that --prune removes has its claims until the others are made.
    for (const auto& [name, table] : present) {
      if (!declared_.contains(name)) claims_.Add(*table);
    }
    for (const TableDeclaration& table : configuration_.tables) {
      const auto found = present.find(table.definition.name());
      SPILLWAY_TRY(PlanTable(table, found == present.end() ? nullptr : found->second));
    }
    for (const auto& [name, table] : present) {
      if (!declared_.contains(name)) SPILLWAY_TRY(PlanUndeclared(*table));
    }
    return std::move(plan_);
  }

 private:
  Status PlanTarget(const TargetDeclaration& declared) {
    if (declared.name == kLocalTarget) {
      return Status(ErrorClass::kInvalidDefinition,
                    "'local' is the PostgreSQL that Spillway runs itself; it is not declared")
          .Mend("Remove it, or give the target another name.");
    }
    SPILLWAY_ASSIGN(const source::ConnectionString parted, source::TakePassword(declared.url));
    SPILLWAY_ASSIGN(const std::string password, OnePassword(parted.password, declared.password));
    declared_targets_.insert(declared.name);
    claims_.Declare(declared.name, parted.url);
    Change change;
    change.declared = declared;
    const Result<state::Target> present = world_.store().GetTarget(context_, declared.name);
    if (!present.ok()) {
      if (present.status().error_class() != ErrorClass::kTargetNotFound) return present.status();
      change.action = ChangeAction::kCreate;
      change.reason = "it is not registered yet";
      change.fields.push_back({"url", "", parted.url});
      if (!password.empty()) change.fields.push_back({"password", "", Shown(password)});
      plan_.changes.push_back(std::move(change));
      return Status();
    }
    if (present->url != parted.url) change.fields.push_back({"url", present->url, parted.url});
    if (!SameSecret(world_, password, present->password_reference)) {
      change.fields.push_back({"password", Shown(present->password_reference), Shown(password)});
    }
    change.reason = "its registration differs";
    plan_.changes.push_back(AsDeclared(std::move(change)));
    return Status();
  }

  Status PlanSource(const SourceDeclaration& declared) {
    declared_sources_.insert(declared.name);
    const Result<source::ResolvedSource> resolved =
        world_.sources().Resolve(context_, declared.url);
    const bool is_name = resolved.ok()
                             ? resolved->registered
                             : resolved.status().error_class() == ErrorClass::kSourceNotFound;
    if (is_name) {
      return Status(ErrorClass::kInvalidDefinition,
                    "a source's url is neither a path nor a URL: '" + declared.url + "'")
          .Mend("Write a path (./" + declared.url + ") or a URL.");
    }
    if (!resolved.ok()) return resolved.status();
    const source::ResolvedSource& location = *resolved;
    Change change;
    change.declared = declared;
    const Result<state::Source> present = world_.store().GetSource(context_, declared.name);
    if (!present.ok()) {
      if (present.status().error_class() != ErrorClass::kSourceNotFound) return present.status();
      change.action = ChangeAction::kCreate;
      change.reason = "it is not registered yet";
      change.fields.push_back({"url", "", location.source});
    } else if (present->url != location.source) {
      change.fields.push_back({"url", present->url, location.source});
    }
    std::map<std::string, std::string> before;
    if (present.ok()) before = present->storage_options;
    for (const auto& [written, value] : declared.storage_options) {
      const std::string option = source::OptionName(written);
      const auto found = before.find(option);
      const std::string was = found == before.end() ? "" : found->second;
      const bool is_secret = source::HoldsSecret(option, value) || was.starts_with("${stored:");
      const bool same =
          found != before.end() && (is_secret ? SameSecret(world_, value, was) : value == was);
      if (!same) {
        change.fields.push_back({"storage_options." + option, is_secret ? Shown(was) : was,
                                 is_secret ? Shown(value) : value});
      }
      if (found != before.end()) before.erase(found);
    }
    for (const auto& [option, value] : before) {
      change.fields.push_back({"storage_options." + option,
                               source::HoldsSecret(option, value) ? Shown(value) : value, ""});
    }
    if (present.ok()) {
      change.reason = "its registration differs";
      change = AsDeclared(std::move(change));
    }
    plan_.changes.push_back(std::move(change));
    return Status();
  }

  // An error stands at the option that it is of, where it is of one.
  Status CheckOptions(const SourceDeclaration& declared) {
    const Status known =
        CheckStorageOptions(context_, world_, declared.url, declared.storage_options);
    if (known.ok()) return known;
    for (const auto& [written, origin] : declared.options) {
      if (source::OptionName(written) == known.detail("option")) return At(origin, known);
    }
    return At(declared.origin, known);
  }

  // Where in the file an error about a field belongs.
  static const Origin& PlaceOf(const TableDeclaration& table, const Status& error) {
    const auto found = table.fields.find(std::string(error.detail("field")));
    return found == table.fields.end() ? table.origin : found->second;
  }

  Status CheckTarget(const Definition& definition) {
    if (definition.target == kLocalTarget || declared_targets_.contains(definition.target)) {
      return Status();
    }
    Result<state::Target> registered = world_.store().GetTarget(context_, definition.target);
    if (registered.ok()) return Status();
    const std::string mend =
        "Declare it in the file under targets:, or add it: spillway target add " +
        definition.target + " URL";
    return std::move(registered).status().Mend(mend);
  }

  // A definition keeps a registered name, or a location that means the same from everywhere.
  Result<std::string> SourceOf(const std::string& source) {
    if (declared_sources_.contains(source)) return source;
    const Result<state::Source> registered = world_.store().GetSource(context_, source);
    if (registered.ok()) return registered->name;
    Result<source::ResolvedSource> resolved = world_.sources().Resolve(context_, source);
    if (resolved.ok()) return std::move(resolved->source);
    return std::move(resolved).status().With("field", "source");
  }

  // `present` is the table of that name, null when there is none.
  Status PlanTable(const TableDeclaration& declared, const state::SyncedTable* present) {
    Change change;
    TableDeclaration table = declared;
    Definition& definition = table.definition;
    if (const Status valid = sync::Validate(definition); !valid.ok()) {
      return At(PlaceOf(table, valid), valid);
    }
    SPILLWAY_TRY(At(table.origin, target::postgres::CheckTableName(definition.table)));
    for (const auto& [column, type] : definition.type_overrides) {
      const Status known = target::postgres::CheckTypeName(type);
      if (!known.ok()) {
        return At(PlaceOf(table, Status(known).With("field", "type_overrides")),
                  Status(known).While("type_overrides of column " + column));
      }
    }
    SPILLWAY_TRY(At(table.origin, CheckTarget(definition)));
    Result<std::string> source = SourceOf(definition.source);
    if (!source.ok()) return At(PlaceOf(table, source.status()), source.status());
    definition.source = *std::move(source);
    if (const Status apart = claims_.Check(definition); !apart.ok()) {
      return At(PlaceOf(table, apart), apart);
    }
    claims_.Add(definition);
    change.notes = sync::PendingFields(definition);

    Definition before;
    if (present == nullptr) {
      change.action = ChangeAction::kCreate;
      change.reason = "it is not defined yet";
    } else {
      SPILLWAY_ASSIGN(before, sync::DefinitionFromJson(present->definition));
      definition.id = before.id;
    }
    for (const Field& field : sync::Fields()) {
      if (field.get(before) == field.get(definition)) continue;
      change.fields.push_back({std::string(field.key),
                               present == nullptr ? "" : ValueText(field, before),
                               ValueText(field, definition)});
    }
    if (present != nullptr) {
      change.reason = sync::RowHash(before) == sync::RowHash(definition)
                          ? "the next sync heeds it"
                          : "the next sync builds the table again: its rows or columns change";
    }
    change.declared = std::move(table);
    change.before = std::move(before);
    if (present != nullptr) change = AsDeclared(std::move(change));
    plan_.changes.push_back(std::move(change));
    return Status();
  }

  Status PlanUndeclared(const state::SyncedTable& table) {
    Change change;
    TableDeclaration undeclared;
    SPILLWAY_ASSIGN(undeclared.definition, sync::DefinitionFromJson(table.definition));
    change.declared = std::move(undeclared);
    switch (plan_.prune) {
      case Prune::kLeave:
        change.action = ChangeAction::kLeave;
        change.reason = "not in the files; --prune=keep-table or --prune=drop-table removes it";
        break;
      case Prune::kKeepTable:
        change.action = ChangeAction::kRemove;
        change.reason = "not in the files; its table stays in the target";
        break;
      case Prune::kDropTable:
        change.action = ChangeAction::kRemove;
        change.reason = "not in the files; its table is dropped with all rows";
        break;
    }
    plan_.changes.push_back(std::move(change));
    return Status();
  }

  const Context& context_;
  World& world_;
  const Configuration& configuration_;
  ChangePlan plan_;
  Claims claims_;
  std::set<std::string> declared_;  // names of tables
  std::set<std::string> declared_targets_;
  std::set<std::string> declared_sources_;
};

}  // namespace

std::string_view Name(ChangeAction action) {
  switch (action) {
    case ChangeAction::kCreate:
      return "create";
    case ChangeAction::kChange:
      return "change";
    case ChangeAction::kLeave:
      return "leave";
    case ChangeAction::kRemove:
      return "remove";
  }
  return "leave";
}

std::string_view Change::kind() const {
  constexpr std::array<std::string_view, 3> kKinds = {"target", "source", "synced table"};
  return kKinds[declared.index()];
}

std::string Change::name() const {
  if (const auto* target = std::get_if<TargetDeclaration>(&declared)) return target->name;
  if (const auto* source = std::get_if<SourceDeclaration>(&declared)) return source->name;
  return std::get<TableDeclaration>(declared).definition.name();
}

bool ChangePlan::HasChanges() const {
  return std::ranges::any_of(
      changes, [](const Change& change) { return change.action != ChangeAction::kLeave; });
}

Result<ChangePlan> PlanChanges(const Context& context, World& world,
                               const Configuration& configuration, Prune prune) {
  return Planner(context, world, configuration, prune).Make();
}

}  // namespace spillway::service
