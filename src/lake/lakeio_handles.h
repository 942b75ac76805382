#ifndef SPILLWAY_LAKE_LAKEIO_HANDLES_H_
#define SPILLWAY_LAKE_LAKEIO_HANDLES_H_

#include <lakeio.h>

#include <memory>

/// lakeio's handles with owners.
namespace spillway::lake {

struct LakeioFree {
  void operator()(lakeio_runtime* runtime) const { lakeio_runtime_free(runtime); }
  void operator()(lakeio_table* table) const { lakeio_table_free(table); }
  void operator()(lakeio_cancel* cancel) const { lakeio_cancel_free(cancel); }
  void operator()(lakeio_error* error) const { lakeio_error_free(error); }
  void operator()(char* text) const { lakeio_string_free(text); }
};

using LakeioRuntime = std::unique_ptr<lakeio_runtime, LakeioFree>;
using LakeioTable = std::unique_ptr<lakeio_table, LakeioFree>;
using LakeioCancel = std::unique_ptr<lakeio_cancel, LakeioFree>;
using LakeioError = std::unique_ptr<lakeio_error, LakeioFree>;
using LakeioText = std::unique_ptr<char, LakeioFree>;

}  // namespace spillway::lake

#endif  // SPILLWAY_LAKE_LAKEIO_HANDLES_H_
