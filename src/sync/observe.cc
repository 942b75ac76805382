#include "sync/observe.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/failpoint.h"
#include "base/shell_word.h"
#include "data/column_lookup.h"
#include "sync/definition_fields.h"

namespace spillway::sync {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

// The name of the column that a definition's `field` means, exactly or regardless of case.
// `missing` begins the message when there is none.
Result<std::string> NameOf(const data::Schema& schema, std::string_view field,
                           const std::string& meant, const std::string& missing) {
  const Result<std::size_t> index = data::LookUpField(schema.fields, meant, "");
  if (index.ok()) return schema.fields[*index].name;
  return Status(ErrorClass::kColumnNotFound, missing + ": " + meant)
      .With("field", field)
      .With("column", meant)
      .With("nearest", index.status().detail("nearest"))
      .Mend(std::string(index.status().mend()));
}

Status CheckTimeseriesKey(const std::string& name, const std::vector<std::string>& key,
                          const data::Schema& selected) {
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
  const data::Type& type = selected.fields[*selected.Find(name)].type;
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

// What the definition selects; sets `timeseries` to the name of its timeseries key.
Result<lake::Scan> PlanScan(const base::Context& context, const Definition& definition,
                            const lake::Table& source, std::string* timeseries) {
  lake::ReadSpec spec;
  spec.partition_zone = definition.partition_zone;
  spec.columns = definition.columns;
  if (!definition.timeseries_key.empty()) {
    SPILLWAY_ASSIGN(*timeseries,
                    NameOf(source.schema(), "timeseries_key", definition.timeseries_key,
                           "timeseries key is not in the source"));
    const auto is_it = [&](const std::string& name) { return data::IsSameName(name, *timeseries); };
    if (spec.columns && std::ranges::none_of(*spec.columns, is_it)) {
      spec.columns->push_back(*timeseries);  // the winning value is stored, selected or not
    }
  }
  if (!definition.where.empty()) {
    Result<expr::Predicate> where = expr::Predicate::Parse(definition.where, source.schema());
    if (!where.ok()) return std::move(where).status().With("field", "where");
    spec.where = *std::move(where);
  }
  Result<lake::Scan> scan = source.Plan(context, spec);
  if (!scan.ok() && scan.status().error_class() == ErrorClass::kColumnNotFound) {
    return std::move(scan).status().With("field", "columns");
  }
  return scan;
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

  std::string& timeseries = observation->timeseries_key;
  SPILLWAY_ASSIGN(observation->scan, PlanScan(context, definition, source, &timeseries));
  const data::Schema& selected = *observation->scan.schema;

  for (const std::string& column :
       definition.primary_key.empty() ? source.description().primary_key : definition.primary_key) {
    SPILLWAY_ASSIGN(std::string name, NameOf(selected, "primary_key", column,
                                             "primary key column is not in the source"));
    if (std::ranges::find(observation->key, name) != observation->key.end()) {
      return WrongField("primary_key", "names '" + name + "' twice");
    }
    observation->key.push_back(std::move(name));
  }
  if (!timeseries.empty()) SPILLWAY_TRY(CheckTimeseriesKey(timeseries, observation->key, selected));
  std::map<std::string, std::string> overrides;
  for (const auto& [column, type] : definition.type_overrides) {
    SPILLWAY_ASSIGN(std::string name, NameOf(selected, "type_overrides", column,
                                             "type override names a column that is not selected"));
    if (!overrides.emplace(name, type).second) {
      return WrongField("type_overrides", "has two types for '" + name + "'");
    }
  }
  for (const data::Field& field : selected.fields) {
    const bool in_key = std::ranges::find(observation->key, field.name) != observation->key.end();
    SPILLWAY_ASSIGN(target::Column column,
                    target.MapColumn(context, field, overrides[field.name], in_key));
    observation->columns.push_back(std::move(column));
  }
  SPILLWAY_TRY(target.CheckNames(definition.table, WithExtras(definition, observation->columns)));
  SPILLWAY_ASSIGN(observation->totals, source.Sum(context));
  return Status();
}

// Whether the definition named the published key and all that it has lost since is that name: who
// takes the key away has decided.
bool GaveUpKey(const Definition& definition, const target::TableState& state) {
  Definition keyed = definition;
  keyed.primary_key = state.published_key;
  return state.position && state.position->definition_hash == RowHash(keyed);
}

}  // namespace

Status CheckSourceKey(const Definition& definition, const Observation& observation) {
  const target::TableState& state = observation.target;
  const std::vector<std::string>& was = state.published_key;
  if (!definition.primary_key.empty() || was.empty() || state.owned_by_id != definition.id ||
      was == observation.key || GaveUpKey(definition, state)) {
    return Status();
  }
  const std::string now =
      observation.key.empty() ? "none" : fmt::format("{}", fmt::join(observation.key, ", "));
  const std::string columns = fmt::format("{}", fmt::join(was, ","));
  const std::string name = base::ShellWord(definition.name());
  return Status(ErrorClass::kChangedPrimaryKey,
                "the source of " + definition.name() + " declares another primary key: " + now +
                    ", the target's is " + fmt::format("{}", fmt::join(was, ", ")))
      .With("table", definition.name())
      .Mend("Take the source's: spillway resync " + name +
            "; or keep the target's: spillway synced-table alter " + name + " --primary-key " +
            base::ShellWord(columns) + ".");
}

bool NothingChanged(const Definition& definition, const target::TableState& state,
                    std::optional<lake::Relation> relation) {
  return relation == lake::Relation::kSame && state.exists && state.unchanged && state.position &&
         state.owned_by_id == definition.id &&
         state.position->definition_hash == RowHash(definition);
}

Result<Observation> Observe(const base::Context& context, const Definition& definition,
                            const lake::Location& location, lake::Lake& lake,
                            target::Target& target, bool complete, bool key_may_change) {
  Observation observation;
  SPILLWAY_TRY(base::Failpoint("observe.target"));
  SPILLWAY_ASSIGN(observation.target, target.Describe(context, definition.table, definition.id));
  observation.capabilities = target.capabilities();

  SPILLWAY_TRY(base::Failpoint("observe.source"));
  const auto& position = observation.target.position;
  // A rebuild reads everything, whatever the position says.
  if (!complete && position && !position->source_position.empty()) {
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
  if (!key_may_change) SPILLWAY_TRY(CheckSourceKey(definition, observation));
  SPILLWAY_TRY(target.CheckPublish(context, definition.table, observation.target,
                                   observation.columns, observation.key));
  return observation;
}

}  // namespace spillway::sync
