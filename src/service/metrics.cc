#include "service/metrics.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "service/synced_tables.h"
#include "state/store.h"

namespace spillway::service {
namespace {

using base::Result;

constexpr std::int64_t kRunsLookedAt = 500;
constexpr std::array<std::string_view, 7> kStates = {
    "provisioning", "loading", "online", "updating", "paused", "failed", "offline"};

// A synced table and its runs, newest first.
struct Observed {
  SyncedTableView view;
  std::vector<state::Run> runs;
};

std::string Escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') escaped.push_back('\\');
    if (c == '\n') {
      escaped += "\\n";
    } else {
      escaped.push_back(c);
    }
  }
  return escaped;
}

double Seconds(std::chrono::microseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

const state::Run* LastSuccess(const Observed& observed) {
  for (const state::Run& run : observed.runs) {
    if (run.state == state::RunState::kSucceeded || run.state == state::RunState::kNothingToDo) {
      return &run;
    }
  }
  return nullptr;
}

const state::Run* LastEnded(const Observed& observed) {
  for (const state::Run& run : observed.runs) {
    if (run.ended_at) return &run;
  }
  return nullptr;
}

// One gauge: its name, help, unit and the value of a table, nullopt when there is none.
struct Gauge {
  std::string_view name;
  std::string_view unit;
  std::string_view help;
  std::function<std::optional<double>(const Observed&)> value;
};

std::vector<Gauge> Gauges() {
  return {
      {"spillway_synced_table_version", "", "Source version of the last successful run.",
       [](const Observed& observed) -> std::optional<double> {
         const state::Run* run = LastSuccess(observed);
         if (run == nullptr || !run->source_version) return std::nullopt;
         return static_cast<double>(*run->source_version);
       }},
      {"spillway_synced_table_last_success_timestamp_seconds", "seconds",
       "When the last successful run ended.",
       [](const Observed& observed) -> std::optional<double> {
         const state::Run* run = LastSuccess(observed);
         if (run == nullptr || !run->ended_at) return std::nullopt;
         return Seconds(run->ended_at->time_since_epoch());
       }},
      {"spillway_synced_table_last_run_seconds", "seconds", "How long the last ended run took.",
       [](const Observed& observed) -> std::optional<double> {
         const state::Run* run = LastEnded(observed);
         if (run == nullptr) return std::nullopt;
         return Seconds(*run->ended_at - run->started_at);
       }},
      {"spillway_synced_table_last_run_rows", "", "Rows that the last ended run wrote.",
       [](const Observed& observed) -> std::optional<double> {
         const state::Run* run = LastEnded(observed);
         if (run == nullptr) return std::nullopt;
         // A swap writes every row.
         if (!run->rows_updated) return static_cast<double>(run->rows_read);
         return static_cast<double>(run->rows_inserted.value_or(0) + *run->rows_updated +
                                    run->rows_deleted.value_or(0));
       }},
      {"spillway_synced_table_rejected_rows", "", "Rejected rows after the last successful run.",
       [](const Observed& observed) -> std::optional<double> {
         const state::Run* run = LastSuccess(observed);
         if (run == nullptr) return std::nullopt;
         return static_cast<double>(run->rows_rejected);
       }},
      {"spillway_synced_table_failed_runs", "", "Failed runs since the last successful one.",
       [](const Observed& observed) -> std::optional<double> {
         double failed = 0;
         for (const state::Run& run : observed.runs) {
           if (&run == LastSuccess(observed)) break;
           failed += run.state == state::RunState::kFailed ? 1 : 0;
         }
         return failed;
       }},
      {"spillway_synced_table_freshness_seconds", "seconds",
       "The declared freshness; later than that is late.",
       [](const Observed& observed) -> std::optional<double> {
         const auto freshness = observed.view.definition.freshness;
         if (freshness.count() == 0) return std::nullopt;
         return Seconds(freshness);
       }},
  };
}

}  // namespace

Result<std::string> OpenMetrics(const base::Context& context, World& world) {
  SPILLWAY_ASSIGN(const std::vector<SyncedTableView> views, ListSyncedTables(context, world));
  std::vector<Observed> tables;
  for (const SyncedTableView& view : views) {
    SPILLWAY_ASSIGN(auto runs, world.store().ListRuns(context, view.definition.id, kRunsLookedAt));
    tables.push_back({view, std::move(runs)});
  }
  std::string text =
      "# TYPE spillway_synced_table_state stateset\n"
      "# HELP spillway_synced_table_state The synced table's state.\n";
  for (const Observed& table : tables) {
    for (const std::string_view state : kStates) {
      text += fmt::format(
          "spillway_synced_table_state{{synced_table=\"{}\",spillway_synced_table_state=\"{}\"}} "
          "{}\n",
          Escape(table.view.definition.name()), state, table.view.state == state ? 1 : 0);
    }
  }
  for (const Gauge& gauge : Gauges()) {
    text += fmt::format("# TYPE {} gauge\n", gauge.name);
    if (!gauge.unit.empty()) text += fmt::format("# UNIT {} {}\n", gauge.name, gauge.unit);
    text += fmt::format("# HELP {} {}\n", gauge.name, gauge.help);
    for (const Observed& table : tables) {
      if (const auto value = gauge.value(table)) {
        text += fmt::format("{}{{synced_table=\"{}\"}} {}\n", gauge.name,
                            Escape(table.view.definition.name()), *value);
      }
    }
  }
  text +=
      "# TYPE spillway_synced_table_phase_seconds gauge\n"
      "# UNIT spillway_synced_table_phase_seconds seconds\n"
      "# HELP spillway_synced_table_phase_seconds How long a phase of the last ended run took.\n";
  for (const Observed& table : tables) {
    const state::Run* run = LastEnded(table);
    if (run == nullptr) continue;
    for (const state::RunPhase& phase : run->phases) {
      text += fmt::format(
          "spillway_synced_table_phase_seconds{{synced_table=\"{}\",phase=\"{}\"}} {}\n",
          Escape(table.view.definition.name()), Escape(phase.name), Seconds(phase.duration));
    }
  }
  return text + "# EOF\n";
}

}  // namespace spillway::service
