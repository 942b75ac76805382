#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "face/cli/command.h"
#include "face/cli/definition_files.h"
#include "face/cli/line_reader.h"
#include "face/cli/sync_output.h"
#include "face/cli/synced_table_output.h"
#include "face/sql/statement.h"
#include "service/apply.h"
#include "service/registry.h"
#include "service/selection.h"
#include "service/synced_tables.h"

namespace spillway::face::cli {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using Json = nlohmann::ordered_json;

// Performs statements, or says what they would do; one that fails ends a script.
class StatementRunner {
 public:
  StatementRunner(Session* session, service::World& world, bool no_sync)
      : session_(session), world_(world), no_sync_(no_sync) {}

  /// The exit code of the first statement that did not do what it says.
  Result<int> RunScript(const sql::Script& script) {
    SPILLWAY_ASSIGN(const std::vector<sql::Statement> statements, sql::Parse(script));
    for (const sql::Statement& statement : statements) {
      const bool is_of_dropped = NamesDropped(statement);
      Result<int> code = 0;
      if (!is_of_dropped) {
        code = std::visit([this](const auto& what) { return Run(what); }, statement.what);
      }
      if (is_of_dropped || (!code.ok() && StandsOnRehearsed(code.status()))) {
        const auto& [begin, end] = statement.span;
        session_->console->Note("not checked, it stands on a statement before it: " +
                                script.text.substr(begin, end - begin));
        continue;
      }
      if (!code.ok()) return sql::At(script, statement, code.status());
      if (*code != 0) return code;
    }
    return 0;
  }

 private:
  const base::Context& context() const { return session_->context; }

  // Notes that `name` would be made or removed.
  void Rehearse(const std::string& name) {
    if (session_->dry_run) rehearsed_.push_back(name);
  }

  // Whether the statement is on a synced table that an earlier one would have dropped.
  bool NamesDropped(const sql::Statement& statement) const {
    const auto is_dropped = [&](const std::string& name) { return dropped_.contains(name); };
    if (const auto* on = std::get_if<sql::OnSyncedTables>(&statement.what)) {
      return std::ranges::any_of(on->names, is_dropped);
    }
    const auto* alter = std::get_if<sql::AlterSyncedTable>(&statement.what);
    return alter != nullptr && is_dropped(alter->name);
  }

  // Whether an error comes of an earlier statement's not having been done.
  bool StandsOnRehearsed(const Status& error) const {
    switch (error.error_class()) {
      case ErrorClass::kSyncedTableNotFound:
      case ErrorClass::kTargetNotFound:
      case ErrorClass::kSourceNotFound:
      case ErrorClass::kAlreadyExists:
      case ErrorClass::kDependentObjectsStillExist:
        return std::ranges::any_of(rehearsed_, [&](const std::string& name) {
          return error.message().find(name) != std::string_view::npos;
        });
      default:
        return false;
    }
  }

  Result<int> Run(const sql::CreateSyncedTable& create) {
    const std::string name = create.definition.name();
    if (create.if_not_exists && service::GetSyncedTable(context(), world_, name, false).ok()) {
      session_->console->Note(name + " is there already");
      return 0;
    }
    SPILLWAY_ASSIGN(const service::Created created,
                    service::CreateSyncedTable(context(), world_, create.definition,
                                               service::TakeOver::kNone, session_->dry_run));
    Rehearse(name);
    NotePending(session_, created.definition);
    if (session_->dry_run) {
      session_->console->Print(PlanJson(name, created.plan));
      return 0;
    }
    if (!no_sync_) return SyncAndReport(session_, world_, {name}, {}, false);
    session_->console->Note("created " + name + "; load it with: SYNC TABLE " + name);
    return 0;
  }

  Result<int> Run(const sql::AlterSyncedTable& alter) {
    SPILLWAY_ASSIGN(const service::SyncedTableView view,
                    service::GetSyncedTable(context(), world_, alter.name, false));
    sync::Definition changed = view.definition;
    for (const auto& [field, value] : alter.fields) {
      if (value) {
        SPILLWAY_TRY(Set(*field, *value, &changed));
      } else {
        field->unset(&changed);
      }
    }
    return AlterTo(session_, world_, view.definition, changed, session_->dry_run);
  }

  Result<int> Run(const sql::DropSyncedTable& drop) {
    const Result<std::string> dropped =
        service::DeleteSyncedTable(context(), world_, drop.name, drop.drop_table);
    if (drop.if_exists && !dropped.ok() &&
        dropped.status().error_class() == ErrorClass::kSyncedTableNotFound) {
      session_->console->Note(drop.name + " is not there");
      return 0;
    }
    SPILLWAY_TRY(dropped.status());
    Rehearse(drop.name);
    if (session_->dry_run) dropped_.insert(drop.name);
    if (!dropped->empty()) session_->console->Warn(*dropped);
    session_->console->Note("dropped " + drop.name +
                            (drop.drop_table ? " and its table" : "; its table was kept"));
    return 0;
  }

  Result<int> Run(const sql::ShowSyncedTables& show) {
    SPILLWAY_ASSIGN(auto views, service::ListSyncedTables(context(), world_));
    if (show.like) {
      std::erase_if(views, [&](const service::SyncedTableView& view) {
        const sync::Definition& shown = view.definition;
        // With or without the quotes that its name needs.
        const std::string bare = shown.target + "." + shown.table.schema + "." + shown.table.table;
        return !sql::IsLike(shown.name(), *show.like) && !sql::IsLike(bare, *show.like);
      });
      if (views.empty()) session_->console->Note("no synced table is like " + *show.like);
    }
    PrintList(session_, views);
    return 0;
  }

  Result<int> Sync(const sql::OnSyncedTables& on, const service::SyncOptions& options) {
    if (session_->dry_run) {
      return ExplainAndReport(session_, world_, on.names, options, AsksForList(on), false);
    }
    return SyncAndReport(session_, world_, on.names, options, AsksForList(on));
  }

  Result<int> Run(const sql::OnSyncedTables& on) {
    switch (on.verb) {
      case sql::Verb::kSync:
        return Sync(on, {});
      case sql::Verb::kResync:
        return Sync(on, {.rebuild = true});
      case sql::Verb::kExplain:
        return ExplainAndReport(session_, world_, on.names, {}, AsksForList(on), false);
      case sql::Verb::kPause:
        return TellEach(session_, world_, on.names, "paused", &service::PauseSyncedTable);
      case sql::Verb::kResume:
        return TellEach(session_, world_, on.names, "resumed", &service::ResumeSyncedTable);
      case sql::Verb::kDescribe:
        return ShowTables(session_, world_, on.names);
      case sql::Verb::kShowCreate: {
        SPILLWAY_ASSIGN(const service::Configuration shown,
                        service::DescribeTables(context(), world_, on.names));
        session_->console->Out(WriteConfiguration(shown, DefinitionForm::kSql));
        return 0;
      }
    }
    return 0;
  }

  static bool AsksForList(const sql::OnSyncedTables& on) {
    return on.names.size() > 1 || service::IsPattern(on.names.front());
  }

  // Prints what was registered, or that it need not be.
  Result<int> Registered(Result<std::vector<std::string>> added, bool if_not_exists,
                         const std::string& name) {
    if (!added.ok()) {
      if (!if_not_exists || added.status().error_class() != ErrorClass::kAlreadyExists) {
        return std::move(added).status();
      }
      session_->console->Note(name + " is there already");
      return 0;
    }
    for (const std::string& warning : *added) session_->console->Warn(warning);
    Rehearse(name);
    session_->console->Note("added " + name);
    return 0;
  }

  Result<int> Run(const sql::CreateTarget& create) {
    return Registered(service::AddTarget(context(), world_, create.target.name, create.target.url,
                                         create.target.password),
                      create.if_not_exists, create.target.name);
  }
  Result<int> Run(const sql::CreateSource& create) {
    return Registered(service::AddSource(context(), world_, create.source.name, create.source.url,
                                         create.source.storage_options),
                      create.if_not_exists, create.source.name);
  }

  Result<int> Run(const sql::DropRegistered& drop) {
    const bool is_target = drop.registry == sql::Registry::kTargets;
    const Status removed = is_target ? service::RemoveTarget(context(), world_, drop.name)
                                     : world_.sources().Remove(context(), drop.name);
    if (!removed.ok() && drop.if_exists &&
        (removed.error_class() == ErrorClass::kTargetNotFound ||
         removed.error_class() == ErrorClass::kSourceNotFound)) {
      session_->console->Note(drop.name + " is not there");
      return 0;
    }
    SPILLWAY_TRY(removed);
    Rehearse(drop.name);
    session_->console->Note("removed " + drop.name);
    return 0;
  }

  Result<int> Run(const sql::ShowRegistered& show) {
    Json list = Json::array();
    if (show.registry == sql::Registry::kTargets) {
      SPILLWAY_ASSIGN(const auto targets, service::ListTargets(context(), world_));
      for (const state::Target& target : targets) {
        list.push_back({{"name", target.name},
                        {"url", target.url.empty() ? Json("not started yet") : Json(target.url)}});
      }
    } else {
      SPILLWAY_ASSIGN(const auto sources, world_.store().ListSources(context()));
      for (const state::Source& source : sources) {
        list.push_back({{"name", source.name}, {"url", source.url}});
      }
    }
    session_->console->Print(list.dump());
    return 0;
  }

  Session* session_;
  service::World& world_;
  const bool no_sync_;
  /// Names of what earlier statements of a dry run would have made or removed.
  std::vector<std::string> rehearsed_;
  /// Synced tables that earlier statements of a dry run would have dropped.
  std::set<std::string> dropped_;
};

// Statements in which a secret may stand are not kept on disk.
bool MayHoldSecret(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower.find("target") != std::string::npos || lower.find("source ") != std::string::npos ||
         lower.find("password") != std::string::npos;
}

// What can be completed now: words of the language, keys, names.
std::vector<std::string> CompletionWords(Session* session, service::World& world) {
  std::vector<std::string> words = sql::Keywords();
  for (std::string& key : sync::FieldKeys()) words.push_back(std::move(key));
  const auto tables = world.store().ListSyncedTables(session->context);
  if (tables.ok()) {
    for (const state::SyncedTable& table : *tables) words.push_back(table.name());
  }
  const auto sources = world.store().ListSources(session->context);
  if (sources.ok()) {
    for (const state::Source& source : *sources) words.push_back(source.name);
  }
  return words;
}

// Reads statements from the terminal until its end. An error is shown and ends nothing.
Result<int> RunInteractively(Session* session, service::World& world, StatementRunner* runner) {
  LineReader reader(
      world.home().path() + "/sql_history",
      [session, &world] { return CompletionWords(session, world); }, session->context.stop);
  session->console->Note(
      "Statements end with a semicolon; Tab completes, Ctrl-D ends. See docs/reference/sql.md.");
  std::string text;
  while (!session->context.stop.stop_requested()) {
    const auto line = reader.Read(text.empty() ? "spillway> " : "     ...> ");
    if (!line) break;
    if (text.empty() && (*line == "quit" || *line == "exit" || *line == "\\q")) return 0;
    text += *line + "\n";
    if (!sql::IsComplete(text)) continue;
    if (text.find_first_not_of(" \n\t") != std::string::npos && !MayHoldSecret(text)) {
      reader.Remember(text.substr(0, text.find_last_not_of('\n') + 1));
    }
    if (const Result<int> code = runner->RunScript({"", text}); !code.ok()) {
      session->console->Error(code.status());
    }
    SPILLWAY_TRY(session->console->Flush());
    text.clear();
  }
  return session->context.stop.stop_requested() ? 130 : 0;
}

struct SqlFlags {
  std::string text;
  std::vector<std::string> files;
  bool no_sync = false;
};

Result<int> RunSql(Session* session, service::World& world, const SqlFlags& flags) {
  StatementRunner runner(session, world, flags.no_sync);
  if (!flags.text.empty()) return runner.RunScript({"", flags.text});
  if (flags.files.empty() && isatty(STDIN_FILENO) == 1) {
    return RunInteractively(session, world, &runner);
  }
  const std::vector<std::string> files =
      flags.files.empty() ? std::vector<std::string>{"-"} : flags.files;
  for (const std::string& path : files) {
    SPILLWAY_ASSIGN(TextFile file,
                    ReadTextFile(path, session->working_folder, session->context.stop));
    SPILLWAY_ASSIGN(const int code, runner.RunScript({file.name, std::move(file.text)}));
    if (code != 0) return code;
  }
  return 0;
}

}  // namespace

void AddSqlCommand(CLI::App* app, Session* session) {
  CLI::App* command =
      app->add_subcommand("sql", "Perform statements: CREATE SYNCED TABLE, SYNC TABLE, SHOW …");
  auto flags = std::make_shared<SqlFlags>();
  auto* text = command->add_option("TEXT", flags->text,
                                   "Statements with semicolons between; else a prompt, or what "
                                   "comes on standard input");
  command->add_option("-f,--file", flags->files, "A script; - is standard input; may be repeated")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->excludes(text);
  command->add_flag("--no-sync", flags->no_sync, "CREATE SYNCED TABLE does not load");
  AddDryRun(command, session);
  command->footer(
      "Examples:\n"
      "  spillway sql \"CREATE SYNCED TABLE local.public.products FROM './lake/products' WITH "
      "(primary_key = 'product_id')\"\n"
      "  spillway sql \"SHOW SYNCED TABLES LIKE 'local.%'; SYNC TABLE local.public.products\"\n"
      "  spillway sql -f shop.sql");
  command->callback([session, flags] {
    session->action = [session, flags](service::World& world) {
      return RunSql(session, world, *flags);
    };
  });
}

}  // namespace spillway::face::cli
