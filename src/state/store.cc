#include "state/store.h"

#include <array>
#include <utility>

#include "base/name_list.h"

namespace spillway::state {
namespace {

constexpr std::array<std::pair<RunState, std::string_view>, 7> kRunStates = {{
    {RunState::kRunning, "running"},
    {RunState::kSucceeded, "succeeded"},
    {RunState::kNothingToDo, "nothing_to_do"},
    {RunState::kFailed, "failed"},
    {RunState::kCancelled, "cancelled"},
    {RunState::kUnknown, "unknown"},
    {RunState::kInterrupted, "interrupted"},
}};

}  // namespace

std::string SyncedTable::name() const {
  return base::JoinNames(std::array{target, schema, table}, '.');
}

std::string_view Name(RunState state) {
  for (const auto& [value, name] : kRunStates) {
    if (value == state) return name;
  }
  return {};
}

std::optional<RunState> RunStateByName(std::string_view name) {
  for (const auto& [value, known] : kRunStates) {
    if (known == name) return value;
  }
  return std::nullopt;
}

}  // namespace spillway::state
