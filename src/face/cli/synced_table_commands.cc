#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/nearest_name.h"
#include "base/shell_word.h"
#include "face/cli/command.h"
#include "face/cli/definition_flags.h"
#include "face/cli/option_values.h"
#include "face/cli/question.h"
#include "face/cli/sync_output.h"
#include "face/cli/synced_table_output.h"
#include "service/lake_tables.h"
#include "service/synced_tables.h"
#include "service/table_name.h"
#include "sync/definition_fields.h"

namespace spillway::face::cli {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using Json = nlohmann::ordered_json;

struct CreateFlags {
  std::string name;
  DefinitionFlags definition;
  bool adopt = false;
  bool replace = false;
  bool no_sync = false;
};

Result<sync::Definition> MakeDefinition(const CreateFlags& flags) {
  sync::Definition definition;
  SPILLWAY_ASSIGN(service::SyncedTableName name, service::ParseSyncedTableName(flags.name));
  definition.target = std::move(name.target);
  definition.table = std::move(name.table);
  SPILLWAY_TRY(flags.definition.Apply(&definition));
  return definition;
}

// A message that has lines of its own.
std::string OnOneLine(std::string message) {
  constexpr std::string_view kBreak = "\n  ";
  for (std::size_t at = message.find(kBreak); at != std::string::npos; at = message.find(kBreak)) {
    message.replace(at, kBreak.size(), " ");
  }
  return message;
}

Json ViewJson(const service::SyncedTableView& view) {
  const sync::Definition& definition = view.definition;
  Json json;
  json["name"] = definition.name();
  json["state"] = view.state;
  json["mode"] = sync::Name(definition.mode);
  const Json fields = Json::parse(sync::ToJson(definition));
  for (const sync::Field& field : sync::Fields()) {
    if (fields.contains(field.key)) json[std::string(field.key)] = fields[std::string(field.key)];
  }
  if (const auto pending = sync::PendingFields(definition); !pending.empty()) {
    json["pending"] = pending;
  }
  json["version"] = view.position ? Json(view.position->version) : Json();
  json["rows"] = view.position ? Json(view.position->rows) : Json();
  if (view.rejected > 0) json["rejected"] = view.rejected;
  json["published_at"] =
      view.position ? Json(service::FormatTimestamp(view.position->published_at)) : Json();
  if (view.last_run) {
    json["last_run"] = std::string(state::Name(view.last_run->state));
    json["last_run_at"] = service::FormatTimestamp(view.last_run->started_at);
    if (!view.last_run->error.empty()) {
      json["last_error"] = OnOneLine(Json::parse(view.last_run->error).value("message", ""));
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
    json["version"] = view.published_version ? Json(*view.published_version) : Json();
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace

void PrintViews(Session* session, const std::vector<service::SyncedTableView>& views,
                bool as_list) {
  Json list = Json::array();
  for (const service::SyncedTableView& view : views) {
    if (!view.target_outcome.ok()) session->console->Warn(view.target_outcome.ToString());
    if (view.rejected > 0) {
      const std::string name = view.definition.name();
      session->console->Note(
          fmt::format("{} rows of {} are rejected; look at them with: spillway rejected list {}",
                      FormatCount(view.rejected), name, base::ShellWord(name)));
    }
    list.push_back(ViewJson(view));
  }
  session->console->Print(as_list ? list.dump() : list.front().dump());
}

Result<int> ForEachName(Session* session, const std::vector<std::string>& names,
                        const std::function<Status(const std::string& name)>& verb) {
  if (names.size() == 1) {
    SPILLWAY_TRY(verb(names.front()));
    return 0;
  }
  int code = 0;
  for (const std::string& name : names) {
    SPILLWAY_TRY(session->context.Check());
    const Status done = verb(name);
    if (done.ok()) continue;
    session->console->Error(Status(done).While(name));
    code = 1;
  }
  return code;
}

Result<int> ShowTables(Session* session, service::World& world,
                       const std::vector<std::string>& names) {
  std::vector<service::SyncedTableView> views;
  SPILLWAY_ASSIGN(const int code,
                  ForEachName(session, names, [&](const std::string& name) -> Status {
                    SPILLWAY_ASSIGN(service::SyncedTableView view,
                                    service::GetSyncedTable(session->context, world, name, true));
                    views.push_back(std::move(view));
                    return Status();
                  }));
  PrintViews(session, views, names.size() > 1);
  return code;
}

Result<int> TellEach(Session* session, service::World& world, const std::vector<std::string>& names,
                     std::string_view done,
                     Result<std::string> (*verb)(const base::Context&, service::World&,
                                                 std::string_view)) {
  return ForEachName(session, names, [&](const std::string& name) -> Status {
    SPILLWAY_ASSIGN(const std::string note, verb(session->context, world, name));
    session->console->Note(fmt::format("{} {}", done, name));
    if (!note.empty()) session->console->Note(note);
    return Status();
  });
}

void PrintList(Session* session, const std::vector<service::SyncedTableView>& views) {
  session->console->Print(ListJson(views).dump());
}

void NotePending(Session* session, const sync::Definition& definition) {
  for (const std::string& pending : sync::PendingFields(definition)) {
    session->console->Note(definition.name() + ": " + pending);
  }
}

Result<int> AlterTo(Session* session, service::World& world, const sync::Definition& before,
                    const sync::Definition& after, bool dry_run) {
  const std::string name = before.name();
  SPILLWAY_ASSIGN(const service::Created altered,
                  service::AlterSyncedTable(session->context, world, before, after, dry_run));
  NotePending(session, altered.definition);
  if (dry_run) {
    session->console->Print(PlanJson(name, altered.plan));
    return 0;
  }
  if (altered.definition == before) {
    session->console->Note(name + ": nothing to do, it is so already");
  } else if (sync::RowHash(altered.definition) == sync::RowHash(before)) {
    session->console->Note("altered " + name);
  } else {
    session->console->Note("altered " + name + "; its rows or columns change with: spillway sync " +
                           base::ShellWord(name));
  }
  return 0;
}

namespace {

Result<int> Create(Session* session, service::World& world, const CreateFlags& flags) {
  SPILLWAY_ASSIGN(sync::Definition definition, MakeDefinition(flags));
  const service::TakeOver take_over = flags.adopt     ? service::TakeOver::kAdopt
                                      : flags.replace ? service::TakeOver::kReplace
                                                      : service::TakeOver::kNone;
  SPILLWAY_ASSIGN(const service::Created created,
                  service::CreateSyncedTable(session->context, world, std::move(definition),
                                             take_over, session->dry_run));
  const std::string name = created.definition.name();
  NotePending(session, created.definition);
  if (session->dry_run) {
    session->console->Print(PlanJson(name, created.plan));
    return 0;
  }
  if (flags.no_sync) {
    session->console->Note("created " + name + "; load it with: spillway sync " +
                           base::ShellWord(name));
    for (const std::string& warning : created.plan.warnings) session->console->Warn(warning);
    return 0;
  }
  SPILLWAY_ASSIGN(const int code, SyncAndReport(session, world, {name}, {}, false));
  if (code == 0) {
    session->console->Note("next: spillway sync " + base::ShellWord(name) +
                           (created.definition.target == service::kLocalTarget
                                ? "; look at the rows with: spillway pg psql"
                                : ""));
  } else {
    session->console->Note(name +
                           " is defined; its first sync failed. Try again with: spillway sync " +
                           base::ShellWord(name));
  }
  return code;
}

void AddCreate(CLI::App* parent, Session* session) {
  CLI::App* command = parent->add_subcommand("create", "Define a synced table and load it");
  auto flags = std::make_shared<CreateFlags>();
  command->add_option("NAME", flags->name, "TARGET.schema.table; target `local` is always there")
      ->required();
  flags->definition.AddTo(command);
  auto* adopt = command->add_flag(
      "--adopt", flags->adopt, "Take over a table that is there: compare, then continue from it");
  command->add_flag("--replace", flags->replace, "Take over a table that is there: load it anew")
      ->excludes(adopt);
  command->add_flag("--no-sync", flags->no_sync, "Only define it");
  AddDryRun(command, session);
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

struct AlterFlags {
  std::string name;
  DefinitionFlags definition;
  std::vector<std::string> unset;
};

Result<int> Alter(Session* session, service::World& world, const AlterFlags& flags) {
  SPILLWAY_ASSIGN(const service::SyncedTableView view,
                  service::GetSyncedTable(session->context, world, flags.name, false));
  sync::Definition definition = view.definition;
  for (std::string key : flags.unset) {
    std::ranges::replace(key, '-', '_');
    const sync::Field* field = sync::FindField(key == "from" ? "source" : key);
    if (field == nullptr) {
      const auto nearest = base::NearestNames(key, sync::FieldKeys(), 3);
      return Status(ErrorClass::kInvalidArgument, "--unset: there is no field " + key)
          .Mend(nearest.empty() ? "See docs/reference/definition.md for the fields."
                                : fmt::format("Did you mean: {}?", fmt::join(nearest, ", ")));
    }
    if (flags.definition.Given(field->key)) {
      return Status(ErrorClass::kInvalidArgument, "--unset and a value are given for " + key);
    }
    field->unset(&definition);
  }
  SPILLWAY_TRY(flags.definition.Apply(&definition));
  return AlterTo(session, world, view.definition, definition, session->dry_run);
}

void AddAlter(CLI::App* parent, Session* session) {
  CLI::App* command = parent->add_subcommand("alter", "Change fields of a synced table");
  auto flags = std::make_shared<AlterFlags>();
  CompletedBy(KnownNames::kSyncedTables, command->add_option("NAME", flags->name, "A synced table"))
      ->required();
  flags->definition.AddTo(command);
  command
      ->add_option("--unset", flags->unset, "A field to take back to its default; may be repeated")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  AddDryRun(command, session);
  command->footer(
      "Examples:\n"
      "  spillway synced-table alter local.public.products --where \"price > 10\" --retries 5\n"
      "  spillway synced-table alter local.public.products --unset where");
  command->callback([session, flags] {
    if (flags->definition.empty() && flags->unset.empty()) {
      throw CLI::ValidationError("say what to change: a field's flag, or --unset FIELD");
    }
    session->action = [session, flags](service::World& world) {
      return Alter(session, world, *flags);
    };
  });
}

struct DeleteFlags {
  std::vector<std::string> names;
  bool keep_table = false;
  bool drop_table = false;
};

// Whether the tables are to be dropped too, asked for where the flags do not say. Errors:
// CONFIRMATION_REQUIRED, CANCELLED.
Result<bool> AskWhetherToDrop(const Session& session, const DeleteFlags& flags) {
  if (flags.keep_table || (flags.drop_table && (session.yes || session.dry_run))) {
    return flags.drop_table;
  }
  const std::string names = fmt::format("{}", fmt::join(flags.names, ", "));
  const Status refused =
      Status(ErrorClass::kConfirmationRequired, "not confirmed; nothing was deleted")
          .Mend("If that is meant, repeat it with --keep-table, or with --drop-table --yes.");
  if (flags.drop_table) {
    if (!CanAsk(session)) return true;
    SPILLWAY_ASSIGN(const bool confirmed, Confirm(session, "Drop " + names + " with all rows?"));
    return confirmed ? Result<bool>(true) : refused;
  }
  // --yes is no answer to a question that has two.
  if (session.yes || !CanAsk(session)) {
    return Status(ErrorClass::kConfirmationRequired,
                  "deleting a synced table wants --keep-table or --drop-table")
        .Mend("--keep-table leaves the table in the target, --drop-table drops it with all rows.");
  }
  SPILLWAY_ASSIGN(const std::optional<std::string> answer,
                  Ask(session, "Forget " + names +
                                   ": keep the table in the target, or drop it with all rows? "
                                   "[keep/drop/CANCEL]"));
  if (answer == "keep" || answer == "drop") return answer == "drop";
  return refused;
}

Result<int> Delete(Session* session, service::World& world, const DeleteFlags& flags) {
  SPILLWAY_ASSIGN(const bool drop_table, AskWhetherToDrop(*session, flags));
  return ForEachName(session, flags.names, [&](const std::string& name) -> Status {
    SPILLWAY_ASSIGN(const std::string note,
                    service::DeleteSyncedTable(session->context, world, name, drop_table));
    if (!note.empty()) session->console->Warn(note);
    session->console->Note("deleted " + name +
                           (drop_table ? " and its table" : "; its table was kept"));
    return Status();
  });
}

void AddDelete(CLI::App* parent, Session* session) {
  CLI::App* command = parent->add_subcommand("delete", "Forget synced tables");
  auto flags = std::make_shared<DeleteFlags>();
  CompletedBy(KnownNames::kSyncedTables, command->add_option("NAME", flags->names, "Synced tables"))
      ->required();
  auto* keep = command->add_flag("--keep-table", flags->keep_table, "Leave the target's table");
  command->add_flag("--drop-table", flags->drop_table, "Drop the target's table")->excludes(keep);
  AddDryRun(command, session);
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
  CompletedBy(KnownNames::kSyncedTables, get->add_option("NAME", *names, "Synced tables"))
      ->required();
  get->footer("Example:\n  spillway synced-table get local.public.products -o yaml");
  get->callback([session, names] {
    session->action = [session, names](service::World& world) -> Result<int> {
      return ShowTables(session, world, *names);
    };
  });
  CLI::App* list = parent->add_subcommand("list", "List synced tables");
  list->footer("Example:\n  spillway synced-table list -o json");
  list->callback([session] {
    session->action = [session](service::World& world) -> Result<int> {
      SPILLWAY_ASSIGN(const auto views, service::ListSyncedTables(session->context, world));
      if (views.empty()) {
        session->console->Note("no synced tables yet; see: spillway synced-table create --help");
      }
      PrintList(session, views);
      return 0;
    };
  });
}

struct WaitFlags {
  std::string name;
  std::optional<std::int64_t> version;
  bool latest = false;
  std::string timeout = "5m";
};

Result<int> Wait(Session* session, service::World& world, const WaitFlags& flags) {
  SPILLWAY_ASSIGN(const std::chrono::milliseconds timeout, sync::ParseDuration(flags.timeout));
  SPILLWAY_ASSIGN(
      const std::int64_t version,
      service::WaitForTable(session->context, world, flags.name, flags.version, timeout));
  if (session->console->format == OutputFormat::kTable) {
    session->console->Line(fmt::format("{} reflects version {}", flags.name, version));
  } else {
    session->console->Print(Json{{"synced_table", flags.name}, {"version", version}}.dump());
  }
  return 0;
}

void AddPauseAndWait(CLI::App* parent, Session* session) {
  using Verb = Result<std::string> (*)(const base::Context&, service::World&, std::string_view);
  const auto add = [&](const char* word, const char* help, const char* done, Verb verb) {
    CLI::App* command = parent->add_subcommand(word, help);
    auto names = std::make_shared<std::vector<std::string>>();
    CompletedBy(KnownNames::kSyncedTables, command->add_option("NAME", *names, "Synced tables"))
        ->required();
    AddDryRun(command, session);
    command->footer(
        fmt::format("Example:\n  spillway synced-table {} local.public.products", word));
    command->callback([session, names, verb, done] {
      session->action = [session, names, verb, done](service::World& world) -> Result<int> {
        return TellEach(session, world, *names, done, verb);
      };
    });
  };
  add("pause", "Keep synced tables from being synced", "paused", &service::PauseSyncedTable);
  add("resume", "End a pause", "resumed", &service::ResumeSyncedTable);

  CLI::App* wait = parent->add_subcommand("wait", "Wait until the target reflects a version");
  auto flags = std::make_shared<WaitFlags>();
  CompletedBy(KnownNames::kSyncedTables, wait->add_option("NAME", flags->name, "Synced table"))
      ->required();
  auto* version = AddNumber(wait, "--version", {}, "Of the source",
                            [flags](std::int64_t number) { flags->version = number; });
  wait->add_flag("--latest", flags->latest, "The source's latest version at this moment")
      ->excludes(version);
  wait->add_option("--timeout", flags->timeout, "At most: 30s, 5m (the default)");
  wait->footer(
      "Example:\n  spillway synced-table wait local.public.products --latest --timeout 5m");
  wait->callback([session, flags] {
    if (!flags->version && !flags->latest) {
      throw CLI::ValidationError("wait for what? Give --version N or --latest");
    }
    session->action = [session, flags](service::World& world) {
      return Wait(session, world, *flags);
    };
  });
}

}  // namespace

void AddSyncedTableCommands(CLI::App* app, Session* session) {
  CLI::App* parent = app->add_subcommand("synced-table", "Define, show and delete synced tables");
  parent->require_subcommand(1);
  AddCreate(parent, session);
  AddAlter(parent, session);
  AddGetAndList(parent, session);
  AddDelete(parent, session);
  AddPauseAndWait(parent, session);
  AddExportCommands(app, parent, session);
  AddSyncCommands(app, session);
}

}  // namespace spillway::face::cli
