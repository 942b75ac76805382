#ifndef SPILLWAY_TARGET_PUBLISH_H_
#define SPILLWAY_TARGET_PUBLISH_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "target/stage.h"
#include "target/table_state.h"

/// The publish: how a full stage becomes what readers see. Plain data; any thread.
namespace spillway::target {

/// What became of a commit. kUnknown: the connection was lost after sending; nothing may be deleted
/// or repeated before the position is read again.
enum class CommitOutcome : std::uint8_t { kCommitted, kRejected, kUnknown };

/// How the stage's rows come into the table. A table that is not there yet is always a swap.
enum class PublishWay : std::uint8_t {
  kSwap,   ///< the stage takes the table's place, with everything that hangs on the table
  kApply,  ///< what differs is written into the table, which stays; the stage is dropped
};
std::string_view Name(PublishWay way);

/// What the publish of one table records and demands.
struct Publish {
  Stage stage;
  PublishWay way = PublishWay::kSwap;
  std::string planned_from;         ///< source_position read under my fence; empty: none
  PositionRow position;             ///< to be written
  std::int64_t expected_rows = 0;   ///< the sum that stage_task must hold; position.rows are left
                                    ///< of them when superseded and rejected rows are removed
  std::int64_t expected_tasks = 0;  ///< and the number of its task ids
  IndexSpec index;
  std::string table_comment;
  /// More deletes than this share of the table's present rows are TOO_MANY_DELETES; 100: any.
  double max_delete_percent = 100;
  /// Rows that a foreign key of others deletes or changes in its turn (ON DELETE CASCADE, SET …).
  bool cascades_allowed = false;
  std::optional<std::int64_t> max_rejected;  ///< more rejected rows than that: TOO_MANY_REJECTED
  std::chrono::milliseconds lock_timeout{5000};
};

/// Whether `deleted` of `present` rows are more than the share, in per cent, that may go at once
/// (`max_delete_share`). Zero deletes are never too many; any other number is when `percent` is 0.
bool DeletesTooMany(std::int64_t deleted, std::int64_t present, double percent);

/// What became of one table of a publish. A count that was not taken is absent: a swap does not
/// compare rows, and compares keys only where `max_delete_percent` asks.
struct PublishedTable {
  PublishWay way = PublishWay::kSwap;  ///< the one taken in the end
  std::string reason;                  ///< why not the one asked for, or what it cannot rule out
  std::optional<std::int64_t> inserted;
  std::optional<std::int64_t> updated;
  std::optional<std::int64_t> deleted;
  std::optional<std::int64_t> unchanged;
};

/// What became of a publish.
struct Published {
  CommitOutcome outcome = CommitOutcome::kUnknown;
  std::vector<PublishedTable> tables;       ///< in the order of the publishes
  std::chrono::microseconds locked_for{0};  ///< how long readers of the tables were kept away
};

}  // namespace spillway::target

#endif  // SPILLWAY_TARGET_PUBLISH_H_
