#include <CLI/CLI.hpp>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "face/cli/command.h"
#include "face/cli/option_values.h"
#include "face/cli/sync_output.h"
#include "service/lake_tables.h"
#include "service/metrics.h"
#include "service/runs.h"
#include "service/selection.h"
#include "service/synced_tables.h"

namespace spillway::face::cli {
namespace {

using base::Result;
using Json = nlohmann::ordered_json;

constexpr std::string_view kEvery = "*";
constexpr std::int64_t kAllRuns = std::numeric_limits<std::int64_t>::max();

struct Selection {
  std::vector<std::string> names;
  bool all = false;

  // What the service is asked for. REQUIRES: Check has passed.
  std::vector<std::string> Wanted() const {
    return all ? std::vector<std::string>{std::string(kEvery)} : names;
  }
  // Whether the answer is a list, however many tables there are now.
  bool AsksForList() const { return all || names.size() > 1 || service::IsPattern(names.front()); }
  void Check() const {
    if (names.empty() != all) throw CLI::ValidationError("name synced tables, or give --all");
  }
};

std::shared_ptr<Selection> AddSelection(CLI::App* command) {
  auto selection = std::make_shared<Selection>();
  CompletedBy(KnownNames::kSyncedTables,
              command->add_option(
                  "NAME", selection->names,
                  "Synced tables, or patterns: 'shop.public.*' (quotes of names left out)"));
  command->add_flag("--all", selection->all, "Every synced table");
  return selection;
}

// With --all nothing to do is no error, also when there is no table at all: an empty list is shown.
Result<bool> NoneAtAll(Session* session, service::World& world, const Selection& selection) {
  if (!selection.all) return false;
  SPILLWAY_ASSIGN(const auto views, service::ListSyncedTables(session->context, world));
  if (!views.empty()) return false;
  session->console->Note("no synced tables yet");
  session->console->Print("[]");
  return true;
}

// `options` outlives the command.
void AddAllowDeletes(CLI::App* command, service::SyncOptions* options) {
  command->add_flag("--allow-deletes", options->deletes_allowed,
                    "Delete more than max_delete_share allows, and what cascades");
}

void AddSync(CLI::App* app, Session* session) {
  CLI::App* sync = app->add_subcommand("sync", "Bring synced tables up to their sources");
  const auto selection = AddSelection(sync);
  const auto options = std::make_shared<service::SyncOptions>();
  AddAllowDeletes(sync, options.get());
  AddDryRun(sync, session);
  sync->footer(
      "Examples:\n  spillway sync local.public.products\n  spillway sync 'shop.public.*'\n"
      "  spillway sync --all");
  sync->callback([session, selection, options] {
    selection->Check();
    session->action = [session, selection, options](service::World& world) -> Result<int> {
      SPILLWAY_ASSIGN(const bool none, NoneAtAll(session, world, *selection));
      if (none) return 0;
      if (session->dry_run) {
        return ExplainAndReport(session, world, selection->Wanted(), *options,
                                selection->AsksForList(), false);
      }
      return SyncAndReport(session, world, selection->Wanted(), *options, selection->AsksForList());
    };
  });
}

struct ResyncFlags {
  std::shared_ptr<Selection> selection;
  service::SyncOptions options{.rebuild = true};
};

void AddResyncAndExplain(CLI::App* app, Session* session) {
  CLI::App* resync = app->add_subcommand("resync", "Rebuild synced tables from their sources");
  auto flags = std::make_shared<ResyncFlags>();
  flags->selection = AddSelection(resync);
  AddAllowDeletes(resync, &flags->options);
  AddDryRun(resync, session);
  resync->footer("Example:\n  spillway resync local.public.products");
  resync->callback([session, flags] {
    flags->selection->Check();
    session->action = [session, flags](service::World& world) -> Result<int> {
      const service::SyncOptions& options = flags->options;
      SPILLWAY_ASSIGN(const bool none, NoneAtAll(session, world, *flags->selection));
      if (none) return 0;
      if (session->dry_run) {
        return ExplainAndReport(session, world, flags->selection->Wanted(), options,
                                flags->selection->AsksForList(), false);
      }
      return SyncAndReport(session, world, flags->selection->Wanted(), options,
                           flags->selection->AsksForList());
    };
  });

  CLI::App* explain =
      app->add_subcommand("explain", "Say what the next sync would do and why; writes nothing");
  const auto explained = AddSelection(explain);
  auto exit_code = std::make_shared<bool>(false);
  explain->add_flag("--exit-code", *exit_code, "Exit with 3 when there is something to do");
  explain->footer("Example:\n  spillway explain local.public.products");
  explain->callback([session, explained, exit_code] {
    explained->Check();
    session->action = [session, explained, exit_code](service::World& world) -> Result<int> {
      SPILLWAY_ASSIGN(const bool none, NoneAtAll(session, world, *explained));
      if (none) return 0;
      return ExplainAndReport(session, world, explained->Wanted(), {}, explained->AsksForList(),
                              *exit_code);
    };
  });
}

Json RunJson(const state::Run& run, bool whole) {
  Json json;
  json["run"] = run.id;
  json["synced_table"] = run.table_name;
  json["state"] = state::Name(run.state);
  json["started_at"] = service::FormatTimestamp(run.started_at);
  const bool ended = run.ended_at.has_value();
  json["took_ms"] = ended ? Json(std::chrono::duration_cast<std::chrono::milliseconds>(
                                     *run.ended_at - run.started_at)
                                     .count())
                          : Json();
  json["version"] = run.source_version ? Json(*run.source_version) : Json();
  json["rows"] = run.rows_read;
  const Json error = run.error.empty() ? Json() : Json::parse(run.error, nullptr, false);
  if (!whole) {
    json["error"] = error.is_object() ? Json(error.value("class", "")) : Json();
    return json;
  }
  json["rows_inserted"] = CountJson(run.rows_inserted);
  json["rows_updated"] = CountJson(run.rows_updated);
  json["rows_deleted"] = CountJson(run.rows_deleted);
  json["rows_unchanged"] = CountJson(run.rows_unchanged);
  json["rows_rejected"] = run.rows_rejected;
  json["bytes"] = run.bytes_written;
  json["bottleneck"] = run.bottleneck;
  Json phases = Json::object();
  for (const state::RunPhase& phase : run.phases) {
    phases[phase.name] =
        std::chrono::duration_cast<std::chrono::milliseconds>(phase.duration).count();
  }
  json["phases_ms"] = std::move(phases);
  // A table that waited for another of its group failed nowhere.
  const bool failed =
      error.is_object() && !run.phases.empty() &&
      error.value("class", "") != base::Describe(base::ErrorClass::kGroupNotPublished).name;
  if (failed) json["failed_in"] = run.phases.back().name;
  json["error"] = error;
  return json;
}

void AddRuns(CLI::App* app, Session* session) {
  CLI::App* parent = app->add_subcommand("runs", "What past syncs did");
  parent->require_subcommand(1);
  CLI::App* list = parent->add_subcommand("list", "The newest runs, newest first");
  auto names = std::make_shared<std::vector<std::string>>();
  auto limit = std::make_shared<std::int64_t>(20);
  CompletedBy(KnownNames::kSyncedTables,
              list->add_option("NAME", *names, "Only of these synced tables or patterns"));
  AddNumber(list, "--limit", {}, "At most so many, else 20; 0: all",
            [limit](std::int64_t number) { *limit = number; });
  list->footer("Example:\n  spillway runs list local.public.products --limit 5");
  list->callback([session, names, limit] {
    session->action = [session, names, limit](service::World& world) -> Result<int> {
      SPILLWAY_ASSIGN(const auto runs, service::ListRuns(session->context, world, *names,
                                                         *limit > 0 ? *limit : kAllRuns));
      Json json = Json::array();
      for (const state::Run& run : runs) json.push_back(RunJson(run, false));
      if (runs.empty()) session->console->Note("no runs yet");
      session->console->Print(json.dump());
      return 0;
    };
  });
  CLI::App* show = parent->add_subcommand("show", "One run: phases, rows, error");
  auto id = std::make_shared<std::string>();
  show->add_option("RUN", *id, "Its id or the beginning of it")->required();
  show->footer("Example:\n  spillway runs show 3f2a");
  show->callback([session, id] {
    session->action = [session, id](service::World& world) -> Result<int> {
      SPILLWAY_ASSIGN(const state::Run run, service::GetRun(session->context, world, *id));
      session->console->Print(RunJson(run, true).dump());
      return 0;
    };
  });
}

void AddMetrics(CLI::App* app, Session* session) {
  CLI::App* metrics =
      app->add_subcommand("metrics", "State, runs and freshness as OpenMetrics text");
  metrics->footer("Example:\n  spillway metrics > /var/lib/node_exporter/spillway.prom");
  metrics->callback([session] {
    session->action = [session](service::World& world) -> Result<int> {
      if (session->console->format != OutputFormat::kTable) {
        return base::Status(base::ErrorClass::kInvalidArgument,
                            "metrics are written as OpenMetrics text, whatever --output says")
            .Mend("Leave --output out; spillway runs list has the same as JSON or YAML.");
      }
      SPILLWAY_ASSIGN(const std::string text, service::OpenMetrics(session->context, world));
      session->console->Out(text);
      return 0;
    };
  });
}

}  // namespace

void AddSyncCommands(CLI::App* app, Session* session) {
  AddSync(app, session);
  AddResyncAndExplain(app, session);
  AddRuns(app, session);
  AddMetrics(app, session);
}

}  // namespace spillway::face::cli
