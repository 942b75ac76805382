#include "service/synced_tables.h"

#include <chrono>
#include <memory>

#include "base/ids.h"
#include "base/sha256.h"
#include "base/shell_word.h"
#include "service/claims.h"
#include "service/environment.h"
#include "service/runs.h"
#include "service/table_name.h"
#include "state/table_lock.h"

namespace spillway::service {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using std::chrono::microseconds;

// A target that cannot be reached does not keep a pause waiting for long.
constexpr std::chrono::seconds kTellTime{5};

state::Time Now() {
  return std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now());
}

Result<state::SyncedTable> Find(const base::Context& context, World& world, std::string_view name) {
  SPILLWAY_ASSIGN(const SyncedTableName parsed, ParseSyncedTableName(name));
  state::SyncedTable key;
  key.target = parsed.target;
  key.schema = parsed.table.schema;
  key.table = parsed.table.table;
  return world.store().GetSyncedTable(context, key.name());
}

std::string StateWord(const std::optional<state::Run>& run, bool published) {
  if (!run) return published ? "online" : "provisioning";
  switch (run->state) {
    case state::RunState::kRunning:
      return published ? "updating" : "loading";
    case state::RunState::kSucceeded:
    case state::RunState::kNothingToDo:
      return "online";
    case state::RunState::kFailed:
    case state::RunState::kUnknown:
      return "failed";
    case state::RunState::kCancelled:
    case state::RunState::kInterrupted:
      return published ? "online" : "provisioning";
  }
  return "failed";
}

// Whether any recorded run published, for tables whose target is not asked.
Result<SyncedTableView> MakeView(const base::Context& context, World& world,
                                 const state::SyncedTable& table) {
  SyncedTableView view;
  if (Result<sync::Definition> read = sync::DefinitionFromJson(table.definition); read.ok()) {
    view.definition = *std::move(read);
  } else {
    view.definition.id = table.id;
    view.definition.target = table.target;
    view.definition.table = {table.schema, table.table};
    view.definition.source = table.source;
    view.definition_outcome =
        std::move(read).status().While("read the definition").With("table", table.name());
  }
  SPILLWAY_ASSIGN(std::vector<state::Run> runs, world.store().ListRuns(context, table.id, 1));
  SPILLWAY_TRY(MarkInterrupted(context, world, &runs));
  if (!runs.empty()) view.last_run = std::move(runs.front());
  SPILLWAY_ASSIGN(const std::optional<state::Run> published,
                  world.store().LastPublished(context, table.id));
  if (published) view.published_version = published->source_version;
  view.state = table.paused_at ? "paused" : StateWord(view.last_run, published.has_value());
  if (!view.definition_outcome.ok()) view.state = "failed";
  return view;
}

// A target that cannot be asked to forget a table, or not as it is now.
bool IsOutOfReach(const Status& error) {
  return error.error_class() == ErrorClass::kTargetUnsuitable ||
         error.code() == base::Code::kUnavailable || error.code() == base::Code::kUnauthorized ||
         error.code() == base::Code::kNotFound || error.error_class() == ErrorClass::kLocalPostgres;
}

// Tells the readers of the target's status; what keeps us from it does not undo the pause.
std::string TellPaused(const base::Context& context, World& world, const state::SyncedTable& table,
                       bool paused) {
  if (world.rehearses()) return "";
  const base::Context brief = context.Within(kTellTime);
  const auto tell = [&]() -> Status {
    SPILLWAY_ASSIGN(target::Target * target, world.TargetThatRuns(brief, table.target));
    return target->RecordPaused(brief, table.id, {table.schema, table.table}, paused);
  };
  const Status told = tell();
  return told.ok() ? "" : "view spillway.status does not show it: " + told.ToString();
}

Status IsThere(const std::string& name) {
  return Status(ErrorClass::kAlreadyExists, "the synced table is there already: " + name)
      .With("table", name)
      .Mend("To sync it as it is defined: spillway sync " + base::ShellWord(name) +
            "; to change its definition: spillway synced-table alter " + base::ShellWord(name));
}

}  // namespace

Result<Created> CreateSyncedTable(const base::Context& context, World& world,
                                  sync::Definition definition, TakeOver take_over, bool dry_run) {
  SPILLWAY_TRY(sync::Validate(definition));
  SPILLWAY_ASSIGN(source::ResolvedSource resolved,
                  world.sources().Resolve(context, definition.source));
  definition.source = std::move(resolved.source);
  definition.id = base::NewUuid();

  state::SyncedTable table;
  table.id = definition.id;
  table.target = definition.target;
  table.schema = definition.table.schema;
  table.table = definition.table.table;
  table.source = definition.source;
  if (world.store().GetSyncedTable(context, table.name()).ok()) {
    return IsThere(table.name());
  }
  SPILLWAY_TRY(CheckAgainstOthers(context, world, definition));
  SPILLWAY_ASSIGN(sync::Environment environment,
                  MakeEnvironment(context, world, definition, nullptr));
  environment.take_over = take_over != TakeOver::kNone;
  Created created;
  SPILLWAY_ASSIGN(created.plan, sync::Explain(context, definition, environment, false));
  created.definition = definition;
  if (dry_run) return created;

  std::unique_ptr<state::FileLock> lock;
  if (environment.take_over) {
    // Two who take over one table at once: the later one finds what the first one made of it.
    SPILLWAY_ASSIGN(lock, state::LockTable(world.home(), base::Sha256Hex(table.name()),
                                           table.name(), "create"));
    if (world.store().GetSyncedTable(context, table.name()).ok()) return IsThere(table.name());
    SPILLWAY_TRY(environment.target->Adopt(context, definition.id, definition.table,
                                           created.plan.columns, created.plan.key,
                                           take_over == TakeOver::kAdopt));
  }
  table.definition = sync::ToJson(definition);
  table.created_at = table.changed_at = Now();
  SPILLWAY_TRY(world.store().AddSyncedTable(context, table));
  return created;
}

Result<Created> AlterSyncedTable(const base::Context& context, World& world,
                                 const sync::Definition& before, sync::Definition definition,
                                 bool dry_run) {
  SPILLWAY_TRY(sync::Validate(definition));
  const std::string name = before.name();
  SPILLWAY_ASSIGN(const auto lock, state::LockTable(world.home(), before.id, name, "alter"));
  SPILLWAY_ASSIGN(state::SyncedTable table, world.store().GetSyncedTable(context, name));
  SPILLWAY_ASSIGN(const sync::Definition stored, sync::DefinitionFromJson(table.definition));
  if (stored != before) {
    return Status(ErrorClass::kDefinitionChanged,
                  "another command changed the definition of " + name + " meanwhile")
        .With("table", name)
        .Mend("Look at it with spillway synced-table get " + base::ShellWord(name) +
              ", then repeat the change.");
  }
  SPILLWAY_TRY(CheckAgainstOthers(context, world, definition));
  SPILLWAY_ASSIGN(source::ResolvedSource resolved,
                  world.sources().Resolve(context, definition.source));
  definition.source = std::move(resolved.source);
  definition.id = table.id;
  SPILLWAY_ASSIGN(sync::Environment environment,
                  MakeEnvironment(context, world, definition, nullptr));
  // A key that the source changed is no matter of these, or they settle it.
  environment.key_decided_later = sync::RowHash(definition) == sync::RowHash(stored) ||
                                  definition.primary_key != stored.primary_key ||
                                  definition.source != stored.source;
  Created altered;
  SPILLWAY_ASSIGN(altered.plan, sync::Explain(context, definition, environment, false));
  altered.definition = definition;
  if (dry_run) return altered;

  table.source = definition.source;
  table.definition = sync::ToJson(definition);
  table.changed_at = Now();
  SPILLWAY_TRY(world.store().ChangeSyncedTable(context, table));
  return altered;
}

Result<SyncedTableView> GetSyncedTable(const base::Context& context, World& world,
                                       std::string_view name, bool ask_target) {
  SPILLWAY_ASSIGN(const state::SyncedTable table, Find(context, world, name));
  SPILLWAY_ASSIGN(SyncedTableView view, MakeView(context, world, table));
  SPILLWAY_TRY(view.definition_outcome);
  if (!ask_target) return view;
  Result<target::Target*> target = world.Target(context, view.definition.target);
  if (!target.ok()) {
    view.target_outcome = target.status();
  } else {
    Result<target::TableState> described =
        (*target)->Describe(context, view.definition.table, view.definition.id);
    if (described.ok()) {
      view.position = described->position;
      view.rejected = described->rejected;
      if (view.position && view.position->source_position.empty()) view.position.reset();
      if (view.position && described->owned_by_id != view.definition.id) {
        view.target_outcome =
            Status(ErrorClass::kTargetChanged,
                   "the table that was published is not there any more: " + view.definition.name())
                .With("table", view.definition.name())
                .Mend("Load it anew: spillway sync " + base::ShellWord(view.definition.name()));
      }
    } else {
      view.target_outcome = described.status();
    }
  }
  if (!view.target_outcome.ok()) {
    const bool gone = view.target_outcome.error_class() == ErrorClass::kTargetChanged;
    view.state = gone ? "failed" : "offline";
  }
  return view;
}

Result<std::vector<SyncedTableView>> ListSyncedTables(const base::Context& context, World& world) {
  SPILLWAY_ASSIGN(const std::vector<state::SyncedTable> tables,
                  world.store().ListSyncedTables(context));
  std::vector<SyncedTableView> views;
  for (const state::SyncedTable& table : tables) {
    SPILLWAY_ASSIGN(SyncedTableView view, MakeView(context, world, table));
    views.push_back(std::move(view));
  }
  return views;
}

Result<std::string> DeleteSyncedTable(const base::Context& context, World& world,
                                      std::string_view name, bool drop_table) {
  SPILLWAY_ASSIGN(const state::SyncedTable table, Find(context, world, name));
  SPILLWAY_ASSIGN(const auto lock,
                  state::LockTable(world.home(), table.id, table.name(), "delete"));
  const auto forget = [&]() -> Status {
    if (world.rehearses()) return Status();
    SPILLWAY_ASSIGN(target::Target * target, world.Target(context, table.target));
    SPILLWAY_ASSIGN(const SyncedTableView view, MakeView(context, world, table));
    return target->Forget(context, table.id, {table.schema, table.table}, drop_table,
                          view.definition.lock_timeout);
  };
  Status forgotten = forget();
  const bool out_of_reach = !forgotten.ok() && IsOutOfReach(forgotten);
  if (out_of_reach && drop_table) {
    const std::string mend =
        std::string(forgotten.mend()) +
        " To forget the synced table all the same, delete it with --keep-table.";
    return std::move(forgotten).Mend(mend);
  }
  if (!forgotten.ok() && !out_of_reach) return forgotten;
  SPILLWAY_TRY(world.store().RemoveSyncedTable(context, table.id));
  return forgotten.ok()
             ? ""
             : "schema spillway in the target still has its position: " + forgotten.ToString();
}

Result<std::string> PauseSyncedTable(const base::Context& context, World& world,
                                     std::string_view name) {
  SPILLWAY_ASSIGN(const state::SyncedTable table, Find(context, world, name));
  SPILLWAY_TRY(world.store().SetPaused(context, table.id, Now()));
  return TellPaused(context, world, table, true);
}

Result<std::string> ResumeSyncedTable(const base::Context& context, World& world,
                                      std::string_view name) {
  SPILLWAY_ASSIGN(const state::SyncedTable table, Find(context, world, name));
  SPILLWAY_TRY(world.store().SetPaused(context, table.id, std::nullopt));
  return TellPaused(context, world, table, false);
}

}  // namespace spillway::service
