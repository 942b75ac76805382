#ifndef SPILLWAY_SYNC_EVENT_H_
#define SPILLWAY_SYNC_EVENT_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/status.h"

namespace spillway::sync {

enum class Phase : std::uint8_t { kObserve, kFence, kPlan, kLoad, kIndex, kPublish };
std::string_view Name(Phase phase);

/// What keeps a load from being faster at present.
enum class Bottleneck : std::uint8_t { kNone, kSource, kEncoding, kTarget };
/// For people: "reading the source", "the target server" …
std::string_view Name(Bottleneck bottleneck);

struct PhaseStarted {
  Phase phase;
};
struct PhaseFinished {
  Phase phase;
  std::chrono::milliseconds took{0};
};
/// Emitted a few times a second while rows move. Totals are estimates from the log.
struct Progress {
  Phase phase = Phase::kLoad;
  std::int64_t rows = 0;
  std::optional<std::int64_t> total_rows;
  std::int64_t bytes = 0;  ///< handed to the target
  std::int64_t splits_done = 0;
  std::chrono::milliseconds elapsed{0};
  std::optional<std::chrono::milliseconds> remaining;
  Bottleneck bottleneck = Bottleneck::kNone;
};
/// A choice and its reason, as explain would give it.
struct Decision {
  std::string text;
};
struct Warning {
  std::string text;
};
/// A task or run is tried again after an error.
struct Retry {
  std::string what;
  base::Status cause;
};

using Event = std::variant<PhaseStarted, PhaseFinished, Progress, Decision, Warning, Retry>;

/// Receives a run's events, one call at a time, on the run's own thread. Must not block for long.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void Receive(const std::string& synced_table, const Event& event) = 0;
};

}  // namespace spillway::sync

#endif  // SPILLWAY_SYNC_EVENT_H_
