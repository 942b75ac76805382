#include <utility>

#include "lake/delta_documents.h"
#include "lake/delta_table.h"
#include "lake/lake.h"
#include "lake/lakeio_call.h"
#include "lake/row_stream.h"

namespace spillway::lake {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

// Passes batches on and keeps the error that ended them, whose class does not survive the way
// through lakeio.
class FailureKeeper final : public data::BatchStream {
 public:
  // `failure` must outlive the stream.
  FailureKeeper(std::unique_ptr<data::BatchStream> rows, Status* failure)
      : rows_(std::move(rows)), failure_(failure) {}

  const std::shared_ptr<const data::Schema>& schema() const override { return rows_->schema(); }

  Result<std::optional<data::Batch>> Next(const base::Context& context) override {
    auto batch = rows_->Next(context);
    if (!batch.ok()) *failure_ = batch.status();
    return batch;
  }

 private:
  std::unique_ptr<data::BatchStream> rows_;
  Status* failure_;
};

class DeltaLake final : public Lake {
 public:
  explicit DeltaLake(std::shared_ptr<Runtime> runtime) : runtime_(std::move(runtime)) {}

  Result<std::unique_ptr<Table>> Open(const base::Context& context, const Location& location,
                                      const VersionSpec& version) override {
    SPILLWAY_TRY(context.Check());
    const std::string request = FormatOpen(location, version);
    lakeio_table* table = nullptr;
    SPILLWAY_TRY(LakeioCall(context).Run([&](const lakeio_call* call) {
      return lakeio_table_open(lakeio(), call, request.c_str(), &table);
    }));
    return MakeDeltaTable(context, runtime_, LakeioTable(table));
  }

  Result<Observed> Observe(const base::Context& context, const Location& location,
                           const Position& recorded) override {
    SPILLWAY_ASSIGN(const DeltaPosition position, ParsePosition(recorded.document));
    const std::string request = FormatObserve(location, position);
    SPILLWAY_ASSIGN(const std::string answer,
                    LakeioCall(context).RunForText([&](const lakeio_call* call, char** out) {
                      return lakeio_observe(lakeio(), call, request.c_str(), out);
                    }));
    SPILLWAY_ASSIGN(const ObservedState state, ParseObserved(answer));
    switch (state) {
      case ObservedState::kSame:
        return Observed{Relation::kSame, nullptr};
      case ObservedState::kOther:
        return Observed{Relation::kOther, nullptr};
      case ObservedState::kFollows:
        break;
    }
    // Only the newer version itself tells whether it is still the same table.
    Observed observed;
    SPILLWAY_ASSIGN(observed.table, Open(context, location, VersionSpec()));
    const bool replaced = observed.table->description().table_id != position.table_id;
    observed.relation = replaced ? Relation::kReplaced : Relation::kFollows;
    return observed;
  }

  Result<std::vector<Commit>> History(const base::Context& context, const Location& location,
                                      std::int64_t limit) override {
    const std::string request = FormatHistory(location, limit);
    SPILLWAY_ASSIGN(const std::string answer,
                    LakeioCall(context).RunForText([&](const lakeio_call* call, char** out) {
                      return lakeio_history(lakeio(), call, request.c_str(), out);
                    }));
    return ParseHistory(answer);
  }

  Result<std::unique_ptr<data::BatchStream>> Read(const base::Context& context,
                                                  const Location& location, const Scan& scan,
                                                  std::string_view split,
                                                  const ReadOptions& options) override {
    const std::string request = FormatReadOptions(location, options);
    return OpenRowStream(
        context, runtime_, scan.schema, [&](const lakeio_call* call, ArrowArrayStream* out) {
          return lakeio_split_read(lakeio(), call, scan.document.c_str(),
                                   reinterpret_cast<const std::uint8_t*>(split.data()),
                                   split.size(), request.c_str(), out);
        });
  }

  Result<Scan> PlacesOf(const Scan& scan) const override {
    Scan places;
    SPILLWAY_ASSIGN(places.document, PlacesDocument(scan.document));
    return places;
  }

  Status Create(const base::Context& context, const Location& location,
                const CreateSpec& spec) override {
    const std::string request = FormatCreate(location, spec);
    auto answer = LakeioCall(context).RunForText([&](const lakeio_call* call, char** out) {
      return lakeio_table_create(lakeio(), call, request.c_str(), out);
    });
    return answer.ok() ? Status() : std::move(answer).status();
  }

  Result<Appended> Append(const base::Context& context, const Location& location,
                          std::unique_ptr<data::BatchStream> rows,
                          const std::optional<Transaction>& transaction) override {
    const std::string request = FormatAppend(location, transaction);
    SPILLWAY_ASSIGN(const std::string answer,
                    Send(context, std::move(rows),
                         [&](const lakeio_call* call, ArrowArrayStream* stream, char** out) {
                           return lakeio_table_append(lakeio(), call, request.c_str(), stream, out);
                         }));
    return ParseAppended(answer);
  }

  Result<std::int64_t> WriteParquet(const base::Context& context, const Location& file,
                                    std::unique_ptr<data::BatchStream> rows) override {
    const std::string request = FormatParquetWrite(file);
    SPILLWAY_ASSIGN(const std::string answer,
                    Send(context, std::move(rows),
                         [&](const lakeio_call* call, ArrowArrayStream* stream, char** out) {
                           return lakeio_parquet_write(lakeio(), call, request.c_str(), stream,
                                                       out);
                         }));
    return ParseRows(answer);
  }

  Result<Probe> Check(const base::Context& context, const Location& location) override {
    const std::string request = FormatLocation(location);
    SPILLWAY_ASSIGN(const std::string answer,
                    LakeioCall(context).RunForText([&](const lakeio_call* call, char** out) {
                      return lakeio_store_probe(lakeio(), call, request.c_str(), out);
                    }));
    return ParseProbe(answer);
  }

 private:
  lakeio_runtime* lakeio() const { return runtime_->lakeio.get(); }

  /// Gives `rows` to a call that takes them over as an Arrow stream.
  Result<std::string> Send(
      const base::Context& context, std::unique_ptr<data::BatchStream> rows,
      const std::function<lakeio_error*(const lakeio_call*, ArrowArrayStream*, char**)>& call) {
    SPILLWAY_TRY(context.Check());
    // lakeio pulls the rows on this thread, and has released the stream when the call returns.
    Status failure;
    ArrowArrayStream stream{};
    data::ExportStream(std::make_unique<FailureKeeper>(std::move(rows), &failure), context,
                       &stream);
    auto answer = LakeioCall(context).RunForText(
        [&](const lakeio_call* bounds, char** out) { return call(bounds, &stream, out); });
    // A context that was over before the call never gave the stream away.
    if (stream.release != nullptr) stream.release(&stream);
    if (!answer.ok() && !failure.ok()) return failure;
    return answer;
  }

  std::shared_ptr<Runtime> runtime_;  // shared: see Runtime
};

}  // namespace

Result<std::unique_ptr<Lake>> OpenDeltaLake() {
  if (lakeio_abi_version() != LAKEIO_ABI_VERSION) {
    return Status(ErrorClass::kInternal, "liblakeio.so is of another release: interface " +
                                             std::to_string(lakeio_abi_version()) + ", expected " +
                                             std::to_string(LAKEIO_ABI_VERSION))
        .Mend("Install the liblakeio.so that came with this program.");
  }
  lakeio_runtime* lakeio = nullptr;
  SPILLWAY_TRY(FromLakeio(lakeio_runtime_new("{}", nullptr, nullptr, &lakeio)));
  auto runtime = std::make_shared<Runtime>();  // shared: see Runtime
  runtime->lakeio.reset(lakeio);
  return std::unique_ptr<Lake>(std::make_unique<DeltaLake>(std::move(runtime)));
}

}  // namespace spillway::lake
