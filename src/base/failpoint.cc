#include "base/failpoint.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>

#include "base/check.h"
#include "base/mutex.h"

namespace spillway::base {
namespace {

// In the order in which a first load passes them.
constexpr std::array<std::string_view, 20> kNames = {
    "observe.source",
    "observe.target",
    "fence.before",
    "fence.after",
    "plan",
    "stage.create.before",
    "stage.create.after",
    "task.begin",
    "task.batch",
    "task.commit.before",
    "task.commit.sent",
    "task.commit.after",
    "index.before",
    "index.after",
    "publish.begin",
    "publish.position",
    "publish.commit.before",
    "publish.commit.sent",
    "publish.commit.after",
    "state.record",
};

}  // namespace

std::span<const std::string_view> FailpointNames() { return kNames; }

#if defined(SPILLWAY_FAILPOINTS)
namespace {

enum class Kind { kError, kKill, kStop, kSleep };

struct Action {
  Kind kind = Kind::kError;
  int only_passage = 0;  // 0: every passage
  int sleep_ms = 0;
  int passages = 0;
  std::string text;
};

// Parses "[N*]action"; exits with a message on nonsense, since a misspelt failpoint would make a
// test pass in vain.
Action ParseAction(std::string_view text) {
  Action action;
  action.text = text;
  if (const auto star = text.find('*'); star != std::string_view::npos) {
    std::from_chars(text.data(), text.data() + star, action.only_passage);
    text.remove_prefix(star + 1);
  }
  if (text == "error") return action;
  if (text == "error-once") {
    action.only_passage = 1;
    return action;
  }
  if (text == "kill") {
    action.kind = Kind::kKill;
    return action;
  }
  if (text == "stop") {
    action.kind = Kind::kStop;
    return action;
  }
  if (text.starts_with("sleep(") && text.ends_with(")")) {
    action.kind = Kind::kSleep;
    const auto digits = text.substr(6, text.size() - 7);
    std::from_chars(digits.data(), digits.data() + digits.size(), action.sleep_ms);
    return action;
  }
  std::fprintf(stderr, "spillway: SPILLWAY_FAILPOINTS: unknown action '%s'\n", action.text.c_str());
  std::_Exit(2);
}

std::map<std::string, Action, std::less<>> ParseEnvironment() {
  std::map<std::string, Action, std::less<>> actions;
  const char* environment = std::getenv("SPILLWAY_FAILPOINTS");
  std::string_view rest = environment == nullptr ? "" : environment;
  while (!rest.empty()) {
    const auto end = rest.find(';');
    const std::string_view entry = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (entry.empty()) continue;
    const auto equals = entry.find('=');
    const std::string_view name = entry.substr(0, equals);
    if (equals == std::string_view::npos ||
        std::find(kNames.begin(), kNames.end(), name) == kNames.end()) {
      std::fprintf(stderr, "spillway: SPILLWAY_FAILPOINTS: unknown failpoint '%.*s'\n",
                   static_cast<int>(name.size()), name.data());
      std::_Exit(2);
    }
    actions.emplace(name, ParseAction(entry.substr(equals + 1)));
  }
  return actions;
}

}  // namespace

Status Failpoint(std::string_view name) {
  static Mutex mutex;
  static auto actions = ParseEnvironment();
  if (actions.empty()) return Status();
  Action action;
  {
    MutexLock lock(mutex);
    SPILLWAY_CHECK(std::find(kNames.begin(), kNames.end(), name) != kNames.end());
    const auto found = actions.find(name);
    if (found == actions.end()) return Status();
    ++found->second.passages;
    action = found->second;
  }
  if (action.only_passage != 0 && action.passages != action.only_passage) return Status();
  std::fprintf(stderr, "failpoint %.*s: %s\n", static_cast<int>(name.size()), name.data(),
               action.text.c_str());
  switch (action.kind) {
    case Kind::kError:
      return Status(ErrorClass::kFailpoint, "failpoint is set: " + std::string(name));
    case Kind::kKill:
      std::fflush(nullptr);
      std::raise(SIGKILL);
      return Status();
    case Kind::kStop:
      std::fflush(nullptr);
      std::raise(SIGSTOP);
      return Status();
    case Kind::kSleep:
      std::this_thread::sleep_for(std::chrono::milliseconds(action.sleep_ms));
      return Status();
  }
  return Status();
}
#endif

}  // namespace spillway::base
