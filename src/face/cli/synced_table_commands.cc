#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "face/cli/command.h"
#include "service/lake_tables.h"
#include "service/synced_tables.h"
#include "service/table_name.h"

namespace spillway::face::cli {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using Json = nlohmann::ordered_json;

// The flags of a definition, as given.
struct DefinitionFlags {
  std::string name;
  std::string source;
  std::string primary_key;
  std::string columns;
  std::string where;
  std::vector<std::string> type_overrides;
  std::vector<std::string> indexes;
  std::string mode = "full";
  std::string on_bad_row = "fail";
  std::int64_t batch_rows = sync::Definition().batch_rows;
  std::int32_t connections = 0;
  std::int32_t retries = sync::Definition().retries;
  std::string timeout;
  std::string lock_timeout;
  bool no_sync = false;
  bool dry_run = false;
};

Result<sync::Definition> MakeDefinition(const DefinitionFlags& flags) {
  sync::Definition definition;
  SPILLWAY_ASSIGN(service::SyncedTableName name, service::ParseSyncedTableName(flags.name));
  definition.target = std::move(name.target);
  definition.table = std::move(name.table);
  definition.source = flags.source;
  if (!flags.primary_key.empty()) {
    SPILLWAY_ASSIGN(definition.primary_key, service::ParseColumnList(flags.primary_key));
  }
  if (!flags.columns.empty()) {
    SPILLWAY_ASSIGN(definition.columns, service::ParseColumnList(flags.columns));
  }
  definition.where = flags.where;
  std::vector<std::string> type_overrides;
  for (const std::string& given : flags.type_overrides) {
    for (std::string& part : SplitOutsideParentheses(given)) {
      type_overrides.push_back(std::move(part));
    }
  }
  SPILLWAY_ASSIGN(definition.type_overrides, ParseAssignments(type_overrides, "--type-overrides"));
  definition.indexes = flags.indexes;
  SPILLWAY_ASSIGN(definition.mode, sync::ParseMode(flags.mode));
  SPILLWAY_ASSIGN(definition.on_bad_row, sync::ParseOnBadRow(flags.on_bad_row));
  definition.batch_rows = flags.batch_rows;
  definition.connections = flags.connections;
  definition.retries = flags.retries;
  if (!flags.timeout.empty()) {
    SPILLWAY_ASSIGN(definition.timeout, sync::ParseDuration(flags.timeout));
  }
  if (!flags.lock_timeout.empty()) {
    SPILLWAY_ASSIGN(definition.lock_timeout, sync::ParseDuration(flags.lock_timeout));
  }
  return definition;
}

Json PlanJson(const std::string& name, const sync::Plan& plan) {
  Json json;
  json["synced_table"] = name;
  json["action"] = sync::Name(plan.action);
  json["reason"] = plan.reason;
  json["from_version"] = plan.from_version ? Json(*plan.from_version) : Json();
  json["to_version"] = plan.to_version;
  if (plan.action == sync::Action::kNothing) return json;
  json["files"] = plan.files;
  json["estimated_rows"] = plan.estimated_rows ? Json(*plan.estimated_rows) : Json();
  json["estimated_bytes"] = plan.estimated_bytes;
  json["primary_key"] = plan.key;
  json["connections"] = plan.connections;
  Json columns = Json::array();
  for (const target::Column& column : plan.columns) {
    columns.push_back(column.name + " " + column.target_type);
  }
  json["columns"] = std::move(columns);
  json["warnings"] = plan.warnings;
  return json;
}

Json ReportJson(const std::string& name, const sync::Report& report) {
  Json json;
  json["synced_table"] = name;
  json["outcome"] = report.action == sync::Action::kNothing ? "nothing to do" : "done";
  json["action"] = sync::Name(report.action);
  json["reason"] = report.reason;
  json["version"] = report.to_version;
  json["rows"] = report.rows;
  json["bytes"] = report.bytes;
  json["run_id"] = report.run_id;
  Json phases = Json::object();
  std::int64_t total = 0;
  for (const auto& [phase, took] : report.phases) {
    phases[std::string(sync::Name(phase))] = took.count();
    total += took.count();
  }
  json["took_ms"] = total;
  json["phases_ms"] = std::move(phases);
  json["bottleneck"] = sync::Name(report.bottleneck);
  json["warnings"] = report.warnings;
  return json;
}

Json ViewJson(const service::SyncedTableView& view) {
  const sync::Definition& definition = view.definition;
  Json json;
  json["name"] = definition.name();
  json["state"] = view.state;
  json["source"] = definition.source;
  json["mode"] = sync::Name(definition.mode);
  json["primary_key"] = definition.primary_key;
  if (definition.columns) json["columns"] = *definition.columns;
  if (!definition.where.empty()) json["where"] = definition.where;
  if (!definition.type_overrides.empty()) json["type_overrides"] = definition.type_overrides;
  if (!definition.indexes.empty()) json["indexes"] = definition.indexes;
  json["version"] = view.position ? Json(view.position->version) : Json();
  json["rows"] = view.position ? Json(view.position->rows) : Json();
  json["published_at"] =
      view.position ? Json(service::FormatTimestamp(view.position->published_at)) : Json();
  if (view.last_run) {
    json["last_run"] = std::string(state::Name(view.last_run->state));
    json["last_run_at"] = service::FormatTimestamp(view.last_run->started_at);
    if (!view.last_run->error.empty()) {
      json["last_error"] = Json::parse(view.last_run->error).value("message", "");
    }
  }
  json["id"] = definition.id;
  return json;
}

Json ListJson(const std::vector<service::SyncedTableView>& views) {
  Json list = Json::array();
  for (const service::SyncedTableView& view : views) {
    Json json;
    json["name"] = view.definition.name();
    json["state"] = view.state;
    json["mode"] = sync::Name(view.definition.mode);
    json["source"] = view.definition.source;
    const bool ran = view.last_run.has_value();
    json["last_run"] = ran ? Json(std::string(state::Name(view.last_run->state))) : Json();
    json["last_run_at"] = ran ? Json(service::FormatTimestamp(view.last_run->started_at)) : Json();
    json["version"] =
        ran && view.last_run->source_version ? Json(*view.last_run->source_version) : Json();
    list.push_back(std::move(json));
  }
  return list;
}

std::string Sentence(const std::string& name, const sync::Report& report) {
  if (report.action == sync::Action::kNothing) {
    return fmt::format("{}: nothing to do, {}", name, report.reason);
  }
  std::int64_t total = 0;
  for (const auto& [phase, took] : report.phases) total += took.count();
  return fmt::format("{}: {} rows of version {} in {:.2f} s", name, FormatCount(report.rows),
                     report.to_version, static_cast<double>(total) / 1000);
}

// Syncs the tables one after another; a failing one does not stop the others.
Result<int> SyncAll(Session* session, service::World& world,
                    const std::vector<std::string>& names) {
  const auto progress = MakeProgress(session->progress, session->console);
  Json list = Json::array();
  int code = 0;
  for (const std::string& name : names) {
    const service::SyncOutcome outcome =
        service::SyncTable(session->context, world, name, progress.get());
    if (!outcome.status.ok()) {
      session->console->Error(outcome.status);
      code = names.size() == 1 ? ExitCode(outcome.status) : 1;
      if (session->context.stop.stop_requested()) break;
      continue;
    }
    for (const std::string& warning : outcome.report.warnings) {
      if (outcome.report.action == sync::Action::kNothing) session->console->Warn(warning);
    }
    if (session->console->format == OutputFormat::kTable) {
      session->console->Line(Sentence(outcome.name, outcome.report));
    } else {
      list.push_back(ReportJson(outcome.name, outcome.report));
    }
  }
  if (session->console->format != OutputFormat::kTable && !list.empty()) {
    session->console->Print(names.size() == 1 ? list.front().dump() : list.dump());
  }
  return code;
}

Result<int> Create(Session* session, service::World& world, const DefinitionFlags& flags) {
  SPILLWAY_ASSIGN(sync::Definition definition, MakeDefinition(flags));
  SPILLWAY_ASSIGN(
      const service::Created created,
      service::CreateSyncedTable(session->context, world, std::move(definition), flags.dry_run));
  const std::string name = created.definition.name();
  if (flags.dry_run) {
    session->console->Print(PlanJson(name, created.plan).dump());
    return 0;
  }
  if (flags.no_sync) {
    session->console->Note("created " + name + "; load it with: spillway sync " + name);
    for (const std::string& warning : created.plan.warnings) session->console->Warn(warning);
    return 0;
  }
  SPILLWAY_ASSIGN(const int code, SyncAll(session, world, {name}));
  if (code == 0) {
    session->console->Note("next: spillway sync " + name +
                           (created.definition.target == service::kLocalTarget
                                ? "; look at the rows with: spillway pg psql"
                                : ""));
  } else {
    session->console->Note(
        name + " is defined; its first sync failed. Try again with: spillway sync " + name);
  }
  return code;
}

void AddCreate(CLI::App* parent, Session* session) {
  CLI::App* command = parent->add_subcommand("create", "Define a synced table and load it");
  auto flags = std::make_shared<DefinitionFlags>();
  command->add_option("NAME", flags->name, "TARGET.schema.table; target `local` is always there")
      ->required();
  command->add_option("--from,--source", flags->source, "Source: a path, URL or registered name")
      ->required();
  command->add_option("--primary-key", flags->primary_key,
                      "Key columns, comma-separated (else the source's constraint)");
  command->add_option("--columns", flags->columns, "Columns to carry, comma-separated (else all)");
  command->add_option("--where", flags->where, "Rows to carry, as a SQL predicate");
  command->add_option("--type-overrides", flags->type_overrides,
                      "COLUMN=TYPE, comma-separated or repeated, for instance tags=text[]");
  command->add_option("--indexes", flags->indexes, "\"(column)\"; may be repeated");
  command->add_option("--mode", flags->mode, "full (incremental and continuous are coming)");
  command->add_option("--on-bad-row", flags->on_bad_row, "fail (reject is coming)");
  command->add_option("--batch-rows", flags->batch_rows, "Rows decoded at a time");
  command->add_option("--connections", flags->connections, "Connections to load with");
  command->add_option("--retries", flags->retries, "Tries again after a lost connection");
  command->add_option("--timeout", flags->timeout, "Of a whole sync: 30s, 15m, 2h");
  command->add_option("--lock-timeout", flags->lock_timeout, "Of the swap's locks: 5s");
  command->add_flag("--no-sync", flags->no_sync, "Only define it");
  command->add_flag("--dry-run", flags->dry_run, "Only say what would be done");
  command->footer(
      "Examples:\n"
      "  spillway synced-table create local.public.products --from ./lake/products --primary-key "
      "product_id\n"
      "  spillway synced-table create shop.public.orders --from lake.sales.orders --primary-key "
      "order_id \\\n"
      "      --columns order_id,customer_id,total --where \"status <> 'draft'\" --indexes "
      "\"(customer_id)\"");
  command->callback([session, flags] {
    session->action = [session, flags](service::World& world) {
      return Create(session, world, *flags);
    };
  });
}

struct DeleteFlags {
  std::vector<std::string> names;
  bool keep_table = false;
  bool drop_table = false;
};

Result<int> Delete(Session* session, service::World& world, const DeleteFlags& flags) {
  bool drop_table = flags.drop_table;
  if (!flags.keep_table && !flags.drop_table) {
    if (!session->console->err_is_terminal()) {
      return Status(ErrorClass::kConfirmationRequired,
                    "deleting a synced table wants --keep-table or --drop-table");
    }
    drop_table = session->confirm("Drop the table in the target too?");
  } else if (flags.drop_table && !session->yes && session->console->err_is_terminal() &&
             !session->confirm("Drop " + fmt::format("{}", fmt::join(flags.names, ", ")) +
                               " with all rows?")) {
    return Status(ErrorClass::kConfirmationRequired, "not confirmed; nothing was deleted");
  }
  for (const std::string& name : flags.names) {
    SPILLWAY_TRY(service::DeleteSyncedTable(session->context, world, name, drop_table));
    session->console->Note("deleted " + name +
                           (drop_table ? " and its table" : "; its table was kept"));
  }
  return 0;
}

void AddDelete(CLI::App* parent, Session* session) {
  CLI::App* command = parent->add_subcommand("delete", "Forget synced tables");
  auto flags = std::make_shared<DeleteFlags>();
  command->add_option("NAME", flags->names, "Synced tables")->required();
  auto* keep = command->add_flag("--keep-table", flags->keep_table, "Leave the target's table");
  command->add_flag("--drop-table", flags->drop_table, "Drop the target's table")->excludes(keep);
  command->footer("Example:\n  spillway synced-table delete local.public.products --drop-table");
  command->callback([session, flags] {
    session->action = [session, flags](service::World& world) {
      return Delete(session, world, *flags);
    };
  });
}

void AddGetAndList(CLI::App* parent, Session* session) {
  CLI::App* get = parent->add_subcommand("get", "Show synced tables: definition, state, position");
  auto names = std::make_shared<std::vector<std::string>>();
  get->add_option("NAME", *names, "Synced tables")->required();
  get->footer("Example:\n  spillway synced-table get local.public.products -o yaml");
  get->callback([session, names] {
    session->action = [session, names](service::World& world) -> Result<int> {
      Json list = Json::array();
      for (const std::string& name : *names) {
        SPILLWAY_ASSIGN(const service::SyncedTableView view,
                        service::GetSyncedTable(session->context, world, name, true));
        if (!view.target_outcome.ok()) session->console->Warn(view.target_outcome.ToString());
        list.push_back(ViewJson(view));
      }
      session->console->Print(names->size() == 1 ? list.front().dump() : list.dump());
      return 0;
    };
  });
  CLI::App* list = parent->add_subcommand("list", "List synced tables");
  list->callback([session] {
    session->action = [session](service::World& world) -> Result<int> {
      SPILLWAY_ASSIGN(const auto views, service::ListSyncedTables(session->context, world));
      if (views.empty()) {
        session->console->Note("no synced tables yet; see: spillway synced-table create --help");
      }
      session->console->Print(ListJson(views).dump());
      return 0;
    };
  });
}

void AddSyncAndExplain(CLI::App* app, Session* session) {
  CLI::App* sync = app->add_subcommand("sync", "Bring synced tables up to their sources");
  auto names = std::make_shared<std::vector<std::string>>();
  auto all = std::make_shared<bool>(false);
  sync->add_option("NAME", *names, "Synced tables");
  sync->add_flag("--all", *all, "Every synced table");
  sync->footer("Examples:\n  spillway sync local.public.products\n  spillway sync --all");
  sync->callback([session, names, all] {
    if (names->empty() != *all) throw CLI::ValidationError("name synced tables, or give --all");
    session->action = [session, names, all](service::World& world) -> Result<int> {
      if (!*all) return SyncAll(session, world, *names);
      SPILLWAY_ASSIGN(const auto views, service::ListSyncedTables(session->context, world));
      std::vector<std::string> every;
      for (const service::SyncedTableView& view : views) every.push_back(view.definition.name());
      if (every.empty()) session->console->Note("no synced tables yet");
      return SyncAll(session, world, every);
    };
  });

  CLI::App* explain =
      app->add_subcommand("explain", "Say what the next sync would do and why; writes nothing");
  auto explained = std::make_shared<std::vector<std::string>>();
  auto exit_code = std::make_shared<bool>(false);
  explain->add_option("NAME", *explained, "Synced tables")->required();
  explain->add_flag("--exit-code", *exit_code, "Exit with 3 when there is something to do");
  explain->footer("Example:\n  spillway explain local.public.products");
  explain->callback([session, explained, exit_code] {
    session->action = [session, explained, exit_code](service::World& world) -> Result<int> {
      Json list = Json::array();
      bool something = false;
      for (const std::string& name : *explained) {
        SPILLWAY_ASSIGN(const sync::Plan plan,
                        service::ExplainTable(session->context, world, name));
        something = something || plan.action != sync::Action::kNothing;
        list.push_back(PlanJson(name, plan));
      }
      for (const Json& json : list) {
        if (session->console->format == OutputFormat::kTable) session->console->Print(json.dump());
      }
      if (session->console->format != OutputFormat::kTable) {
        session->console->Print(explained->size() == 1 ? list.front().dump() : list.dump());
      }
      return *exit_code && something ? 3 : 0;
    };
  });
}

}  // namespace

void AddSyncedTableCommands(CLI::App* app, Session* session) {
  CLI::App* parent = app->add_subcommand("synced-table", "Define, show and delete synced tables");
  parent->require_subcommand(1);
  AddCreate(parent, session);
  AddGetAndList(parent, session);
  AddDelete(parent, session);
  AddSyncAndExplain(app, session);
}

}  // namespace spillway::face::cli
