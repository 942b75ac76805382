#include "sync/duplicates.h"

#include <algorithm>
#include <memory>
#include <unordered_set>
#include <utility>

#include "data/row_json.h"
#include "sync/loader.h"
#include "sync/row_places.h"

namespace spillway::sync {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

// Keys looked for in one read of the source.
constexpr std::int64_t kKeysAtATime = 200'000;
// Rows found that are held before they are handed to the target.
constexpr std::size_t kHeldRows = 5000;
constexpr std::size_t kHeldBytes = 4 << 20;

// Makes the reports of rows with a duplicate key.
class Reporter {
 public:
  static Result<Reporter> Make(const DuplicateSearch& search, const data::Schema& schema) {
    Reporter reporter;
    SPILLWAY_ASSIGN(reporter.json_, data::RowJson::Make(schema));
    for (const std::string& name : search.key) {
      const auto index = schema.Find(name);
      SPILLWAY_CHECK(index.has_value());  // OpenKeyImages found it
      reporter.key_columns_.push_back(*index);
    }
    return reporter;
  }

  // The row of `batch`, which is row `number` of its split.
  Result<target::BadRow> Report(const data::Batch& batch, std::int64_t row, std::int64_t number) {
    target::BadRow bad;
    bad.reason = "duplicate key";
    bad.error_class = ErrorClass::kPrimaryKeyConstraintViolation;
    SPILLWAY_ASSIGN(bad.key_json, json_->Write(batch, row, key_columns_));
    SPILLWAY_ASSIGN(bad.row_json, json_->Write(batch, row));
    bad.key = bad.key_json;
    bad.row = number;
    return bad;
  }

 private:
  std::optional<data::RowJson> json_;
  std::vector<std::size_t> key_columns_;
};

// Rows to be rejected, handed to the target when there are many. Which of them were rejected before
// the target knows: a row can be bad in a column, too, or a repeated one that its task held back.
class HeldRows {
 public:
  HeldRows(const DuplicateSearch& search, std::int64_t rejected)
      : search_(search), rejected_(rejected) {}

  std::int64_t rejected() const { return rejected_; }

  Status Add(const base::Context& context, std::vector<target::BadRow> rows) {
    for (target::BadRow& row : rows) {
      bytes_ += row.row_json.size();
      rows_.push_back(std::move(row));
    }
    return rows_.size() >= kHeldRows || bytes_ >= kHeldBytes ? Flush(context) : Status();
  }

  /// Errors: TOO_MANY_REJECTED, those of Target::RejectRows.
  Status Flush(const base::Context& context) {
    if (rows_.empty()) return Status();
    SPILLWAY_ASSIGN(const std::int64_t added,
                    search_.target->RejectRows(context, search_.stage, rows_));
    rejected_ += added;
    if (search_.max_rejected && rejected_ > *search_.max_rejected) {
      return target::TooManyRejected(search_.stage.target.ToString(), rejected_,
                                     *search_.max_rejected, target::NameBadRows(rows_));
    }
    rows_.clear();
    bytes_ = 0;
    return Status();
  }

 private:
  const DuplicateSearch& search_;
  std::int64_t rejected_;
  std::vector<target::BadRow> rows_;
  std::size_t bytes_ = 0;
};

// Reads the tasks that hold the first rows of repeated keys, up to the last such row of each.
class FirstRows {
 public:
  FirstRows(const DuplicateSearch& search,
            const std::vector<target::KeyRegister::Repeated>& repeated, bool naming)
      : search_(search), repeated_(repeated), naming_(naming), held_(search, search.rejected) {}

  bool complete() const { return next_ == repeated_.size(); }
  /// The rows to be named, when they are not to be rejected.
  const std::vector<target::BadRow>& named() const { return named_; }

  Status ReadTask(const base::Context& context, std::int64_t number,
                  const std::vector<std::string>& splits) {
    std::int64_t first = 0;  // number in the task of the split's first row
    for (const std::string& split : splits) {
      if (!IsWanted(number)) return Status();
      SPILLWAY_ASSIGN(auto stream, search_.lake->Read(context, search_.location, search_.scan,
                                                      split, search_.plan->read));
      if (keys_ == nullptr) {
        SPILLWAY_ASSIGN(
            keys_, search_.target->OpenKeyImages(search_.stage, *stream->schema(), search_.key));
        SPILLWAY_ASSIGN(reporter_, Reporter::Make(search_, *stream->schema()));
      }
      std::vector<target::BadRow> rows;
      std::int64_t read = 0;
      while (IsWanted(number)) {
        SPILLWAY_TRY(context.Check());
        SPILLWAY_ASSIGN(const std::optional<data::Batch> batch, stream->Next(context));
        if (!batch) break;
        SPILLWAY_TRY(Take(number, *batch, first + read, read, &rows));
        read += batch->rows();
      }
      first += read;
      if (rows.empty()) continue;
      RowPlaces places(*search_.lake, search_.location, search_.scan.document, split,
                       search_.plan->read);
      SPILLWAY_TRY(places.Locate(context, &rows));
      if (naming_) {
        named_.insert(named_.end(), rows.begin(), rows.end());
      } else {
        SPILLWAY_TRY(held_.Add(context, std::move(rows)));
      }
    }
    return Status();
  }

  Status Finish(const base::Context& context) {
    if (!complete()) return Status(ErrorClass::kInternal, "the first row of a key is not found");
    return held_.Flush(context);
  }

 private:
  bool IsWanted(std::int64_t task) const {
    return !complete() && repeated_[next_].first.task == task;
  }

  // The wanted rows of a batch, whose first one is `first` in the task and `in_split` in the split.
  Status Take(std::int64_t task, const data::Batch& batch, std::int64_t first,
              std::int64_t in_split, std::vector<target::BadRow>* rows) {
    if (repeated_[next_].first.row >= first + batch.rows()) return Status();
    SPILLWAY_ASSIGN(const std::vector<std::string> images, keys_->Of(batch));
    while (IsWanted(task) && repeated_[next_].first.row < first + batch.rows()) {
      const std::int64_t row = repeated_[next_].first.row - first;
      if (images[static_cast<std::size_t>(row)] != repeated_[next_].image) {
        return Status(ErrorClass::kInternal, "two keys have the same hash").Mend("Sync again.");
      }
      SPILLWAY_ASSIGN(target::BadRow bad, reporter_->Report(batch, row, in_split + row));
      rows->push_back(std::move(bad));
      ++next_;
    }
    return Status();
  }

  const DuplicateSearch& search_;
  const std::vector<target::KeyRegister::Repeated>& repeated_;
  const bool naming_;
  std::size_t next_ = 0;
  std::unique_ptr<target::KeyImages> keys_;
  std::optional<Reporter> reporter_;
  HeldRows held_;
  std::vector<target::BadRow> named_;
};

// One read of the source for some images.
class Finder {
 public:
  /// `rejected`: rows of the stage that are rejected already.
  Finder(const DuplicateSearch& search, std::unordered_set<std::string> images,
         std::int64_t rejected)
      : search_(search), images_(std::move(images)), held_(search, rejected) {}

  // The first rows of the images that are looked for, to be named and not rejected.
  Result<std::vector<target::BadRow>> Name(const base::Context& context) {
    naming_ = true;
    SPILLWAY_TRY(Run(context));
    return std::move(named_);
  }

  Status Run(const base::Context& context) {
    SPILLWAY_ASSIGN(auto splits,
                    search_.source->Splits(context, search_.scan, search_.plan->split_bytes));
    while (true) {
      SPILLWAY_ASSIGN(const std::optional<lake::Split> split, splits->Next(context));
      if (!split || enough()) return held_.Flush(context);
      SPILLWAY_TRY(ReadSplit(context, split->bytes));
    }
  }

  /// Rows of the stage that are rejected by now.
  std::int64_t rejected() const { return held_.rejected(); }

 private:
  Status ReadSplit(const base::Context& context, const std::string& split) {
    SPILLWAY_ASSIGN(auto stream, search_.lake->Read(context, search_.location, search_.scan, split,
                                                    search_.plan->read));
    if (keys_ == nullptr) SPILLWAY_TRY(Compile(*stream->schema()));
    RowPlaces places(*search_.lake, search_.location, search_.scan.document, split,
                     search_.plan->read);
    for (std::int64_t first = 0;;) {
      SPILLWAY_TRY(context.Check());
      SPILLWAY_ASSIGN(const std::optional<data::Batch> batch, stream->Next(context));
      if (!batch) return Status();
      std::vector<target::BadRow> rows;
      SPILLWAY_TRY(FindRows(*batch, first, &rows));
      first += batch->rows();
      if (rows.empty()) continue;
      SPILLWAY_TRY(places.Locate(context, &rows));
      SPILLWAY_TRY(Take(context, std::move(rows)));
      if (enough()) return Status();
    }
  }

  bool enough() const { return naming_ && named_.size() >= target::kBadRowsNamed; }

  Status Compile(const data::Schema& schema) {
    SPILLWAY_ASSIGN(keys_, search_.target->OpenKeyImages(search_.stage, schema, search_.columns));
    SPILLWAY_ASSIGN(reporter_, Reporter::Make(search_, schema));
    return Status();
  }

  Status FindRows(const data::Batch& batch, std::int64_t first, std::vector<target::BadRow>* rows) {
    SPILLWAY_ASSIGN(const std::vector<std::string> images, keys_->Of(batch));
    for (std::size_t i = 0; i < images.size(); ++i) {
      if (images[i].empty() || !images_.contains(images[i])) continue;
      const auto row = static_cast<std::int64_t>(i);
      SPILLWAY_ASSIGN(target::BadRow bad, reporter_->Report(batch, row, first + row));
      rows->push_back(std::move(bad));
    }
    return Status();
  }

  Status Take(const base::Context& context, std::vector<target::BadRow> rows) {
    if (!naming_) return held_.Add(context, std::move(rows));
    named_.insert(named_.end(), rows.begin(), rows.end());
    return Status();
  }

  const DuplicateSearch& search_;
  const std::unordered_set<std::string> images_;
  bool naming_ = false;
  std::unique_ptr<target::KeyImages> keys_;
  std::optional<Reporter> reporter_;
  HeldRows held_;
  std::vector<target::BadRow> named_;
};

// The violation of the key with up to ten of its rows and their places, as far as they are found.
Status WithPlaces(const base::Context& context, const DuplicateSearch& search, Status violation) {
  const auto images = search.target->RepeatedImages(
      context, search.stage, search.columns, static_cast<std::int64_t>(target::kBadRowsNamed));
  if (!images.ok() || images->empty()) return violation;
  auto rows = Finder(search, {images->begin(), images->end()}, 0).Name(context);
  if (!rows.ok() || rows->empty()) return violation;
  std::string message =
      std::string(violation.message()) + "; rows among them: " + target::NameBadRows(*rows);
  return std::move(violation)
      .Restate(std::move(message))
      .With("file", rows->front().file)
      .With("row", std::to_string(rows->front().row));
}

}  // namespace

Result<std::int64_t> RejectDuplicates(const base::Context& context, const DuplicateSearch& search) {
  std::int64_t removed = 0;
  std::int64_t rejected = search.rejected;
  while (true) {
    SPILLWAY_ASSIGN(
        const std::vector<std::string> images,
        search.target->RepeatedImages(context, search.stage, search.columns, kKeysAtATime));
    if (images.empty()) return removed;
    Finder finder(search, {images.begin(), images.end()}, rejected);
    SPILLWAY_TRY(finder.Run(context));
    rejected = finder.rejected();
    SPILLWAY_ASSIGN(const std::int64_t gone,
                    search.target->RemoveImages(context, search.stage, search.columns, images));
    if (gone == 0) {
      return Status(ErrorClass::kInternal, "rows with a duplicate key are not found again in " +
                                               search.stage.target.ToString());
    }
    removed += gone;
  }
}

Result<std::vector<std::string>> RejectFirstRows(const base::Context& context,
                                                 const DuplicateSearch& search) {
  std::vector<std::string> images;
  if (search.keys == nullptr) return images;
  std::vector<target::KeyRegister::Repeated> repeated = search.keys->TakeRepeated();
  if (repeated.empty()) return images;
  const auto all = search.rejected + static_cast<std::int64_t>(repeated.size());
  const bool too_many = search.max_rejected && all > *search.max_rejected;
  if (too_many) repeated.resize(std::min(repeated.size(), target::kBadRowsNamed));
  FirstRows first_rows(search, repeated, too_many);
  Status failed;
  SPILLWAY_TRY(ListTasks(context, *search.source, search.scan, *search.plan,
                         [&](std::int64_t number, const std::vector<std::string>& splits) {
                           failed = first_rows.ReadTask(context, number, splits);
                           return failed.ok() && !first_rows.complete();
                         }));
  SPILLWAY_TRY(failed);
  if (too_many) {
    return target::TooManyRejected(search.stage.target.ToString(), all, *search.max_rejected,
                                   target::NameBadRows(first_rows.named()));
  }
  SPILLWAY_TRY(first_rows.Finish(context));
  for (const target::KeyRegister::Repeated& one : repeated) images.push_back(one.image);
  return images;
}

Result<KeyOutcome> BuildKeyAndIndexes(const base::Context& context, const DuplicateSearch& search,
                                      const target::IndexSpec& index,
                                      const std::string& timeseries_key, bool reject) {
  KeyOutcome outcome;
  SPILLWAY_ASSIGN(const std::vector<std::string> repeated, RejectFirstRows(context, search));
  bool may_choose = !timeseries_key.empty();
  bool may_reject = reject;
  while (true) {
    target::IndexSpec attempt = index;
    // Which keys are violated is of interest only when nothing else can be done about it.
    attempt.name_violations = !may_choose && !may_reject;
    Status built = search.target->BuildIndexes(context, search.stage, attempt);
    if (built.ok() && repeated.empty()) return outcome;
    if (built.ok()) {
      // By the key, which is there now: each is found at once.
      SPILLWAY_ASSIGN(const std::int64_t removed,
                      search.target->RemoveImages(context, search.stage, search.key, repeated));
      outcome.rejected += removed;
      return outcome;
    }
    if (built.error_class() != ErrorClass::kPrimaryKeyConstraintViolation) return built;
    if (attempt.name_violations) return WithPlaces(context, search, std::move(built));
    if (std::exchange(may_choose, false)) {
      SPILLWAY_ASSIGN(outcome.superseded, search.target->KeepGreatest(context, search.stage,
                                                                      search.key, timeseries_key));
      if (outcome.superseded > 0) continue;
    }
    if (std::exchange(may_reject, false)) {
      SPILLWAY_ASSIGN(const std::int64_t removed, RejectDuplicates(context, search));
      outcome.rejected += removed;
    }
  }
}

}  // namespace spillway::sync
