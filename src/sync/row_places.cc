#include "sync/row_places.h"

#include <utility>

namespace spillway::sync {

using base::Status;

RowPlaces::RowPlaces(lake::Lake& lake, const lake::Location& location, const std::string& scan,
                     std::string_view split, const lake::ReadOptions& options)
    : lake_(lake), location_(location), scan_(scan), split_(split), options_(options) {}

Status RowPlaces::Advance(const base::Context& context) {
  if (stream_ == nullptr) {
    SPILLWAY_ASSIGN(const lake::Scan places, lake_.PlacesOf(lake::Scan{scan_, nullptr}));
    SPILLWAY_ASSIGN(stream_, lake_.Read(context, location_, places, split_, options_));
  }
  if (batch_) first_ += batch_->rows();
  SPILLWAY_ASSIGN(batch_, stream_->Next(context));
  if (batch_) return Status();
  return Status(base::ErrorClass::kDataFileMissing,
                "a data file has fewer rows than when it was read first");
}

Status RowPlaces::Locate(const base::Context& context, std::vector<target::BadRow>* rows) {
  for (target::BadRow& row : *rows) {
    while (!batch_ || row.row >= first_ + batch_->rows()) SPILLWAY_TRY(Advance(context));
    const std::int64_t at = row.row - first_;
    const std::size_t columns = batch_->column_count();
    row.file = batch_->column(columns - 2).bytes(at);
    row.row = batch_->column(columns - 1).values<std::int64_t>()[at];
  }
  return Status();
}

}  // namespace spillway::sync
