#include "lake/row_stream.h"

#include <algorithm>
#include <utility>

#include "lake/lakeio_call.h"

namespace spillway::lake {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

class RowStream final : public data::BatchStream {
 public:
  RowStream(std::shared_ptr<Runtime> runtime, LakeioCancel flag,
            std::unique_ptr<data::BatchStream> batches)
      : runtime_(std::move(runtime)), flag_(std::move(flag)), batches_(std::move(batches)) {}

  const std::shared_ptr<const data::Schema>& schema() const override { return batches_->schema(); }

  Result<std::optional<data::Batch>> Next(const base::Context& context) override {
    const RaiseOnStop raise(context.stop, flag_.get());
    const DeadlineAlarm::Guard guard(runtime_->alarm, context.deadline, flag_.get());
    auto batch = batches_->Next(context);
    if (!batch.ok() && batch.status().error_class() == ErrorClass::kCancelled &&
        !context.stop.stop_requested()) {
      // The flag was raised, and not by a stop.
      return Status(ErrorClass::kDeadlineExceeded, "the time allowed is over: reading rows");
    }
    return batch;
  }

 private:
  std::shared_ptr<Runtime> runtime_;  // shared: see Runtime
  LakeioCancel flag_;                 // outlives the stream, which looks at it
  std::unique_ptr<data::BatchStream> batches_;
};

}  // namespace

Result<std::unique_ptr<data::BatchStream>> OpenRowStream(
    const base::Context& context, std::shared_ptr<Runtime> runtime,
    std::shared_ptr<const data::Schema> schema,
    const std::function<lakeio_error*(const lakeio_call*, ArrowArrayStream*)>& open) {
  SPILLWAY_TRY(context.Check());
  LakeioCancel flag(lakeio_cancel_new());
  ArrowArrayStream stream{};
  lakeio_call bounds{.timeout_ms = 0, .cancel = flag.get()};
  if (const auto left = context.deadline.Remaining()) {
    bounds.timeout_ms = std::max<std::int64_t>(1, left->count());
  }
  const RaiseOnStop raise(context.stop, flag.get());
  SPILLWAY_TRY(FromLakeio(open(&bounds, &stream)));
  SPILLWAY_ASSIGN(auto batches, data::ImportStream(stream, std::move(schema)));
  return std::unique_ptr<data::BatchStream>(
      std::make_unique<RowStream>(std::move(runtime), std::move(flag), std::move(batches)));
}

}  // namespace spillway::lake
