#include "sync/observe.h"

#include <algorithm>
#include <utility>

#include "base/failpoint.h"

namespace spillway::sync {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

Status CheckTimeseriesKey(const std::string& name, const std::vector<std::string>& key,
                          const data::Schema& selected) {
  const auto index = selected.Find(name);
  if (!index) {
    return Status(ErrorClass::kColumnNotFound, "timeseries key is not in the source: " + name)
        .With("column", name);
  }
  const auto wrong = [&](const std::string& why) {
    return Status(ErrorClass::kInvalidDefinition, "timeseries_key: column " + name + " " + why)
        .With("field", "timeseries_key")
        .With("column", name);
  };
  if (key.empty()) {
    return wrong("chooses among rows of one key, and the table has no key")
        .Mend("Declare one with --primary-key.");
  }
  if (std::ranges::find(key, name) != key.end()) {
    return wrong("is in the primary key, so it has one value for each key")
        .Mend("Take it out of --primary-key, or leave --timeseries-key away.");
  }
  const data::Type& type = selected.fields[*index].type;
  if (type.is_nested() || type.kind == data::TypeKind::kVariant) {
    return wrong("has a type without an order: " + type.ToString());
  }
  return Status();
}

// The columns that the target's table will have, for the check of their names.
std::vector<target::Column> WithExtras(const Definition& definition,
                                       std::vector<target::Column> columns) {
  for (const ExtraColumn& extra : definition.extra_columns) {
    columns.push_back({extra.name, data::Type(), extra.declaration, false, {}});
  }
  return columns;
}

// Adds to the observation what only a load needs: the source's version, unless it is there
// already, its columns mapped, the compiled scan.
Status ObserveSource(const base::Context& context, const Definition& definition,
                     const lake::Location& location, lake::Lake& lake, target::Target& target,
                     Observation* observation) {
  if (observation->source == nullptr) {
    SPILLWAY_ASSIGN(observation->source, lake.Open(context, location, lake::VersionSpec()));
  }
  const lake::Table& source = *observation->source;

  lake::ReadSpec spec;
  spec.partition_zone = definition.partition_zone;
  spec.columns = definition.columns;
  const std::string& timeseries = definition.timeseries_key;
  if (spec.columns && !timeseries.empty() &&
      std::ranges::find(*spec.columns, timeseries) == spec.columns->end()) {
    spec.columns->push_back(timeseries);  // the winning value is stored, selected or not
  }
  if (!definition.where.empty()) {
    SPILLWAY_ASSIGN(spec.where, expr::Predicate::Parse(definition.where, source.schema()));
  }
  SPILLWAY_ASSIGN(observation->scan, source.Plan(context, spec));
  const data::Schema& selected = *observation->scan.schema;

  observation->key =
      definition.primary_key.empty() ? source.description().primary_key : definition.primary_key;
  for (const std::string& column : observation->key) {
    if (!selected.Find(column)) {
      return Status(ErrorClass::kColumnNotFound,
                    "primary key column is not in the source: " + column)
          .With("column", column);
    }
  }
  if (!timeseries.empty()) SPILLWAY_TRY(CheckTimeseriesKey(timeseries, observation->key, selected));
  for (const auto& [column, type] : definition.type_overrides) {
    if (!selected.Find(column)) {
      return Status(ErrorClass::kColumnNotFound,
                    "type override names a column that is not selected: " + column)
          .With("column", column);
    }
  }
  for (const data::Field& field : selected.fields) {
    const auto override_type = definition.type_overrides.find(field.name);
    const bool in_key = std::ranges::find(observation->key, field.name) != observation->key.end();
    SPILLWAY_ASSIGN(
        target::Column column,
        target.MapColumn(context, field,
                         override_type == definition.type_overrides.end() ? std::string_view()
                                                                          : override_type->second,
                         in_key));
    observation->columns.push_back(std::move(column));
  }
  SPILLWAY_TRY(target.CheckNames(definition.table, WithExtras(definition, observation->columns)));
  SPILLWAY_ASSIGN(observation->totals, source.Sum(context));
  return Status();
}

}  // namespace

bool NothingChanged(const Definition& definition, const target::TableState& state,
                    std::optional<lake::Relation> relation) {
  return relation == lake::Relation::kSame && state.exists && state.unchanged && state.position &&
         state.owned_by_id == definition.id &&
         state.position->definition_hash == RowHash(definition);
}

Result<Observation> Observe(const base::Context& context, const Definition& definition,
                            const lake::Location& location, lake::Lake& lake,
                            target::Target& target, bool complete) {
  Observation observation;
  SPILLWAY_TRY(base::Failpoint("observe.target"));
  SPILLWAY_ASSIGN(observation.target, target.Describe(context, definition.table, definition.id));
  observation.capabilities = target.capabilities();

  SPILLWAY_TRY(base::Failpoint("observe.source"));
  const auto& position = observation.target.position;
  if (position && !position->source_position.empty()) {
    SPILLWAY_ASSIGN(lake::Observed observed,
                    lake.Observe(context, location,
                                 lake::Position{position->source_position, position->version}));
    observation.relation = observed.relation;
    observation.source = std::move(observed.table);
  }
  if (!complete && NothingChanged(definition, observation.target, observation.relation)) {
    return observation;
  }

  // A load is due, so what a swap would lose matters now.
  SPILLWAY_TRY(target.DescribeDependents(context, &observation.target));
  SPILLWAY_TRY(ObserveSource(context, definition, location, lake, target, &observation));
  return observation;
}

}  // namespace spillway::sync
