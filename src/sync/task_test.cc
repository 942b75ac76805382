#include "sync/task.h"

#include <gtest/gtest.h>

namespace spillway::sync {
namespace {

Task TheTask() {
  Task task;
  task.id = "12";
  task.source = "lake.sales.products";
  task.scan = R"({"version":1})";
  task.splits = {std::string("a\0b", 3), "", std::string(300, 'x')};
  task.options = {{"id"}, true};
  task.reject = true;
  task.stage.table = {"spillway", "stage_1"};
  task.stage.target = {"public", "t"};
  task.stage.fence = {"id-1", 4, "run-1"};
  task.stage.columns = {{"id", {data::TypeKind::kLong, 0, 0, 0, {}}, "bigint", true, "the key"}};
  task.read = {100, 1 << 20, 1 << 24, false};
  return task;
}

TEST(Task, RoundTripIsExactAndDeterministic) {
  const std::string bytes = TheTask().Serialize();
  EXPECT_EQ(bytes, TheTask().Serialize());
  const base::Result<Task> again = Task::Parse(bytes);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(again->Serialize(), bytes);
  EXPECT_EQ(again->splits, TheTask().splits);
  EXPECT_EQ(again->options.key, TheTask().options.key);
  EXPECT_TRUE(again->options.json_nonfinite_strings);
  EXPECT_TRUE(again->reject);
  EXPECT_EQ(again->stage.fence.number, 4);
  EXPECT_EQ(again->stage.columns, TheTask().stage.columns);
}

TEST(Task, EveryTruncationIsRefused) {
  const std::string bytes = TheTask().Serialize();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(Task::Parse(std::string_view(bytes).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(Task::Parse(bytes + "x").ok());
}

TEST(Task, AFlippedBitNeverCrashes) {
  const std::string bytes = TheTask().Serialize();
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    if (const base::Result<Task> task = Task::Parse(flipped); task.ok()) {
      // What was understood is a task: it prints as bytes that mean the same.
      const base::Result<Task> again = Task::Parse(task->Serialize());
      ASSERT_TRUE(again.ok()) << again.status().ToString();
      EXPECT_EQ(again->Serialize(), task->Serialize());
    }
  }
}

TEST(Task, NewerFormatIsNamed) {
  std::string bytes = TheTask().Serialize();
  bytes[4] = 9;
  EXPECT_EQ(Task::Parse(bytes).status().message(),
            "not a task: format version 9, this release reads 2");
}

}  // namespace
}  // namespace spillway::sync
