#include "face/cli/sync_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/shell_word.h"
#include "face/cli/question.h"
#include "service/error_json.h"

namespace spillway::face::cli {
namespace {

using base::Result;
using base::Status;
using Json = nlohmann::ordered_json;

Json ReportJson(const sync::Report& report) {
  Json json;
  json["action"] = sync::Name(report.action);
  json["reason"] = report.reason;
  json["version"] = report.to_version;
  json["rows"] = report.rows;
  json["rejected"] = report.rejected;
  if (report.superseded > 0) json["superseded"] = report.superseded;
  json["bytes"] = report.bytes;
  if (report.action != sync::Action::kNothing) {
    const target::PublishedTable& published = report.published;
    json["published_by"] = target::Name(published.way);
    if (!published.reason.empty()) json["published_by_reason"] = published.reason;
    json["rows_inserted"] = CountJson(published.inserted);
    json["rows_updated"] = CountJson(published.updated);
    json["rows_deleted"] = CountJson(published.deleted);
    json["rows_unchanged"] = CountJson(published.unchanged);
  }
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

std::string_view Outcome(const service::SyncOutcome& outcome) {
  if (!outcome.status.ok()) return "failed";
  if (outcome.skipped) return "skipped";
  return outcome.report.action == sync::Action::kNothing ? "nothing to do" : "done";
}

bool AsksForConsent(const Status& status) {
  return !status.ok() && (status.error_class() == base::ErrorClass::kTooManyDeletes ||
                          status.error_class() == base::ErrorClass::kCascadingDeletes);
}

// Those of `outcomes` that stopped for deletes which the user, asked on the terminal, consents to;
// none when there is nobody to ask.
Result<std::vector<std::string>> Consented(const Session& session,
                                           const std::vector<service::SyncOutcome>& outcomes) {
  std::vector<std::string> names;
  for (const service::SyncOutcome& outcome : outcomes) {
    if (!AsksForConsent(outcome.status)) continue;
    SPILLWAY_ASSIGN(const bool consented,
                    Confirm(session, "Sync " + outcome.name + " again, and delete these rows?"));
    if (consented) names.push_back(outcome.name);
  }
  return names;
}

// The code that all failures share, else 1. A table that waited for another of its group says
// nothing of its own.
int CommonExitCode(const std::vector<service::SyncOutcome>& outcomes) {
  std::set<int> own;
  bool any = false;
  for (const service::SyncOutcome& outcome : outcomes) {
    if (outcome.status.ok()) continue;
    any = true;
    if (outcome.status.error_class() != base::ErrorClass::kGroupNotPublished) {
      own.insert(ExitCode(outcome.status));
    }
  }
  if (!any) return 0;
  return own.size() == 1 ? *own.begin() : 1;
}

}  // namespace

std::string PlanJson(const std::string& name, const sync::Plan& plan) {
  Json json;
  json["synced_table"] = name;
  json["action"] = sync::Name(plan.action);
  json["reason"] = plan.reason;
  json["from_version"] = plan.from_version ? Json(*plan.from_version) : Json();
  json["to_version"] = plan.to_version;
  if (!plan.way_reason.empty()) json["way_reason"] = plan.way_reason;
  Json other_ways = Json::object();
  for (const sync::OtherWay& other : plan.other_ways) other_ways[other.way] = other.cost;
  json["other_ways"] = std::move(other_ways);
  if (plan.action == sync::Action::kNothing) {
    if (!plan.warnings.empty()) json["warnings"] = plan.warnings;
    return json.dump();
  }
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
  return json.dump();
}

Json CountJson(const std::optional<std::int64_t>& rows) { return rows ? Json(*rows) : Json(); }

std::string OutcomeJson(const service::SyncOutcome& outcome) {
  Json json;
  json["synced_table"] = outcome.name;
  json["outcome"] = Outcome(outcome);
  if (!outcome.status.ok()) {
    json["error"] = Json::parse(service::ErrorJson(outcome.status));
  } else if (outcome.skipped) {
    json["reason"] = "paused";
  } else {
    json.update(ReportJson(outcome.report));
  }
  return json.dump();
}

std::string Sentence(const service::SyncOutcome& outcome) {
  if (!outcome.status.ok()) return outcome.name + ": failed";
  if (outcome.skipped) return outcome.name + ": skipped, it is paused";
  const sync::Report& report = outcome.report;
  if (report.action == sync::Action::kNothing) {
    return fmt::format("{}: nothing to do, {}", outcome.name, report.reason);
  }
  std::int64_t total = 0;
  for (const auto& [phase, took] : report.phases) total += took.count();
  std::string rejected;
  if (report.rejected > 0) {
    rejected = fmt::format("; {} rows rejected, see: spillway rejected list {}",
                           FormatCount(report.rejected), base::ShellWord(outcome.name));
  }
  return fmt::format("{}: {} rows of version {} in {:.2f} s{}", outcome.name,
                     FormatCount(report.rows), report.to_version, static_cast<double>(total) / 1000,
                     rejected);
}

std::string Summary(const std::vector<service::SyncOutcome>& outcomes) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kWords = {
      {{"done", "synced"},
       {"nothing to do", "nothing to do"},
       {"failed", "failed"},
       {"skipped", "paused"}}};
  std::string text;
  for (const auto& [word, shown] : kWords) {
    const auto count = std::ranges::count_if(
        outcomes, [&](const service::SyncOutcome& one) { return Outcome(one) == word; });
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, shown);
  }
  return text;
}

// Says which tables come along because a group is published as one.
Status NoteBroughtAlong(Session* session, service::World& world,
                        const std::vector<std::string>& wanted,
                        const service::SyncOptions& options) {
  SPILLWAY_ASSIGN(const auto all, service::BringsAlong(session->context, world, wanted));
  for (const service::BroughtAlong& along : all) {
    session->console->Note(fmt::format(
        "group {} of {} is published as one, so {} too: {}", along.group, along.target,
        options.rebuild ? "these are rebuilt" : "these are synced", fmt::join(along.names, ", ")));
  }
  return Status();
}

Result<int> ExplainAndReport(Session* session, service::World& world,
                             const std::vector<std::string>& wanted,
                             const service::SyncOptions& options, bool as_list, bool exit_code) {
  SPILLWAY_TRY(NoteBroughtAlong(session, world, wanted, options));
  const auto explained = service::ExplainTables(session->context, world, wanted, options);
  Json list = Json::array();
  bool something = false;
  int code = 0;
  for (const service::Explained& one : explained) {
    if (!one.plan.ok()) {
      session->console->Error(Status(one.plan.status()).While(one.name));
      code = explained.size() == 1 ? ExitCode(one.plan.status()) : 1;
      continue;
    }
    something = something || one.plan->action != sync::Action::kNothing;
    list.push_back(Json::parse(PlanJson(one.name, *one.plan)));
  }
  if (session->console->format == OutputFormat::kTable) {
    for (const Json& json : list) {
      if (json != list.front()) session->console->Line("");
      session->console->Print(json.dump());
    }
  } else if (as_list || explained.size() > 1) {
    session->console->Print(list.dump());
  } else if (!list.empty()) {
    session->console->Print(list.front().dump());
  }
  if (code != 0) return code;
  return exit_code && something ? 3 : 0;
}

Result<int> SyncAndReport(Session* session, service::World& world,
                          const std::vector<std::string>& wanted,
                          const service::SyncOptions& options, bool as_list) {
  Console& console = *session->console;
  session->syncs = true;
  SPILLWAY_TRY(NoteBroughtAlong(session, world, wanted, options));
  const auto progress = MakeProgress(session->progress, &console);
  const bool table = console.format == OutputFormat::kTable;
  const auto each = [&](const service::SyncOutcome& outcome) {
    if (!outcome.status.ok())
      return console.Error(base::Status(outcome.status).While(outcome.name));
    for (const std::string& warning : outcome.report.warnings) {
      if (outcome.report.action == sync::Action::kNothing) console.Warn(warning);
    }
    if (table) console.Line(Shown(Sentence(outcome)));
  };
  SPILLWAY_ASSIGN(
      std::vector<service::SyncOutcome> outcomes,
      service::SyncTables(session->context, world, wanted, options, progress.get(), each));
  SPILLWAY_ASSIGN(const std::vector<std::string> names, Consented(*session, outcomes));
  if (!names.empty()) {
    service::SyncOptions consented = options;
    consented.deletes_allowed = true;
    SPILLWAY_ASSIGN(
        std::vector<service::SyncOutcome> again,
        service::SyncTables(session->context, world, names, consented, progress.get(), each));
    for (service::SyncOutcome& outcome : again) {
      const auto before = std::ranges::find(outcomes, outcome.name, &service::SyncOutcome::name);
      if (before != outcomes.end()) *before = std::move(outcome);
    }
  }
  if (outcomes.size() > 1) console.Note(Summary(outcomes));
  if (!table && !as_list && outcomes.size() == 1) {
    if (outcomes.front().status.ok()) console.Print(OutcomeJson(outcomes.front()));
  } else if (!table) {
    Json list = Json::array();
    for (const service::SyncOutcome& outcome : outcomes) {
      list.push_back(Json::parse(OutcomeJson(outcome)));
    }
    console.Print(list.dump());
  }
  if (session->context.stop.stop_requested())
    return ExitCode(Status(base::ErrorClass::kCancelled, ""));
  return CommonExitCode(outcomes);
}

}  // namespace spillway::face::cli
