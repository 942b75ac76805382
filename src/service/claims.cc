#include "service/claims.h"

#include "sync/definition_fields.h"
#include "target/postgres/database_place.h"

namespace spillway::service {

using base::ErrorClass;
using base::Result;
using base::Status;

void Claims::Add(const sync::Definition& definition) {
  tables_.emplace(TableOf(definition.target, definition.table.schema, definition.table.table),
                  definition.name());
  if (!definition.group.empty()) {
    groups_.emplace(definition.group, std::pair(definition.target, definition.name()));
  }
}

void Claims::Add(const state::SyncedTable& table) {
  if (const Result<sync::Definition> read = sync::DefinitionFromJson(table.definition); read.ok()) {
    Add(*read);
  } else {
    tables_.emplace(TableOf(table.target, table.schema, table.table), table.name());
  }
}

Status Claims::Check(const sync::Definition& definition) {
  const Table claimed = TableOf(definition.target, definition.table.schema, definition.table.table);
  SPILLWAY_TRY(error_);
  const auto table = tables_.find(claimed);
  if (table != tables_.end() && table->second != definition.name()) {
    return Status(ErrorClass::kInvalidDefinition,
                  definition.name() + " and " + table->second + " are one table of one database")
        .With("object", table->second)
        .Mend("Remove one of the two, or give one another name.");
  }
  const auto group = groups_.find(definition.group);
  if (group != groups_.end() && group->second.first != definition.target) {
    const std::string& other = group->second.second;
    return sync::WrongField("group", "'" + definition.group + "' has " + other +
                                         ", which is in another target; tables of one group are "
                                         "published in one transaction")
        .With("object", other)
        .Mend("Give " + definition.name() + " a group of its own target.");
  }
  return Status();
}

Claims::Table Claims::TableOf(const std::string& target, const std::string& schema,
                              const std::string& table) {
  auto [place, is_new] = places_.emplace(target, "");
  if (is_new) {
    if (Result<std::string> found = FindPlace(target); found.ok()) {
      place->second = *std::move(found);
    } else if (error_.ok()) {
      error_ = std::move(found).status();
    }
  }
  return {place->second, schema, table};
}

// A target whose place its URL does not tell is only like itself.
Result<std::string> Claims::FindPlace(const std::string& target) {
  std::string url;
  if (const auto declared = urls_.find(target); declared != urls_.end()) {
    url = declared->second;
  } else if (target == kLocalTarget) {
    SPILLWAY_ASSIGN(const auto status, world_.LocalCluster().GetStatus(context_));
    if (status.endpoint) url = status.endpoint->url;
  } else {
    const auto registered = world_.store().GetTarget(context_, target);
    if (registered.ok()) {
      url = registered->url;
    } else if (registered.status().error_class() != ErrorClass::kTargetNotFound) {
      return registered.status();
    }
  }
  const Result<std::string> place = target::postgres::DatabasePlace(url);
  return url.empty() || !place.ok() ? "target " + target : *place;
}

Status CheckAgainstOthers(const base::Context& context, World& world,
                          const sync::Definition& definition) {
  Claims claims(context, world);
  SPILLWAY_ASSIGN(const auto tables, world.store().ListSyncedTables(context));
  for (const state::SyncedTable& table : tables) {
    if (table.name() != definition.name()) claims.Add(table);
  }
  return claims.Check(definition);
}

}  // namespace spillway::service
