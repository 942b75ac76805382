#ifndef SPILLWAY_TARGET_STAGE_H_
#define SPILLWAY_TARGET_STAGE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "target/table_state.h"

/// A table being filled, and the fence under which it is. Plain data; any thread. Its persisted
/// form is docs/formats/stage.md.
namespace spillway::target {

/// A held fence: every write of the run carries it. A newer fence makes this one worthless.
struct Fence {
  std::string synced_table_id;
  std::int64_t number = 0;
  std::string run_id;
};

/// A table being filled: plain data, so that another process can open it.
struct Stage {
  TableName table;  ///< a real table in schema spillway
  TableName target;
  Fence fence;
  std::vector<Column> columns;
  std::string Serialize() const;
  static base::Result<Stage> Parse(std::string_view bytes);
};

/// The key and the indexes that a stage gets once it is full.
struct IndexSpec {
  std::vector<std::string> primary_key;  ///< empty: keyless
  std::vector<std::string> indexes;      ///< "(category)", "using gin (tags)" …
  bool name_violations = true;  ///< a violated key is looked up; false: only its class is wanted
};

}  // namespace spillway::target

#endif  // SPILLWAY_TARGET_STAGE_H_
