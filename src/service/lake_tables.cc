#include "service/lake_tables.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <utility>

#include "data/value_parse.h"
#include "data/value_text.h"

namespace spillway::service {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using std::chrono::microseconds;

Result<lake::Location> Locate(const base::Context& context, World& world, std::string_view source,
                              const std::map<std::string, std::string>& storage_options) {
  SPILLWAY_ASSIGN(source::ResolvedSource resolved, world.sources().Resolve(context, source));
  SPILLWAY_ASSIGN(auto given, world.sources().ResolveOptions(storage_options));
  for (auto& [key, value] : given) {
    resolved.location.storage_options.insert_or_assign(source::OptionName(key), std::move(value));
  }
  return std::move(resolved.location);
}

// Reads the splits of a scan one after another. Keeps the table open, which the listing belongs to.
class ScanStream : public data::BatchStream {
 public:
  ScanStream(lake::Lake* lake, lake::Location location, std::unique_ptr<lake::Table> table,
             lake::Scan scan, std::unique_ptr<lake::SplitStream> splits,
             std::optional<std::int64_t> limit, const lake::ReadOptions& options)
      : lake_(lake),
        location_(std::move(location)),
        table_(std::move(table)),
        scan_(std::move(scan)),
        splits_(std::move(splits)),
        left_(limit),
        options_(options) {}

  const std::shared_ptr<const data::Schema>& schema() const override { return scan_.schema; }

  Result<std::optional<data::Batch>> Next(const base::Context& context) override {
    while (!left_ || *left_ > 0) {
      SPILLWAY_TRY(context.Check());
      if (rows_ == nullptr) {
        SPILLWAY_ASSIGN(std::optional<lake::Split> split, splits_->Next(context));
        if (!split) break;
        SPILLWAY_ASSIGN(rows_, lake_->Read(context, location_, scan_, split->bytes, options_));
      }
      SPILLWAY_ASSIGN(std::optional<data::Batch> batch, rows_->Next(context));
      if (!batch) {
        rows_.reset();
        continue;
      }
      if (!left_) return batch;
      const std::int64_t taken = std::min(*left_, batch->rows());
      *left_ -= taken;
      return std::optional<data::Batch>(std::move(*batch).First(taken));
    }
    return std::optional<data::Batch>();
  }

 private:
  lake::Lake* lake_;
  lake::Location location_;
  std::unique_ptr<lake::Table> table_;
  lake::Scan scan_;
  std::unique_ptr<lake::SplitStream> splits_;
  std::unique_ptr<data::BatchStream> rows_;
  std::optional<std::int64_t> left_;
  lake::ReadOptions options_;
};

}  // namespace

Result<ParsedTimestamp> ParseTimestamp(std::string_view text) {
  const auto parsed = data::ParseTimestamp(text);
  if (!parsed) {
    return Status(ErrorClass::kInvalidArgument, "not a time: '" + std::string(text) + "'")
        .Mend("Write RFC 3339, for instance 2026-01-31T08:15:00Z or 2026-01-31.");
  }
  return ParsedTimestamp{lake::Timestamp(microseconds(parsed->micros)), !parsed->has_zone};
}

std::string FormatTimestamp(lake::Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  char date[data::kMaxScalarText];
  const auto days = static_cast<std::int32_t>(day.time_since_epoch().count());
  const std::chrono::hh_mm_ss<microseconds> clock(time - day);
  std::string text =
      fmt::format("{}T{:02}:{:02}:{:02}", std::string_view(date, data::WriteDate(days, date)),
                  clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (const std::int64_t fraction = clock.subseconds().count(); fraction != 0) {
    text += fraction % 1000 == 0 ? fmt::format(".{:03}", fraction / 1000)
                                 : fmt::format(".{:06}", fraction);
  }
  return text + "Z";
}

Result<std::unique_ptr<lake::Table>> OpenSource(
    const base::Context& context, World& world, std::string_view source,
    const std::map<std::string, std::string>& storage_options, const lake::VersionSpec& version) {
  SPILLWAY_ASSIGN(const lake::Location location, Locate(context, world, source, storage_options));
  SPILLWAY_ASSIGN(lake::Lake * lake, world.Lake());
  return lake->Open(context, location, version);
}

Result<std::vector<lake::Commit>> SourceHistory(
    const base::Context& context, World& world, std::string_view source,
    const std::map<std::string, std::string>& storage_options, std::int64_t limit) {
  SPILLWAY_ASSIGN(const lake::Location location, Locate(context, world, source, storage_options));
  SPILLWAY_ASSIGN(lake::Lake * lake, world.Lake());
  return lake->History(context, location, limit);
}

Result<std::unique_ptr<data::BatchStream>> ReadSource(const base::Context& context, World& world,
                                                      const ReadRequest& request,
                                                      std::vector<std::string>* warnings) {
  SPILLWAY_ASSIGN(lake::Location location,
                  Locate(context, world, request.source, request.storage_options));
  SPILLWAY_ASSIGN(lake::Lake * lake, world.Lake());
  SPILLWAY_ASSIGN(std::unique_ptr<lake::Table> table,
                  lake->Open(context, location, request.version));
  *warnings = table->description().warnings;
  lake::ReadSpec spec;
  spec.columns = request.columns;
  if (!request.where.empty()) {
    SPILLWAY_ASSIGN(spec.where, expr::Predicate::Parse(request.where, table->schema()));
  }
  SPILLWAY_ASSIGN(lake::Scan scan, table->Plan(context, spec));
  SPILLWAY_ASSIGN(std::unique_ptr<lake::SplitStream> splits, table->Splits(context, scan, 0));
  return std::unique_ptr<data::BatchStream>(
      std::make_unique<ScanStream>(lake, std::move(location), std::move(table), std::move(scan),
                                   std::move(splits), request.limit, lake::ReadOptions()));
}

Result<std::int64_t> ExportParquet(const base::Context& context, World& world,
                                   const std::string& path,
                                   std::unique_ptr<data::BatchStream> rows) {
  SPILLWAY_ASSIGN(lake::Lake * lake, world.Lake());
  return lake->WriteParquet(context, lake::Location{path, {}}, std::move(rows));
}

}  // namespace spillway::service
