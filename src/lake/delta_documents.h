#ifndef SPILLWAY_LAKE_DELTA_DOCUMENTS_H_
#define SPILLWAY_LAKE_DELTA_DOCUMENTS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lake/lake.h"

/// The JSON documents in which the Delta adapter talks with lakeio (lakeio.h), and the position it
/// leaves in targets (docs/formats/position.md). What lakeio answers and is no such document is
/// INTERNAL. Any thread.
namespace spillway::lake {

/// A version of a table as lakeio describes it.
struct DeltaDescription {
  Description description;
  std::string commit_fingerprint;
  data::Schema schema;  ///< with void columns
};

/// What a position's document holds.
struct DeltaPosition {
  std::string log_root;
  std::string table_id;
  Version version = 0;
  std::string commit_fingerprint;
};

/// lakeio's answer to "has anything changed?".
enum class ObservedState : std::uint8_t { kSame, kFollows, kOther };

std::string FormatLocation(const Location& location);
std::string FormatOpen(const Location& location, const VersionSpec& version);
std::string FormatObserve(const Location& location, const DeltaPosition& position);
std::string FormatHistory(const Location& location, std::int64_t limit);
std::string FormatReadSpec(const ReadSpec& spec);
/// The scan document `scan` with no columns but "_file" and "_row" (docs/formats/scan.md). Errors:
/// INVALID_ARGUMENT when it is no scan.
base::Result<std::string> PlacesDocument(std::string_view scan);
std::string FormatReadOptions(const Location& location, const ReadOptions& options);
std::string FormatCreate(const Location& location, const CreateSpec& spec);
std::string FormatAppend(const Location& location, const std::optional<Transaction>& transaction);
std::string FormatParquetWrite(const Location& file);

/// Errors besides INTERNAL: those of data::ParseDeltaSchema.
base::Result<DeltaDescription> ParseDescription(std::string_view json);
base::Result<Totals> ParseTotals(std::string_view json);
base::Result<ObservedState> ParseObserved(std::string_view json);
base::Result<std::vector<Commit>> ParseHistory(std::string_view json);
base::Result<Appended> ParseAppended(std::string_view json);
/// The number of rows of an answer that has "rows".
base::Result<std::int64_t> ParseRows(std::string_view json);
base::Result<Probe> ParseProbe(std::string_view json);

std::string FormatPosition(const DeltaPosition& position);
/// Errors: TARGET_CHANGED when the document is no position of this adapter.
base::Result<DeltaPosition> ParsePosition(std::string_view document);

}  // namespace spillway::lake

#endif  // SPILLWAY_LAKE_DELTA_DOCUMENTS_H_
