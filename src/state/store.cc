#include "state/store.h"

#include <array>
#include <utility>

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

std::string QuotePart(const std::string& part) {
  if (!part.empty() && part.find_first_of(".\"") == std::string::npos) return part;
  std::string quoted = "\"";
  for (const char c : part) {
    if (c == '"') quoted.push_back('"');
    quoted.push_back(c);
  }
  return quoted + "\"";
}

}  // namespace

std::string SyncedTable::name() const {
  return QuotePart(target) + "." + QuotePart(schema) + "." + QuotePart(table);
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
