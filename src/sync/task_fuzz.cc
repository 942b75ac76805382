// Any bytes as a task that travelled to a worker: refused, or the same bytes when written again.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sync/task.h"

namespace {

using namespace spillway;

/// A good task, so that the fuzzer need not find the form by itself.
std::string GoodTask() {
  sync::Task task;
  task.id = "0";
  task.source = "/lake/products";
  task.scan = "{}";
  task.splits = {"a", "bc"};
  task.options.key = {"id"};
  task.stage.table = {"spillway", "stage_1_0"};
  task.stage.target = {"public", "products"};
  task.stage.fence = {"11111111-2222-4333-8444-555555555555", 1, "run"};
  return task.Serialize();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const std::string good = GoodTask();
  std::string text(reinterpret_cast<const char*>(bytes), size);
  // An even first byte: the rest overwrites the good task from the place that the second one names.
  if (size >= 2 && bytes[0] % 2 == 0) {
    std::string damaged = good;
    const std::size_t at = bytes[1] % damaged.size();
    damaged.replace(at, std::min(size - 2, damaged.size() - at), text.substr(2));
    text = damaged;
  }
  const auto task = sync::Task::Parse(text);
  if (!task.ok()) {
    if (task.status().code() == base::Code::kInternal) std::abort();
    return 0;
  }
  const std::string written = task->Serialize();
  const auto again = sync::Task::Parse(written);
  if (!again.ok() || again->Serialize() != written || again->splits != task->splits) std::abort();
  return 0;
}
