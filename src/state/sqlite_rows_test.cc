#include "state/sqlite_rows.h"

#include <gtest/gtest.h>

namespace spillway::state {
namespace {

using base::ErrorClass;

state::Run AnyRun() {
  state::Run run;
  run.id = "run-1";
  run.synced_table_id = "id-1";
  run.table_name = "shop.public.products";
  run.state = RunState::kSucceeded;
  run.ended_at = Time(std::chrono::microseconds(5));
  run.phases = {{"load", std::chrono::microseconds(7)}};
  return run;
}

TEST(SqliteRows, RoundTrip) {
  const auto run = RunFromRow("path", RunToRow(AnyRun()));
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(*run, AnyRun());
  const Source source{"a", "s3://x", {{"k", "v"}}, Time(std::chrono::microseconds(-1))};
  const auto row = SourceToRow(source);
  ASSERT_TRUE(row.ok());
  const auto back = SourceFromRow("path", *row);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->storage_options, source.storage_options);
  EXPECT_EQ(back->created_at, source.created_at);
}

TEST(SqliteRows, NoticeAnyChangedColumn) {
  const SqlRow whole = RunToRow(AnyRun());
  for (std::size_t column = 0; column < whole.size(); ++column) {
    for (const SqlValue& other : {SqlValue(), SqlValue(std::int64_t{4711}), SqlValue("other")}) {
      SqlRow changed = whole;
      if (changed[column] == other) continue;
      changed[column] = other;
      const auto run = RunFromRow("path", changed);
      ASSERT_FALSE(run.ok()) << column;
      EXPECT_EQ(run.status().error_class(), ErrorClass::kStateCorrupt) << column;
    }
  }
  for (std::size_t columns = 0; columns < whole.size(); ++columns) {
    const SqlRow fewer(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(columns));
    EXPECT_FALSE(RunFromRow("path", fewer).ok()) << columns;
  }
}

TEST(SqliteRows, BelongToOneTable) {
  // The same values under another table's name have another checksum.
  const SqlRow setting = SettingToRow({"a", "b"});
  EXPECT_TRUE(SettingFromRow("path", setting).ok());
  EXPECT_FALSE(TargetFromRow("path", setting).ok());
  EXPECT_NE(SettingToRow({"a", "bc"}).back(), SettingToRow({"ab", "c"}).back());
}

}  // namespace
}  // namespace spillway::state
