#ifndef SPILLWAY_FACE_CLI_SYNC_OUTPUT_H_
#define SPILLWAY_FACE_CLI_SYNC_OUTPUT_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "face/cli/command.h"
#include "service/syncs.h"
#include "sync/plan.h"

/// What the command line shows of plans and syncs.
namespace spillway::face::cli {

/// A plan as one JSON object.
std::string PlanJson(const std::string& name, const sync::Plan& plan);

/// A number of rows that may not have been counted, as JSON.
nlohmann::ordered_json CountJson(const std::optional<std::int64_t>& rows);

/// What became of one table, as one JSON object: `outcome` is done, nothing to do, skipped or
/// failed.
std::string OutcomeJson(const service::SyncOutcome& outcome);

/// The same as one sentence; the error of a failed one is not in it.
std::string Sentence(const service::SyncOutcome& outcome);

/// "3 synced, 1 nothing to do, 2 failed, 1 paused"; the numbers that are not zero.
std::string Summary(const std::vector<service::SyncOutcome>& outcomes);

/// Prints what a sync of `wanted` would do: a list when `as_list` or when a word named several,
/// else one object. The exit code: that of the error when one table was wanted, 1 when one of
/// several failed; else 3 when `exit_code` is set and there is something to do.
base::Result<int> ExplainAndReport(Session* session, service::World& world,
                                   const std::vector<std::string>& wanted,
                                   const service::SyncOptions& options, bool as_list,
                                   bool exit_code);

/// Syncs `wanted`, with progress on stderr and, when it is done, a sentence a table, or with
/// --output json and yaml their objects: a list when `as_list` or when a group came along, else
/// one. Returns the exit code: that of the error when one table was wanted, 1 when one of several
/// failed.
base::Result<int> SyncAndReport(Session* session, service::World& world,
                                const std::vector<std::string>& wanted,
                                const service::SyncOptions& options, bool as_list);

}  // namespace spillway::face::cli

#endif  // SPILLWAY_FACE_CLI_SYNC_OUTPUT_H_
