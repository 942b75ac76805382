#ifndef SPILLWAY_SYNC_DEFINITION_H_
#define SPILLWAY_SYNC_DEFINITION_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "target/table_state.h"

namespace spillway::sync {

enum class Mode : std::uint8_t { kFull, kIncremental, kContinuous };
enum class ChangeSource : std::uint8_t { kAuto, kCdf, kLog, kCompare, kColumn };
enum class OnBadRow : std::uint8_t { kFail, kReject };
enum class Deletes : std::uint8_t { kHard, kSoft, kHistory };
enum class SchemaChange : std::uint8_t { kEvolve, kAddOnly, kFail };
/// What becomes of NaN and infinity inside JSON: a bad row, or the strings "NaN", "Infinity",
/// "-Infinity".
enum class JsonNonfinite : std::uint8_t { kFail, kString };

using ExtraColumn = target::ExtraColumn;

/// What the user declared about one synced table. Every field from `source` on is a row of
/// definition_fields.h, and by it a key of every form.
struct Definition {
  std::string id;      ///< uuid, given at creation; the position in the target is found by it
  std::string target;  ///< name of the target: `local`, or one added by `spillway target add`
  target::TableName table;
  std::string source;  ///< registered name or URL, as declared
  Mode mode = Mode::kFull;
  ChangeSource change_source = ChangeSource::kAuto;
  std::string incremental_column;        ///< with ChangeSource::kColumn only
  std::vector<std::string> primary_key;  ///< empty: the source's constraint, else keyless
  std::string timeseries_key;            ///< among rows of one key the greatest wins; empty: none
  std::optional<std::vector<std::string>> columns;  ///< absent: all
  std::string where;                                ///< row predicate; empty: all rows
  std::string partition_zone = "UTC";               ///< of zone-less timestamps in partition values
  std::map<std::string, std::string> type_overrides;  ///< column → target type
  std::vector<ExtraColumn> extra_columns;             ///< in the target's order
  std::vector<std::string> indexes;
  JsonNonfinite json_nonfinite = JsonNonfinite::kFail;
  Deletes deletes = Deletes::kHard;
  bool history_every_version = false;  ///< `history: every_version`, with Deletes::kHistory only
  OnBadRow on_bad_row = OnBadRow::kFail;
  std::optional<std::int64_t> max_rejected;  ///< outstanding rejected rows; absent: no bound
  SchemaChange schema_change = SchemaChange::kEvolve;
  std::chrono::milliseconds rename_grace{0};  ///< 0: a renamed column goes at once
  double max_delete_percent = 50;  ///< of the target's rows; a sync deleting more stops; 100: any
  std::string schedule;            ///< Quartz cron and zone, an interval, `on_commit`; empty: none
  std::chrono::milliseconds freshness{0};  ///< later than that is late; 0: no promise
  std::string group;                       ///< tables of one group are published together
  std::string on_failure;                  ///< command given the event as JSON
  std::string on_late;                     ///< command given the event as JSON
  std::int64_t batch_rows = 8192;
  std::int32_t connections = 0;          ///< 0: chosen by planning
  std::chrono::milliseconds timeout{0};  ///< of a whole run; 0: none
  std::int32_t retries = 3;              ///< of a task whose connection was lost
  std::chrono::milliseconds lock_timeout{5000};

  bool operator==(const Definition&) const = default;
  /// target.schema.table, parts quoted as base::JoinNames does.
  std::string name() const;
};

/// Refuses what contradicts itself (INVALID_DEFINITION) and words that are coming
/// (NOT_YET_SUPPORTED, naming those that work); detail `field` names the key. What only the source
/// or the target can tell (columns, types, the predicate) is planning's to refuse.
base::Status Validate(const Definition& definition);

/// The definition as canonical JSON: fields in a fixed order, defaults left out.
std::string ToJson(const Definition& definition);
/// The inverse. Errors: INVALID_DEFINITION naming the member.
base::Result<Definition> DefinitionFromJson(std::string_view json);

/// Hash of everything that determines the target's rows and their form (Field::determines_rows).
/// Two definitions with one hash give equal tables. 64 hexadecimal digits.
std::string RowHash(const Definition& definition);

std::string_view Name(Mode mode);
/// `30s`, `15m`, `2h`, `90d`, `500ms`. Errors: INVALID_ARGUMENT.
base::Result<std::chrono::milliseconds> ParseDuration(std::string_view text);
std::string FormatDuration(std::chrono::milliseconds duration);

}  // namespace spillway::sync

#endif  // SPILLWAY_SYNC_DEFINITION_H_
