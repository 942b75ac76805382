#include "sync/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/shell_word.h"
#include "target/key_register.h"

namespace spillway::sync {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

// The process without any table: code, libraries, thread stacks, connection buffers.
constexpr std::int64_t kBaselineBytes = std::int64_t{128} << 20;
constexpr std::int64_t kMinSplitBytes = std::int64_t{8} << 20;
constexpr std::int64_t kMaxSplitBytes = std::int64_t{128} << 20;
constexpr std::int64_t kMaxRegisterBytes = std::int64_t{64} << 20;
// Enough parts a connection that the last one to finish does not keep the others waiting.
constexpr std::int64_t kSplitsPerConnection = 6;

// Why a load is needed, in the user's words.
std::string Reason(const Definition& definition, const Observation& observation, bool rebuild) {
  const auto& state = observation.target;
  const std::string version = std::to_string(observation.source->position().version);
  if (!state.position || state.position->source_position.empty()) {
    return "the target has no position yet: everything of version " + version + " is loaded";
  }
  if (!state.exists) {
    return (state.difference.empty() ? "the target table is gone" : state.difference) +
           ": it is built again from version " + version;
  }
  if (rebuild) return "a rebuild was asked for: everything of version " + version + " is loaded";
  if (state.position->definition_hash != RowHash(definition)) {
    return "the definition changed what rows or columns the target has";
  }
  if (!state.unchanged) return "the target table was changed by hand: " + state.difference;
  const std::string recorded = std::to_string(state.position->version);
  switch (observation.relation.value_or(lake::Relation::kOther)) {
    case lake::Relation::kSame:
      return "version " + recorded + " is loaded again";
    case lake::Relation::kFollows:
      return "the source moved from version " + recorded + " to " + version +
             "; mode full reads all of it";
    case lake::Relation::kReplaced:
      return "the source table was replaced since version " + recorded;
    case lake::Relation::kOther:
      return "the commit recorded as version " + recorded +
             " is not in the source's history: another table is there, or its log was cleaned up";
  }
  return {};
}

Status RefuseOthers(const Definition& definition, const target::TableState& state) {
  const std::string table = definition.table.ToString();
  if (state.exists && state.owned_by_id != definition.id) {
    if (state.owned_by_id.empty()) {
      const Status taken = Status(ErrorClass::kAlreadyExists,
                                  (state.kind == "index" ? "an " : "a ") + state.kind +
                                      " that Spillway did not make has the target's name: " + table)
                               .With("table", table);
      if (state.kind != "table") {
        return Status(taken).Mend("Choose another name, or drop or rename the " + state.kind +
                                  " first.");
      }
      return Status(taken).Mend(
          "Take it over with --adopt or --replace, or choose another name. A synced table that "
          "is there already is deleted first: spillway synced-table delete " +
          base::ShellWord(definition.name()) + " --keep-table.");
    }
    return Status(ErrorClass::kAlreadyExists,
                  "another synced table has the target's name: " + table)
        .With("table", table)
        .With("synced_table_id", state.owned_by_id)
        .Mend(
            "Choose another name, or delete the other synced table; when its definition is lost,"
            " take the table over with --adopt.");
  }
  return Status();
}

// A swap carries whatever is movable; one object that is not keeps the table.
void ChooseWay(const target::TableState& state, Plan* plan) {
  plan->action = state.exists ? Action::kRebuild : Action::kFirstLoad;
  if (!state.exists) return;
  std::string moved;
  std::string kept;
  for (const target::Dependent& dependent : state.dependents) {
    std::string& names = dependent.movable ? moved : kept;
    names += (names.empty() ? "" : ", ") + dependent.ToString();
  }
  if (state.adopted) {
    plan->action = Action::kApply;
    plan->way = target::PublishWay::kApply;
    plan->way_reason = "the table was adopted: its rows are compared, and what differs is written";
    return;
  }
  if (kept.empty()) {
    plan->way_reason = moved.empty() ? "nothing of others hangs on the table"
                                     : "the new table takes over: " + moved;
    return;
  }
  plan->action = Action::kApply;
  plan->way = target::PublishWay::kApply;
  plan->way_reason = "a swap would lose: " + kept;
}

std::string Rows(const std::optional<std::int64_t>& rows) {
  return rows ? std::to_string(*rows) + " rows" : "rows";
}

// What the ways cost that `plan` does not take. A table that is not there can only be filled.
std::vector<OtherWay> OtherWays(const target::TableState& state, const Plan& plan) {
  const std::string present =
      Rows(state.position ? std::optional<std::int64_t>(state.position->rows) : std::nullopt);
  switch (plan.action) {
    case Action::kNothing:
      return {{"resync", "reads version " + std::to_string(plan.to_version) + " whole, " + present +
                             ", and swaps or applies it"}};
    case Action::kFirstLoad:
      return {};
    case Action::kRebuild:
      return {{std::string(Name(Action::kApply)),
               "loads the same " + Rows(plan.estimated_rows) +
                   " beside, then compares them with the " + present +
                   " of the table and writes those that differ: longer, but the table stays"}};
    case Action::kApply:
      return {{std::string(Name(Action::kRebuild)),
               state.adopted
                   ? "loads the same rows and drops the adopted ones with the old table"
                   : "loads the same rows and compares none, but would lose what is named above"}};
  }
  return {};
}

Status CheckWidth(const Definition& definition, const Observation& observation) {
  const std::int32_t most = observation.capabilities.max_columns;
  const std::size_t columns = observation.columns.size() + definition.extra_columns.size();
  if (columns == 0) {
    return Status(ErrorClass::kInvalidDefinition, "the table has no column that could be loaded")
        .With("table", definition.table.ToString())
        .Mend("Add a column to the source; those of type void are left out.");
  }
  if (most > 0 && columns > static_cast<std::size_t>(most)) {
    return Status(ErrorClass::kInvalidDefinition,
                  "the table has more columns than the target can hold: " +
                      std::to_string(columns) + " against " + std::to_string(most))
        .With("table", definition.table.ToString())
        .Mend("Select fewer with --columns.");
  }
  return Status();
}

// A register pays when rows may be rejected for their key and it can hold them all.
std::int64_t KeysToRegister(const Definition& definition, const Plan& plan) {
  if (definition.on_bad_row != OnBadRow::kReject || !definition.timeseries_key.empty() ||
      plan.key.empty() || !plan.estimated_rows ||
      target::KeyRegister::BytesFor(*plan.estimated_rows) > kMaxRegisterBytes) {
    return 0;
  }
  return *plan.estimated_rows;
}

void ChooseSizes(const Definition& definition, const Limits& limits, Plan* plan) {
  plan->connections =
      definition.connections > 0 ? definition.connections : std::clamp(limits.cores, 2, 8);
  plan->split_bytes = std::clamp(plan->estimated_bytes / (plan->connections * kSplitsPerConnection),
                                 kMinSplitBytes, kMaxSplitBytes);
  plan->task_bytes = plan->split_bytes;
  plan->read.batch_rows = definition.batch_rows;
  plan->read.check_text = false;  // the target's encoder checks, and names the row
  plan->registered_keys = KeysToRegister(definition, *plan);
  const std::int64_t registered =
      plan->registered_keys > 0 ? target::KeyRegister::BytesFor(plan->registered_keys) : 0;
  const std::int64_t share =
      std::max<std::int64_t>(limits.memory_bytes - kBaselineBytes - registered, 32 << 20) /
      plan->connections;
  // A worker holds pages and read-ahead, the batch decoded from them, and the batch encoded.
  plan->read.memory_bytes = share / 2;
  plan->read.batch_bytes = std::clamp<std::int64_t>(share / 16, 1 << 20, 8 << 20);
}

}  // namespace

std::string_view Name(Action action) {
  switch (action) {
    case Action::kNothing:
      return "nothing";
    case Action::kFirstLoad:
      return "first load";
    case Action::kRebuild:
      return "rebuild and swap";
    case Action::kApply:
      return "apply the difference";
  }
  return "nothing";
}

Status CheckRejected(const Definition& definition, const target::TableState& state) {
  if (!definition.max_rejected || state.rejected <= *definition.max_rejected) return Status();
  return Status(ErrorClass::kTooManyRejected,
                std::to_string(state.rejected) + " rows of " + definition.table.ToString() +
                    " are rejected, max_rejected is " + std::to_string(*definition.max_rejected))
      .With("table", definition.table.ToString())
      .With("rejected", std::to_string(state.rejected))
      .With("max_rejected", std::to_string(*definition.max_rejected));
}

std::string ForeseeDeletes(const Definition& definition, const target::TableState& state,
                           const Plan& plan) {
  if (!state.exists || !state.position || !plan.estimated_rows) return {};
  const std::int64_t present = state.position->rows;
  const std::int64_t deleted = present - *plan.estimated_rows;
  if (!target::DeletesTooMany(deleted, present, definition.max_delete_percent)) return {};
  return fmt::format(
      "the next sync stops and asks: it would delete at least {} of the {} rows of {}, more than "
      "the {:g} % that max_delete_share allows",
      deleted, present, definition.table.ToString(), definition.max_delete_percent);
}

Result<Plan> MakePlan(const Definition& definition, const Observation& observation,
                      const Limits& limits, bool rebuild) {
  const target::TableState& state = observation.target;
  Plan plan;
  if (state.position && !state.position->source_position.empty()) {
    plan.from_version = state.position->version;
  }
  if (!rebuild && NothingChanged(definition, state, observation.relation)) {
    plan.to_version = state.position->version;
    plan.reason = "the target reflects version " + std::to_string(plan.to_version) +
                  ", which is the source's latest, and the definition is the same";
    if (const Status rejected = CheckRejected(definition, state); !rejected.ok()) {
      plan.warnings.push_back("the next sync fails: " + std::string(rejected.message()));
    }
    plan.other_ways = OtherWays(state, plan);
    return plan;
  }

  SPILLWAY_TRY(RefuseOthers(definition, state));
  SPILLWAY_TRY(CheckWidth(definition, observation));
  ChooseWay(state, &plan);
  plan.reason = Reason(definition, observation, rebuild);
  plan.to_version = observation.source->position().version;
  plan.estimated_bytes = observation.totals.byte_size;
  plan.estimated_rows = observation.totals.rows;
  plan.files = observation.totals.files;
  plan.columns = observation.columns;
  plan.key = observation.key;
  plan.warnings = observation.source->description().warnings;
  if (plan.key.empty()) {
    plan.warnings.emplace_back(
        "no primary key: only full syncs are possible; declare one with --primary-key");
  }
  plan.warnings.insert(plan.warnings.end(), state.warnings.begin(), state.warnings.end());
  plan.other_ways = OtherWays(state, plan);
  ChooseSizes(definition, limits, &plan);
  return plan;
}

}  // namespace spillway::sync
