#ifndef SPILLWAY_LAKE_ROW_STREAM_H_
#define SPILLWAY_LAKE_ROW_STREAM_H_

#include <functional>
#include <memory>

#include "base/context.h"
#include "base/result.h"
#include "data/batch.h"
#include "lake/lakeio_runtime.h"

namespace spillway::lake {

/// Opens a lakeio stream with `open` under `context` and gives it as batches whose pulls are
/// bounded by the context of each Next. `schema` is what is planned, or nullptr
/// (data::ImportStream). `runtime` is kept while the stream lives.
base::Result<std::unique_ptr<data::BatchStream>> OpenRowStream(
    const base::Context& context, std::shared_ptr<Runtime> runtime,
    std::shared_ptr<const data::Schema> schema,
    const std::function<lakeio_error*(const lakeio_call*, ArrowArrayStream*)>& open);

}  // namespace spillway::lake

#endif  // SPILLWAY_LAKE_ROW_STREAM_H_
