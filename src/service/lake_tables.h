#ifndef SPILLWAY_SERVICE_LAKE_TABLES_H_
#define SPILLWAY_SERVICE_LAKE_TABLES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "data/batch.h"
#include "lake/lake.h"
#include "service/world.h"

/// The verbs that look into a lake and change nothing: spillway lake show | history | schema |
/// read.
namespace spillway::service {

/// A moment that a person wrote.
struct ParsedTimestamp {
  lake::Timestamp time;
  bool assumed_utc = false;
};
/// Parses --timestamp: what data::ParseTimestamp reads (data/value_parse.h), a date alone being its
/// midnight. Without a zone it is UTC, and `assumed_utc` says so. Errors: INVALID_ARGUMENT.
base::Result<ParsedTimestamp> ParseTimestamp(std::string_view text);
/// RFC 3339 with microseconds as far as needed, in UTC.
std::string FormatTimestamp(lake::Timestamp time);

/// `source` is a registered name, URL or path.
base::Result<std::unique_ptr<lake::Table>> OpenSource(
    const base::Context& context, World& world, std::string_view source,
    const std::map<std::string, std::string>& storage_options, const lake::VersionSpec& version);

base::Result<std::vector<lake::Commit>> SourceHistory(
    const base::Context& context, World& world, std::string_view source,
    const std::map<std::string, std::string>& storage_options, std::int64_t limit);

/// What to read of a version.
struct ReadRequest {
  std::string source;
  std::map<std::string, std::string> storage_options;
  lake::VersionSpec version;
  std::optional<std::vector<std::string>> columns;
  std::string where;
  std::optional<std::int64_t> limit;
};

/// The rows asked for, split after split in the plan's order. Rows are filtered exactly. The world
/// outlives the stream. `warnings` receives what the table's reader has to say (a column left out).
base::Result<std::unique_ptr<data::BatchStream>> ReadSource(const base::Context& context,
                                                            World& world,
                                                            const ReadRequest& request,
                                                            std::vector<std::string>* warnings);

/// Writes `rows` as one Parquet file, whole or not at all; returns how many there were.
base::Result<std::int64_t> ExportParquet(const base::Context& context, World& world,
                                         const std::string& path,
                                         std::unique_ptr<data::BatchStream> rows);

}  // namespace spillway::service

#endif  // SPILLWAY_SERVICE_LAKE_TABLES_H_
