#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/shell_word.h"
#include "face/cli/command.h"
#include "face/cli/definition_files.h"
#include "face/cli/option_values.h"
#include "face/cli/question.h"
#include "face/cli/sync_output.h"
#include "service/apply.h"
#include "service/syncs.h"

namespace spillway::face::cli {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using service::Change;
using service::ChangeAction;
using service::ChangePlan;
using service::Prune;
using Json = nlohmann::ordered_json;

struct ApplyFlags {
  std::vector<std::string> files;
  Prune prune = Prune::kLeave;
  bool exit_code = false;
  bool no_sync = false;
};

// The sign and colour of an action, as version control has taught them.
struct ActionStyle {
  std::string_view sign;
  std::string_view sgr;
};
ActionStyle StyleOf(ChangeAction action) {
  switch (action) {
    case ChangeAction::kCreate:
      return {"+", "32"};
    case ChangeAction::kChange:
      return {"~", "33"};
    case ChangeAction::kRemove:
      return {"-", "31"};
    case ChangeAction::kLeave:
      break;
  }
  return {" ", "2"};
}

std::size_t CountOf(const ChangePlan& plan, ChangeAction action) {
  return static_cast<std::size_t>(std::ranges::count(plan.changes, action, &Change::action));
}

Json PlanJson(const ChangePlan& plan) {
  Json changes = Json::array();
  for (const Change& change : plan.changes) {
    Json fields = Json::array();
    for (const service::FieldChange& field : change.fields) {
      fields.push_back({{"field", field.key}, {"before", field.before}, {"after", field.after}});
    }
    changes.push_back({{"action", service::Name(change.action)},
                       {"kind", change.kind()},
                       {"name", change.name()},
                       {"reason", change.reason},
                       {"fields", fields},
                       {"notes", change.notes}});
  }
  Json json;
  json["changes"] = std::move(changes);
  for (const ChangeAction action : {ChangeAction::kCreate, ChangeAction::kChange,
                                    ChangeAction::kLeave, ChangeAction::kRemove}) {
    json[std::string(service::Name(action))] = CountOf(plan, action);
  }
  json["warnings"] = plan.warnings;
  return json;
}

std::string OneLine(const std::string& text) {
  if (text.empty()) return "(not set)";
  return Shown(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace));
}

// The plan for people: each thing, why, and field by field what changes.
std::string PlanText(const Console& console, const ChangePlan& plan) {
  std::string text;
  for (const Change& change : plan.changes) {
    const ActionStyle style = StyleOf(change.action);
    text += console.Colored(fmt::format("{} {:<6} {} {}", style.sign, service::Name(change.action),
                                        change.kind(), Shown(change.name())),
                            style.sgr) +
            ": " + Shown(change.reason) + "\n";
    for (const service::FieldChange& field : change.fields) {
      text += change.action == ChangeAction::kCreate
                  ? fmt::format("      {}: {}\n", field.key, OneLine(field.after))
                  : fmt::format("      {}: {} → {}\n", field.key, OneLine(field.before),
                                OneLine(field.after));
    }
    for (const std::string& note : change.notes) text += "      " + Shown(note) + "\n";
  }
  return text +
         fmt::format("{} to create, {} to change, {} to remove, {} left as they are\n",
                     CountOf(plan, ChangeAction::kCreate), CountOf(plan, ChangeAction::kChange),
                     CountOf(plan, ChangeAction::kRemove), CountOf(plan, ChangeAction::kLeave));
}

Result<ChangePlan> MakePlan(Session* session, service::World& world, const ApplyFlags& flags) {
  SPILLWAY_ASSIGN(const service::Configuration configuration,
                  ReadDefinitionFiles(flags.files, session->working_folder, session->environment,
                                      session->context.stop));
  SPILLWAY_ASSIGN(ChangePlan plan,
                  service::PlanChanges(session->context, world, configuration, flags.prune));
  for (const Status& missing : service::UnavailableSecrets(world, plan)) {
    plan.warnings.push_back(std::string(missing.message()) + ". " + std::string(missing.mend()));
  }
  for (const std::string& warning : plan.warnings) session->console->Warn(warning);
  return plan;
}

Result<int> Plan(Session* session, service::World& world, const ApplyFlags& flags) {
  SPILLWAY_ASSIGN(const ChangePlan plan, MakePlan(session, world, flags));
  if (session->console->format == OutputFormat::kTable) {
    session->console->Out(PlanText(*session->console, plan));
  } else {
    session->console->Print(PlanJson(plan).dump());
  }
  return flags.exit_code && plan.HasChanges() ? 3 : 0;
}

Status AskForConsent(Session* session, const ChangePlan& plan) {
  if (session->yes) return Status();
  const bool drops = plan.prune == Prune::kDropTable && CountOf(plan, ChangeAction::kRemove) > 0;
  if (!CanAsk(*session)) {
    return Status(ErrorClass::kConfirmationRequired, "applying changes wants to be confirmed")
        .Mend("Repeat with --yes; look before with: spillway plan.");
  }
  SPILLWAY_ASSIGN(const bool confirmed,
                  Confirm(*session, drops ? "Make these changes, dropping tables with all rows?"
                                          : "Make these changes?"));
  if (confirmed) return Status();
  return Status(ErrorClass::kConfirmationRequired, "not confirmed; nothing was changed");
}

// Loads what was created; whether all of it arrived.
Result<bool> SyncCreated(Session* session, service::World& world,
                         const std::vector<std::string>& created, Json* outcomes) {
  Console& console = *session->console;
  const auto progress = MakeProgress(session->progress, &console);
  bool all = true;
  const auto each = [&](const service::SyncOutcome& outcome) {
    outcomes->push_back(Json::parse(OutcomeJson(outcome)));
    if (console.format == OutputFormat::kTable) console.Line(Shown(Sentence(outcome)));
    if (outcome.status.ok()) return;
    all = false;
    console.Error(Status(outcome.status).While(outcome.name));
  };
  SPILLWAY_ASSIGN(const std::vector<service::SyncOutcome> synced,
                  service::SyncTables(session->context, world, created, {}, progress.get(), each));
  if (synced.size() > 1) console.Note(Summary(synced));
  return all;
}

Result<int> Apply(Session* session, service::World& world, const ApplyFlags& flags) {
  SPILLWAY_ASSIGN(const ChangePlan plan, MakePlan(session, world, flags));
  // In other formats what was done is told at the end.
  const bool is_shown = session->console->format == OutputFormat::kTable &&
                        (!session->console->quiet || (plan.HasChanges() && !session->yes));
  if (is_shown && session->console->logs_json()) {
    session->console->Log("info", PlanJson(plan).dump());
  } else if (is_shown) {
    session->console->Err(PlanText(*session->console, plan));
  }
  std::vector<std::string> created;
  int code = 0;
  if (plan.HasChanges()) {
    SPILLWAY_TRY(AskForConsent(session, plan));
    SPILLWAY_TRY(service::ApplyChanges(
        session->context, world, plan,
        [&](const Change& change, const Status& outcome, const std::vector<std::string>& warnings) {
          for (const std::string& warning : warnings) session->console->Warn(warning);
          if (!outcome.ok()) {
            const Status named = Status(outcome).While(fmt::format(
                "{} {} {}", service::Name(change.action), change.kind(), change.name()));
            session->console->Error(named);
            code = 1;
            return;
          }
          const bool is_table = std::holds_alternative<service::TableDeclaration>(change.declared);
          if (change.action == ChangeAction::kCreate && is_table) created.push_back(change.name());
        }));
  } else {
    session->console->Note("nothing to do: everything is as declared");
  }
  Json synced = Json::array();
  if (!created.empty() && flags.no_sync) {
    std::string command = "spillway sync";
    for (const std::string& name : created) command += " " + base::ShellWord(name);
    session->console->Note("created, not loaded; load with: " + command);
  } else if (!created.empty()) {
    SPILLWAY_ASSIGN(const bool all_synced, SyncCreated(session, world, created, &synced));
    if (!all_synced) code = 1;
  }
  if (session->console->format != OutputFormat::kTable) {
    Json json = PlanJson(plan);
    json["synced"] = std::move(synced);
    session->console->Print(json.dump());
  }
  if (session->context.stop.stop_requested()) return 130;
  return code;
}

void AddFiles(CLI::App* command, ApplyFlags* flags) {
  command
      ->add_option("-f,--file,--config", flags->files,
                   "A definition file; - is standard input; may be repeated")
      ->required()
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  AddChoice<Prune>(command, "--prune", &flags->prune,
                   {{"keep-table", Prune::kKeepTable}, {"drop-table", Prune::kDropTable}},
                   "Remove synced tables that no file declares: keep-table or drop-table");
}

}  // namespace

void AddApplyCommands(CLI::App* app, Session* session) {
  CLI::App* plan = app->add_subcommand(
      "plan", "Say what apply would create, change, leave and remove; changes nothing");
  auto plan_flags = std::make_shared<ApplyFlags>();
  AddFiles(plan, plan_flags.get());
  plan->add_flag("--exit-code", plan_flags->exit_code, "Exit with 3 when there is something to do");
  plan->footer(
      "Examples:\n  spillway plan -f shop.yaml\n"
      "  spillway plan -f shop.yaml --exit-code -o json");
  plan->callback([session, plan_flags] {
    session->action = [session, plan_flags](service::World& world) {
      return Plan(session, world, *plan_flags);
    };
  });

  CLI::App* apply = app->add_subcommand(
      "apply", "Make targets, sources and synced tables what definition files declare");
  auto apply_flags = std::make_shared<ApplyFlags>();
  AddFiles(apply, apply_flags.get());
  apply->add_flag("--no-sync", apply_flags->no_sync, "Do not load the tables that were created");
  apply->footer(
      "Examples:\n  spillway apply -f shop.yaml\n"
      "  spillway apply -f targets.yaml -f shop.yaml --yes --prune=keep-table");
  apply->callback([session, apply_flags] {
    session->action = [session, apply_flags](service::World& world) {
      return Apply(session, world, *apply_flags);
    };
  });
}

}  // namespace spillway::face::cli
